// What may go wrong in a simulated cluster, drawn from a seed; each fault says how it ends.

import type { SeededRandom } from "../random.js";
import type { SimCluster } from "./cluster.js";
import type { SimHost } from "./host.js";

/** Ends what was begun, and runs the clock itself if that takes time. */
export type End = () => Promise<void> | void;

/** Begins a fault; undefined where it makes no sense now. */
export type Fault = (
  cluster: SimCluster,
  random: SeededRandom,
) => { readonly what: string; readonly end?: End } | undefined;

export const faults: readonly (readonly [weight: number, fault: Fault])[] = [
  [6, killContainer],
  [3, killDaemon],
  [3, stopDaemon],
  [3, powerOff],
  [4, cutLine],
  [2, resetLine],
  [3, freezeEngine],
  [3, crashEngine],
  [3, loseAnswers],
  [2, failPulls],
  [4, crashManager],
  [2, crashManagerWithin],
  [1, jumpClock],
];

function killContainer(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const victim = random.pick(cluster.containers().filter(({ isRunning }) => isRunning));
  if (!victim) return undefined;
  cluster.host(victim.host).engine.killProcess(victim.containerId, { oom: random.chance(0.2) });
  return { what: `a container of ${victim.serviceName} on ${victim.host} is killed` };
}

function killDaemon(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    if (!host.isDaemonUp) return undefined;
    host.killDaemon();
    return { what: `the daemon of ${host.name} is killed`, end: () => host.startDaemon() };
  });
}

function stopDaemon(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    if (!host.isDaemonUp) return undefined;
    const reason = random.chance(0.8) ? "restarting" : "leaving";
    // Nobody waits for its goodbye: whatever happens to it meanwhile, the next daemon starts when this fault ends.
    void host.stopDaemon(reason);
    const end = (): void => {
      host.killDaemon();
      host.startDaemon();
    };
    return { what: `the daemon of ${host.name} is told to stop, ${reason}`, end };
  });
}

function powerOff(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    if (!host.isPowered) return undefined;
    host.powerOff();
    return { what: `${host.name} loses its power`, end: () => host.powerOn() };
  });
}

function cutLine(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    if (host.link.isCut || !host.isPowered) return undefined;
    host.cutLine();
    return { what: `the line of ${host.name} is cut`, end: ifPowered(host, () => host.healLine()) };
  });
}

function resetLine(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    host.disturb();
    host.link.reset();
    return { what: `the connections of ${host.name} are reset` };
  });
}

function freezeEngine(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    if (!host.isPowered) return undefined;
    host.freezeEngine();
    return { what: `the engine of ${host.name} freezes`, end: ifPowered(host, () => host.recoverEngine()) };
  });
}

function crashEngine(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    if (!host.isPowered) return undefined;
    const killed = random.chance(0.5);
    host.crashEngine();
    return {
      what: `the engine of ${host.name} crashes${killed ? " with its containers" : ""}`,
      end: ifPowered(host, () => host.recoverEngine({ killed })),
    };
  });
}

function loseAnswers(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    const count = 1 + random.int(3);
    host.disturb();
    host.engine.loseAnswers(count);
    return { what: `${count} answers of the engine of ${host.name} get lost` };
  });
}

function failPulls(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const image = `app:${1 + random.int(4)}`;
  const fault = random.chance(0.5) ? { message: "toomanyrequests" } : ({ hangs: true } as const);
  for (const { engine } of cluster.hosts) engine.failPull(image, fault);
  return {
    what: `pulls of ${image} ${"hangs" in fault ? "hang" : "fail"}`,
    end: () => {
      for (const { engine } of cluster.hosts) engine.failPull(image, undefined);
    },
  };
}

function crashManager(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  if (!cluster.manager.isUp) return undefined;
  const survival = random.pick([undefined, "nothing", "everything", "torn"] as const);
  cluster.manager.crash(survival);
  return {
    what: `the manager dies, of its unsynced writes survive: ${survival ?? "all, it was the process alone"}`,
    end: () => cluster.startManager(),
  };
}

/** Not between two writes but within one: after so many operations of the disk. */
function crashManagerWithin(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const { manager } = cluster;
  if (!manager.isUp) return undefined;
  const operations = 1 + random.int(12);
  manager.disk.crashAfter(operations);
  return {
    what: `the manager's machine dies within the ${operations}th operation of its disk from now`,
    end: () => {
      manager.crash("torn");
      return cluster.startManager();
    },
  };
}

/** Somebody sets the wall clock; all hosts share it. */
function jumpClock(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const byMs = random.pick([-3_600_000, -5_000, 5_000, 3_600_000]) ?? 0;
  cluster.clock.jumpWall(byMs);
  return { what: `the wall clock jumps by ${byMs / 1000} s` };
}

/** A host without power has nothing to mend; it comes back whole. */
function ifPowered(host: SimHost, end: () => void): End {
  return () => {
    if (host.isPowered) end();
  };
}

function onHost(
  cluster: SimCluster,
  random: SeededRandom,
  fault: (host: SimHost) => ReturnType<Fault>,
): ReturnType<Fault> {
  const host = random.pick(cluster.hosts);
  return host && fault(host);
}
