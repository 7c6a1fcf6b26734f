// A global service: which nodes have no task of it, and why they are to have none.

import type { LackingNodes } from "../../api/types.js";
import type { Service, Task } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { isWanted, nodeName } from "../../model/index.js";
import { type Asked, askedBy, type Needs, nodeInfoOf, refusalOf } from "../../scheduler/index.js";
import type { View } from "../../store/index.js";
import { naturally } from "./names.js";

/** Nodes named for each reason, and reasons. */
export const lackingNamesMax = 20;
const reasonsMax = 20;

export function lackingNodes(
  view: View,
  service: Service,
  spec: ServiceSpec,
  tasks: readonly Task[],
): readonly LackingNodes[] {
  const served = new Set(tasks.filter(isWanted).map(({ nodeId }) => nodeId));
  const asked = suitability(askedBy(view, service.id, spec, []));
  const known = new Map<string, Needs>();
  const byReason = new Map<string, string[]>();
  for (const node of view.table("node").all()) {
    if (served.has(node.id)) continue;
    const reason =
      refusalOf(asked, nodeInfoOf(view, node, known))?.detail ??
      "its task was not made yet, or ended and is not restarted";
    byReason.set(reason, [...(byReason.get(reason) ?? []), nodeName(node)]);
  }
  return [...byReason].slice(0, reasonsMax).map(([reason, names]) => ({
    Reason: reason,
    Nodes: names.sort(naturally).slice(0, lackingNamesMax),
    NodeCount: names.length,
  }));
}

/** Whether a node is to have a task at all is decided by what it is; what it has to give its task waits for. */
function suitability({ serviceId, needs }: Asked): Asked {
  return { serviceId, needs: { ...needs, cpus: 0, memory: 0, generic: [], hostPorts: [], maxReplicas: 0 } };
}
