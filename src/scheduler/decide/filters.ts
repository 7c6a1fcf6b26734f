// The filters a node must pass, in Docker's order and with its words (swarm-semantics §5.3).

import type { Node } from "../../gen/skep/v1/objects.js";
import { coversGeneric, runsAny } from "../../model/index.js";
import type { Asked, Needs, Plugin } from "./needs.js";
import type { NodeInfo } from "./node-info.js";

export type FilterName = "ready" | "resource" | "plugin" | "constraint" | "platform" | "host port" | "max replicas";

export interface Filter {
  readonly name: FilterName;
  /** Whether it has anything to check for such tasks. */
  isActive(needs: Needs): boolean;
  passes(info: NodeInfo, asked: Asked): boolean;
  /** What a user reads when this filter refused `count` nodes. */
  explain(count: number): string;
}

export const filters: readonly Filter[] = [
  {
    name: "ready",
    isActive: () => true,
    passes: (info) => info.isReady,
    explain: (count) =>
      (count === 1 ? "1 node not available" : `${count} nodes not available`).concat(" for new tasks"),
  },
  {
    name: "resource",
    isActive: (needs) => needs.cpus !== 0 || needs.memory !== 0 || needs.generic.length > 0,
    passes: (info, { needs }) =>
      info.freeCpus >= needs.cpus &&
      info.freeMemory >= needs.memory &&
      (needs.generic.length === 0 || coversGeneric(info.freeGeneric, needs.generic)),
    explain: (count) => `insufficient resources on ${nodes(count)}`,
  },
  {
    name: "plugin",
    isActive: (needs) => needs.plugins.length > 0,
    passes: (info, { needs }) => needs.plugins.every((plugin) => hasPlugin(info.node, plugin)),
    explain: (count) => `missing plugin on ${nodes(count)}`,
  },
  {
    name: "constraint",
    isActive: (needs) => needs.constraints.length > 0,
    passes: (info, { needs }) => needs.matches(info.node),
    explain: (count) => `scheduling constraints not satisfied on ${nodes(count)}`,
  },
  {
    name: "platform",
    isActive: (needs) => needs.platforms.length > 0,
    passes: (info, { needs }) => runsAny(info.node.description?.platform, needs.platforms),
    explain: (count) => `unsupported platform on ${nodes(count)}`,
  },
  {
    name: "host port",
    isActive: (needs) => needs.hostPorts.length > 0,
    passes: (info, { needs }) => !needs.hostPorts.some((port) => info.hostPorts.has(port)),
    explain: (count) => `host-mode port already in use on ${nodes(count)}`,
  },
  {
    name: "max replicas",
    isActive: (needs) => needs.maxReplicas > 0,
    passes: (info, { needs, serviceId }) => info.countOf(serviceId) < needs.maxReplicas,
    explain: () => "max replicas per node limit exceed",
  },
];

/** The filters that have something to check for tasks with these needs. */
export function activeFilters(needs: Needs): readonly Filter[] {
  return filters.filter((filter) => filter.isActive(needs));
}

/** How many nodes each filter was the first to refuse, most first (§5.3). */
export interface RefusalCount {
  readonly filter: FilterName;
  readonly count: number;
}

export function countRefusals(infos: Iterable<NodeInfo>, asked: Asked): readonly RefusalCount[] {
  const active = activeFilters(asked.needs);
  const refused = active.map(() => 0);
  for (const info of infos) {
    const at = active.findIndex((filter) => !filter.passes(info, asked));
    if (at >= 0) refused[at] = (refused[at] ?? 0) + 1;
  }
  return active
    .map(({ name }, at) => ({ filter: name, count: refused[at] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
}

/** Why no node takes a task, in Docker's words. */
export function explain(refused: readonly RefusalCount[]): string {
  return refused.length === 0 ? "no suitable node" : `no suitable node (${explainBare(refused)})`;
}

/** The same for a task that is for one node. */
export function explainBare(refused: readonly RefusalCount[]): string {
  return refused.map(({ filter, count }) => filters.find(({ name }) => name === filter)?.explain(count)).join("; ");
}

function nodes(count: number): string {
  return count === 1 ? "1 node" : `${count} nodes`;
}

/** Listed by name, or as `name:latest`. Where a node lists no log or network drivers at all, nothing is known and it passes. */
export function hasPlugin(node: Node, plugin: Plugin): boolean {
  const engine = node.description?.engine;
  if (engine === undefined) return true;
  const ofType = engine.plugins.filter((each) => each.type === plugin.type);
  if (plugin.type !== "Volume" && ofType.length === 0) return true;
  return ofType.some((each) => each.name === plugin.name || each.name === `${plugin.name}:latest`);
}
