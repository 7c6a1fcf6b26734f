// Whether what an agent says of a task is stored: swarm-semantics §6.4. Pure.

import type { WallTime } from "../../base/index.js";
import { type Task, type TaskStatus } from "../../gen/skep/v1/objects.js";
import { deepEqual, mayMove, stateOf } from "../../model/index.js";

/** Longer texts are cut: they are shown in a list. */
export const textLengthMax = 4_096;

export type Answer =
  | { readonly kind: "accepted"; readonly status: TaskStatus }
  | { readonly kind: "dropped"; readonly why: "unknown" | "foreign" | "stale" | "same" };

/** `now` is stamped as the time the leader stored it. A task of another node is none of the agent's business. */
export function acceptStatus(task: Task | undefined, nodeId: string, said: TaskStatus, now: WallTime): Answer {
  if (task === undefined) return { kind: "dropped", why: "unknown" };
  if (task.nodeId !== nodeId) return { kind: "dropped", why: "foreign" };
  if (!mayMove("agent", stateOf(task), said.state)) return { kind: "dropped", why: "stale" };
  const status = { ...said, message: cut(said.message), err: cut(said.err), appliedAt: now };
  // Nearly all move on, and to compare what moved on field by field costs more than all the rest here.
  const isSame =
    said.state === task.status?.state && deepEqual({ ...status, appliedAt: task.status.appliedAt }, task.status);
  if (isSame) return { kind: "dropped", why: "same" };
  return { kind: "accepted", status };
}

function cut(text: string): string {
  return text.length <= textLengthMax ? text : `${text.slice(0, textLengthMax - 1)}…`;
}
