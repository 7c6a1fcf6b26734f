// What may go wrong with clocks: wall time that is off or is set, and machines whose time passes at another speed, or leaps.

import type { SeededRandom } from "../../random.js";
import type { SimCluster } from "../cluster.js";
import type { SimHost } from "../host.js";
import { type Fault, type Faults, onHost } from "./fault.js";

export const clockFaults: Faults = {
  "skew clock": [2, skewClock],
  "jump clocks": [1, jumpClocks],
  "tick skew": [3, skewTicks],
  "leap clock": [1, leapClock],
};

/** A leap of up to so long, by powers of ten. */
const leapPowers = 6;

/** Within what honest clocks differ by. */
function skewClock(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onHost(cluster, random, ({ name, clock }) => {
    clock.wallOffsetMs = random.int(8_000) - 4_000;
    return { what: `the wall clock of ${name} is off by ${clock.wallOffsetMs} ms` };
  });
}

/** Somebody sets the wall clock; all hosts share it. */
function jumpClocks(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const byMs = random.pick([-3_600_000, -5_000, 5_000, 3_600_000]) ?? 0;
  cluster.clock.jumpWall(byMs);
  return { what: `the wall clock jumps by ${byMs / 1000} s` };
}

/** Engine, daemon and manager of a machine have too much time, or too little. */
function skewTicks(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onAnyOrLeader(cluster, random, (host) => {
    const rate = random.pick([0.3, 0.7, 1.5, 3]) ?? 1;
    disturb(cluster, host);
    host.skew(rate);
    const end = (): void => {
      disturb(cluster, host);
      host.skew(1);
    };
    return { what: `the clock of ${host.name} takes ${rate} ms for one`, end };
  });
}

/** As of a virtual machine that was away: all that looks at its clock finds itself late. */
function leapClock(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  return onAnyOrLeader(cluster, random, (host) => {
    const byMs = Math.round(random.next() * 10 ** random.int(leapPowers));
    disturb(cluster, host);
    host.clock.leap(byMs);
    return { what: `the clock of ${host.name} leaps by ${byMs} ms` };
  });
}

function onAnyOrLeader(
  cluster: SimCluster,
  random: SeededRandom,
  fault: (host: SimHost) => ReturnType<Fault>,
): ReturnType<Fault> {
  const { leader } = cluster.managers;
  const isAtLeader = random.chance(0.5);
  return onHost(cluster, random, (any) => {
    const led = leader && cluster.members.find(({ name }) => name === leader.name);
    return fault(isAtLeader && led ? led : any);
  });
}

/** What a manager does, all hosts may feel. */
function disturb(cluster: SimCluster, host: SimHost): void {
  if (cluster.managers.get(host.name)) cluster.disturb();
  else host.disturb();
}
