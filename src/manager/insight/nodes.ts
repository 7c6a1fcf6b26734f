// Nodes × filters: what each filter says of each node for a task that waits for one.

import type { ExplainedNode, NodeCheck } from "../../api/types.js";
import { type Node, NodeState } from "../../gen/skep/v1/objects.js";
import { NodeAvailability } from "../../gen/skep/v1/specs.js";
import { nodeName, satisfiesAll } from "../../model/index.js";
import {
  type Asked,
  type Check,
  checksOf,
  type FilterName,
  type Needs,
  type NodeInfo,
  nodeInfoOf,
} from "../../scheduler/index.js";
import type { View } from "../../store/index.js";
import { nameOfTask, naturally } from "./names.js";

/** Nodes looked at and listed for one cause, those first that could take the task most easily. */
export const nodesListedMax = 100;

/** A node that was looked at, with all that refuses. */
export interface Examined {
  readonly info: NodeInfo;
  readonly checks: readonly Check[];
  readonly refused: number;
}

export interface Examination {
  readonly nodes: readonly Examined[];
  readonly leftOut: number;
}

/** Looks at the nodes that may come into question, and at no more of them than are listed. */
export function examine(view: View, asked: Asked, among: Iterable<Node>): Examination {
  const ranked = [...among]
    .map((node) => ({ node, name: nodeName(node), rank: distance(node, asked) }))
    .sort((a, b) => a.rank - b.rank || naturally(a.name, b.name));
  const known = new Map<string, Needs>();
  const nodes = ranked
    .slice(0, nodesListedMax)
    .map(({ node }) => examined(asked, nodeInfoOf(view, node, known)))
    .sort((a, b) => a.refused - b.refused);
  return { nodes, leftOut: Math.max(0, ranked.length - nodesListedMax) };
}

export function explainNode(view: View, { info, checks }: Examined): ExplainedNode {
  return {
    ID: info.id,
    Hostname: nodeName(info.node),
    Checks: checks.map((check) => explainCheck(view, check)),
  };
}

/** How many of the nodes each filter refuses, most first. */
export function refusals(nodes: readonly Examined[]): readonly { readonly Filter: string; readonly Nodes: number }[] {
  const counts = new Map<FilterName, number>();
  for (const { checks } of nodes) {
    for (const { filter, refusal } of checks) if (refusal) counts.set(filter, (counts.get(filter) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([filter, count]) => ({ Filter: filterWords[filter], Nodes: count }));
}

function examined(asked: Asked, info: NodeInfo): Examined {
  const checks = checksOf(asked, info);
  return { info, checks, refused: checks.filter(({ refusal }) => refusal !== undefined).length };
}

/** What can be told from the row alone, so that not every node's tasks are looked at. */
function distance(node: Node, { needs }: Asked): number {
  const isActive = (node.spec?.availability ?? NodeAvailability.ACTIVE) === NodeAvailability.ACTIVE;
  const isReady = node.status?.state === NodeState.READY;
  return Number(!isReady) + Number(!isActive) + Number(!satisfiesAll(node, needs.constraints));
}

const filterWords: Readonly<Record<FilterName, string>> = {
  ready: "node",
  resource: "resources",
  plugin: "plugins",
  constraint: "constraint",
  platform: "platform",
  "host port": "port",
  "max replicas": "max-replicas-per-node",
};

function explainCheck(view: View, { filter, refusal }: Check): NodeCheck {
  const Filter = filterWords[filter];
  if (refusal === undefined) return { Filter, Passes: true, Says: "ok" };
  const { detail, holderId } = refusal;
  const named = holderId === undefined ? detail : detail.replace(`task ${holderId}`, nameOfTask(view, holderId));
  // It stands beside the filter's name.
  return { Filter, Passes: false, Says: named.replace(/^port /, "") };
}
