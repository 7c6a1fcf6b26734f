// What only moves forward: a task's observed and its desired state, and the node it was given. Pure.

import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { stateText } from "../../../model/index.js";
import type { RowChange } from "../../../store/index.js";

export function backwardMoves(change: RowChange): readonly string[] {
  if (change.table !== "task" || !change.row || !change.previous) return [];
  const { row, previous } = change;
  const wrong: string[] = [];
  const [from, to] = [observed(previous), observed(row)];
  if (to < from) wrong.push(`status went back from ${stateText(from)} to ${stateText(to)}`);
  if (row.desiredState < previous.desiredState) {
    wrong.push(`desired state went back from ${stateText(previous.desiredState)} to ${stateText(row.desiredState)}`);
  }
  if (previous.nodeId !== "" && row.nodeId !== previous.nodeId) wrong.push("its node changed");
  if (row.nodeId === "" && to >= TaskState.ASSIGNED && to < TaskState.COMPLETE) {
    wrong.push(`it is ${stateText(to)} on no node`);
  }
  return wrong.map((what) => `task ${row.id}: ${what}`);
}

function observed(task: Task): TaskState {
  return task.status?.state ?? TaskState.NEW;
}
