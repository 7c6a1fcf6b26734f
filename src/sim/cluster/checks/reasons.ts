// Nothing that runs is stopped, and no node is given up, without a reason. Pure.

import { NodeState, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { NodeAvailability } from "../../../gen/skep/v1/specs.js";
import { type RowChange, specOf, type View } from "../../../store/index.js";
import { satisfiesAll } from "./placement.js";

/** Tasks that ran and were told to stop for nothing; `view` shows the changes made. */
export function needlessStops(changes: readonly RowChange[], view: View): readonly string[] {
  const stopped = changes.flatMap((change) => (isStop(change) ? [change.row] : []));
  return stopped
    .filter((task) => !hasReason(task, stopped, view))
    .map((task) => `task ${task.id} runs on node ${task.nodeId} and was told to stop`);
}

/** Nodes among `changes` that became DOWN. */
export function givenUp(changes: readonly RowChange[]): readonly string[] {
  return changes.flatMap((change) => {
    if (change.table !== "node" || !change.row || !change.previous) return [];
    const isDown = change.row.status?.state === NodeState.DOWN;
    return isDown && change.previous.status?.state !== NodeState.DOWN ? [change.id] : [];
  });
}

type Stop = RowChange & { readonly table: "task"; readonly row: Task };

function isStop(change: RowChange): change is Stop {
  if (change.table !== "task" || !change.row || !change.previous) return false;
  const wasWanted = change.previous.desiredState <= TaskState.COMPLETE;
  return wasWanted && !isWanted(change.row) && change.row.status?.state === TaskState.RUNNING;
}

function hasReason(task: Task, stopped: readonly Task[], view: View): boolean {
  const service = view.table("service").get(task.serviceId);
  const node = view.table("node").get(task.nodeId);
  if (!service || service.revision !== task.revision) return true;
  if (node?.status?.state !== NodeState.READY || node.spec?.availability === NodeAvailability.DRAIN) return true;
  const spec = specOf(view, service);
  if (!satisfiesAll(spec, node)) return true;
  const others = [...view.table("task").by("service", service.id)].filter(isWanted);
  if (spec.mode?.$case === "global") return others.some(({ nodeId }) => nodeId === task.nodeId);
  if (spec.mode?.$case !== "replicated" || others.some(({ slot }) => slot === task.slot)) return true;
  const slotsBefore = new Set(
    [...others, ...stopped.filter(({ serviceId }) => serviceId === service.id)].map(({ slot }) => slot),
  );
  return slotsBefore.size > spec.mode.value.replicas;
}

function isWanted(task: Task): boolean {
  return task.desiredState <= TaskState.COMPLETE;
}
