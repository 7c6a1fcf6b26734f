// What may go wrong with a manager: half of it strikes the leader, that is where it hurts.

import type { SeededRandom } from "../../random.js";
import type { SimCluster } from "../cluster.js";
import type { SimHost } from "../host.js";
import { diskMs, type SimManager } from "../manager.js";
import type { Fault, Faults } from "./fault.js";

export const managerFaults: Faults = {
  "manager dies": [4, managerDies],
  "manager restarts": [2, managerRestarts],
  "manager loses power": [4, managerLosesPower],
  outage: [1, outage],
  "manager pauses": [2, managerPauses],
  "manager dies at its disk": [3, diesWithin],
  "slow disk": [2, slowDisk],
  "full disk": [2, fullDisk],
  "failed disk": [2, failedDisk],
  "wiped manager": [2, wiped],
  "flipped bit": [2, flippedBit],
  "hand over": [2, handOver],
};

function managerDies(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (_manager, host) => {
    if (!host.isDaemonUp) return undefined;
    host.killDaemon();
    return { what: `manager ${host.name} dies`, end: () => host.startDaemon() };
  });
}

function managerRestarts(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (_manager, host) => {
    if (!host.isDaemonUp) return undefined;
    void host.stopDaemon("restarting");
    const end = (): void => {
      if (!host.isPowered || !host.isMember) return;
      host.killDaemon();
      host.startDaemon();
    };
    return { what: `manager ${host.name} is told to restart`, end };
  });
}

function managerLosesPower(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (_manager, host) => {
    if (!host.isPowered) return undefined;
    host.powerOff();
    return { what: `manager ${host.name} loses its power`, end: () => host.powerOn() };
  });
}

function outage(cluster: SimCluster): ReturnType<Fault> {
  cluster.disturb();
  const hosts = hostsOf(cluster).filter(({ isPowered }) => isPowered);
  for (const host of hosts) host.powerOff();
  const end = (): void => {
    cluster.disturb();
    for (const host of hosts) host.powerOn();
  };
  return { what: "all managers lose their power", end };
}

function managerPauses(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (manager, host) => {
    if (!manager.isUp) return undefined;
    cluster.disturb();
    host.pauseDaemon();
    const end = (): void => {
      cluster.disturb();
      host.resumeDaemon();
    };
    return { what: `manager ${host.name} stands still`, end };
  });
}

/** Not between two writes but within one: after so many operations of the disk. */
function diesWithin(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (manager, host) => {
    if (!manager.isUp) return undefined;
    const operations = 1 + random.int(12);
    manager.disk.crashAfter(operations);
    const end = (): void => {
      if (host.isPowered && manager.disk.isDead) host.powerOff();
      manager.disk.crashAfter(Number.POSITIVE_INFINITY);
      host.powerOn();
    };
    return { what: `the machine of manager ${host.name} dies within the ${operations}th operation of its disk`, end };
  });
}

function slowDisk(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (manager) => {
    const ms = random.pick([5, 30, 150, 600]) ?? diskMs;
    cluster.disturb();
    manager.disk.delayMs.sync = ms;
    return { what: `each sync of manager ${manager.name} takes ${ms} ms`, end: () => mend(cluster, manager) };
  });
}

function fullDisk(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (manager) => {
    cluster.disturb();
    manager.disk.capacityBytes = 0;
    return { what: `the disk of manager ${manager.name} is full`, end: () => mend(cluster, manager) };
  });
}

function failedDisk(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (manager) => {
    const kind = random.pick(["sync", "write", "syncFolder", "rename"] as const) ?? "sync";
    cluster.disturb();
    manager.disk.failNext = kind;
    return { what: `the next ${kind} of manager ${manager.name} fails`, end: () => mend(cluster, manager) };
  });
}

/** What it promised is forgotten: only one at a time, while the others can do without it. */
function wiped(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (manager, host) => {
    if (!cluster.managers.mayLose(manager) || !host.isDaemonUp) return undefined;
    manager.wipe();
    void manager.restart();
    return { what: `manager ${host.name} loses its log` };
  });
}

/** It has to notice: it refuses to start, and what comes in its place is another member. */
function flippedBit(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onManager(cluster, random, (manager, host) => {
    if (!cluster.managers.mayLose(manager) || !host.isDaemonUp) return undefined;
    const isFlipped = manager.flip(random.next());
    return { what: `${isFlipped ? "a bit turns over on the disk of" : "nothing is to be lost by"} ${host.name}` };
  });
}

function handOver(cluster: SimCluster): ReturnType<Fault> {
  const { leader } = cluster.managers;
  if (!leader?.manager || cluster.voters.length < 2) return undefined;
  void leader.manager.handOver().catch(() => undefined);
  return { what: `manager ${leader.name} hands leadership over` };
}

function mend(cluster: SimCluster, manager: SimManager): void {
  cluster.disturb();
  manager.mendDisk();
}

function hostsOf(cluster: SimCluster): readonly SimHost[] {
  return cluster.members.filter(({ name }) => cluster.managers.get(name));
}

function onManager(
  cluster: SimCluster,
  random: SeededRandom,
  fault: (manager: SimManager, host: SimHost) => ReturnType<Fault>,
): ReturnType<Fault> {
  const { leader } = cluster.managers;
  const isAtLeader = random.chance(0.5);
  const any = random.pick(hostsOf(cluster));
  const host = isAtLeader && leader ? cluster.members.find(({ name }) => name === leader.name) : any;
  const manager = host && cluster.managers.get(host.name);
  return manager && fault(manager, host);
}
