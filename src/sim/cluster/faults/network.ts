// What may go wrong between the machines: groups that do not reach each other, ways that carry in one direction only, connections
// that break, and messages that come again.

import type { SeededRandom } from "../../random.js";
import type { SimCluster } from "../cluster.js";
import type { Fault, Faults } from "./fault.js";

const slowRate = 4;

export const networkFaults: Faults = {
  partition: [3, partition],
  "one-way partition": [3, oneWay],
  "leader alone": [2, leaderAlone],
  "slow leader alone": [2, slowLeaderAlone],
  "broken connections": [2, brokenConnections],
  replay: [2, replay],
};

function partition(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const names = namesOf(cluster);
  const side = names.filter(() => random.chance(0.4));
  return cut(cluster, side, names, "both", `${side.join(", ")} and the others do not reach each other`);
}

function oneWay(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const names = namesOf(cluster);
  const victim = aMachine(cluster, random);
  if (victim === undefined) return undefined;
  const way = random.chance(0.5) ? "out" : "in";
  const some = names.filter((name) => name === victim || random.chance(0.7));
  return cut(cluster, [victim], some, way, `nothing comes ${way} of or into ${victim}, of ${some.join(", ")}`);
}

/** It still hears its agents, and leads nobody. */
function leaderAlone(cluster: SimCluster): ReturnType<Fault> {
  const { leader } = cluster.managers;
  if (!leader) return undefined;
  const managers = cluster.managers.all.map(({ name }) => name);
  return cut(cluster, [leader.name], managers, "both", `leader ${leader.name} reaches no other manager`);
}

/** It goes on leading for long after the others have given it up, and its agents and users with it. */
function slowLeaderAlone(cluster: SimCluster): ReturnType<Fault> {
  const alone = leaderAlone(cluster);
  const host = cluster.members.find(({ name }) => name === cluster.managers.leader?.name);
  if (!alone || !host) return undefined;
  host.skew(slowRate);
  const end = (): void => {
    host.skew(1);
    alone.end?.();
  };
  return { what: `${alone.what}, and its clock takes ${slowRate} ms for one`, end };
}

/** Between the managers; both live on. */
function brokenConnections(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  const victim = random.pick(cluster.managers.all);
  if (!victim) return undefined;
  cluster.disturb();
  cluster.lines.breakConnections(victim.name, () => random.chance(0.5));
  return { what: `the connections of manager ${victim.name} break` };
}

/** Of the managers' messages, whoever sent them and lives or not. */
function replay(cluster: SimCluster, random: SeededRandom): ReturnType<Fault> {
  if (cluster.managers.all.length < 2) return undefined;
  const count = 1 + random.int(20);
  cluster.disturb();
  cluster.lines.replay(count);
  return { what: `${count} old messages of managers arrive once more` };
}

function cut(
  cluster: SimCluster,
  side: readonly string[],
  all: readonly string[],
  way: "in" | "out" | "both",
  what: string,
): ReturnType<Fault> {
  const others = all.filter((name) => !side.includes(name));
  if (side.length === 0 || others.length === 0) return undefined;
  cluster.disturb();
  const heals: (() => void)[] = [];
  for (const one of side) {
    for (const other of others) {
      if (way !== "in") heals.push(cluster.network.cut(one, other));
      if (way !== "out") heals.push(cluster.network.cut(other, one));
    }
  }
  const end = (): void => {
    cluster.disturb();
    for (const heal of heals) heal();
  };
  return { what, end };
}

function namesOf(cluster: SimCluster): readonly string[] {
  return cluster.members.map(({ name }) => name);
}

function aMachine(cluster: SimCluster, random: SeededRandom): string | undefined {
  const name = random.pick(namesOf(cluster));
  return random.chance(0.5) ? (cluster.managers.leader?.name ?? name) : name;
}
