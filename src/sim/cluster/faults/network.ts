// What may go wrong between the machines: groups that do not reach each other, and ways that carry in one direction only.

import type { SeededRandom } from "../../random.js";
import type { SimCluster } from "../cluster.js";
import type { Fault, Faults } from "./fault.js";

export const networkFaults: Faults = {
  partition: [3, partition],
  "one-way partition": [3, oneWay],
  "leader alone": [2, leaderAlone],
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
