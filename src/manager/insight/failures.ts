// Slots whose tasks end and are started again, or were given up: the last error, when the next try is, how many are left.

import type { ExplainedFailure } from "../../api/types.js";
import { millis } from "../../base/index.js";
import { type Service, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { isTerminal, isWanted, restartOf, stateOf, stateText, statusAtMs } from "../../model/index.js";
import { taskSpecOf, type View } from "../../store/index.js";
import { hostname, naturally, slotName, timeText } from "./names.js";

/** Slots listed; the others are counted. */
export const failuresMax = 20;
/** A task that has run for so long is well: what failed before is history. Where the back-off starts anew. */
const wellMs = 5 * 60_000;

export interface Failures {
  readonly failures: readonly ExplainedFailure[];
  readonly leftOut: number;
}

/** `bySlot`: all tasks of each slot. */
export function failuresOf(view: View, service: Service, bySlot: Iterable<readonly Task[]>, nowMs: number): Failures {
  const all = [...bySlot].flatMap((tasks) => failureOf(view, service, tasks, nowMs) ?? []);
  const failures = all.sort((a, b) => naturally(a.Task, b.Task));
  return { failures: failures.slice(0, failuresMax), leftOut: Math.max(0, failures.length - failuresMax) };
}

function failureOf(view: View, service: Service, tasks: readonly Task[], nowMs: number): ExplainedFailure | undefined {
  const ended = tasks.filter(hasFailed).sort((a, b) => statusAtMs(a) - statusAtMs(b));
  const last = ended.at(-1);
  if (last === undefined) return undefined;
  const next = tasks.filter(isWanted).find((task) => !isTerminal(stateOf(task)));
  if (next === undefined ? !isNewest(last, tasks) : isWell(next, last, nowMs)) return undefined;
  const notBeforeMs = next && stateOf(next) < TaskState.RUNNING ? millis(next.restart?.notBefore) : 0;
  const attemptsLeft = next && attemptsLeftOf(view, next);
  const exitCode = last.status?.container?.exitCode ?? 0;
  return {
    Task: slotName(view, service.name, last),
    Node: hostname(view, last.nodeId),
    State: stateText(stateOf(last)) as ExplainedFailure["State"],
    Error: last.status?.err || last.status?.message || "no reason given",
    ...(exitCode === 0 ? {} : { ExitCode: exitCode }),
    At: timeText(statusAtMs(last)),
    Ended: ended.length,
    ...(notBeforeMs > nowMs ? { NextAt: timeText(notBeforeMs) } : {}),
    ...(attemptsLeft === undefined ? {} : { AttemptsLeft: attemptsLeft }),
    GivenUp: next === undefined,
  };
}

/** By itself: tasks that were told to stop are SHUTDOWN. */
function hasFailed(task: Task): boolean {
  const state = stateOf(task);
  return state === TaskState.FAILED || state === TaskState.REJECTED;
}

/** Nothing came after it, and it stays as history rather than go. */
function isNewest(last: Task, tasks: readonly Task[]): boolean {
  return last.desiredState < TaskState.REMOVE && tasks.every((task) => statusAtMs(task) <= statusAtMs(last));
}

/** Runs, and has for long enough; or takes the place of a failed one of an older spec. */
function isWell(next: Task, last: Task, nowMs: number): boolean {
  if (stateOf(next) !== TaskState.RUNNING) return false;
  return nowMs - statusAtMs(next) >= wellMs || next.revision !== last.revision;
}

function attemptsLeftOf(view: View, next: Task): number | undefined {
  const { maxAttempts } = restartOf(taskSpecOf(view, next).task?.restart);
  return maxAttempts === 0 ? undefined : Math.max(0, maxAttempts - (next.restart?.starts.length ?? 0));
}
