// What may go wrong with a host: its containers, daemon, power, line and engine.

import type { SeededRandom } from "../../random.js";
import type { SimCluster } from "../cluster.js";
import { type Fault, type Faults, ifPowered, onHost } from "./fault.js";

export const hostFaults: Faults = {
  "kill container": [6, killContainer],
  "kill daemon": [3, killDaemon],
  "stop daemon": [3, stopDaemon],
  "pause daemon": [2, pauseDaemon],
  "power off": [3, powerOff],
  "cut line": [4, cutLine],
  "reset line": [2, resetLine],
  "freeze engine": [3, freezeEngine],
  "crash engine": [3, crashEngine],
  "lose answers": [3, loseAnswers],
  "fail pulls": [2, failPulls],
};

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
      if (!host.isPowered || !host.isMember) return;
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

function pauseDaemon(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, (host) => {
    if (!host.isDaemonUp) return undefined;
    cluster.disturb();
    host.pauseDaemon();
    const end = (): void => {
      cluster.disturb();
      host.resumeDaemon();
    };
    return { what: `the daemon of ${host.name} stands still`, end };
  });
}
