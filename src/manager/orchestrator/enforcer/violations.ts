// Which tasks a node may hold no more, after its labels, role or resources changed (swarm-semantics §3.8).

import { type Node, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../../gen/skep/v1/specs.js";
import { placementConstraints, satisfiesAll, stateOf, stillHasGeneric, withoutGeneric } from "../../../model/index.js";

/** A task on the node, with what it was made from and what its service asks for now. */
export interface Placed {
  readonly task: Task;
  readonly made: ServiceSpec;
  /** Absent when the service is gone, or an update has not come to the task yet: then what it was made from counts. */
  readonly current: ServiceSpec | undefined;
}

/** The tasks that do not belong there any more; where resources do not suffice, the newest go. */
export function violations(node: Node, placed: readonly Placed[]): readonly Task[] {
  const judged = placed
    .filter(({ task }) => isJudged(task))
    .sort((a, b) => (a.task.id < b.task.id ? -1 : 1))
    .sort(byCreation);
  const offered = node.description?.resources;
  let cpusLeft = offered?.nanoCpus ?? 0;
  let memoryLeft = offered?.memoryBytes ?? 0;
  let genericLeft = offered?.generic ?? [];
  return judged
    .filter(({ task, made, current }) => {
      if (!satisfiesAll(node, placementConstraints(current ?? made))) return true;
      const reserved = made.task?.resources?.reservations;
      const cpus = reserved?.nanoCpus ?? 0;
      const memory = reserved?.memoryBytes ?? 0;
      const fits = cpus <= cpusLeft && memory <= memoryLeft && stillHasGeneric(genericLeft, task.assignedGeneric);
      if (!fits && (cpus > 0 || memory > 0 || task.assignedGeneric.length > 0)) return true;
      cpusLeft -= cpus;
      memoryLeft -= memory;
      genericLeft = withoutGeneric(genericLeft, task.assignedGeneric);
      return false;
    })
    .map(({ task }) => task);
}

/** Placed, wanted and not over. */
function isJudged(task: Task): boolean {
  const state = stateOf(task);
  return (
    state >= TaskState.ASSIGNED &&
    state < TaskState.COMPLETE &&
    task.desiredState >= TaskState.ASSIGNED &&
    task.desiredState <= TaskState.COMPLETE
  );
}

function byCreation(a: Placed, b: Placed): number {
  const left = a.task.meta?.createdAt;
  const right = b.task.meta?.createdAt;
  return (left?.seconds ?? 0) - (right?.seconds ?? 0) || (left?.nanos ?? 0) - (right?.nanos ?? 0);
}
