// Rules of elections, as functions: which log is good enough, who yields.

import type { Vote } from "../../gen/skep/raft/v1/messages.js";
import type { Position } from "../../gen/skep/raft/v1/raft.js";

/** §5.4.1: the later last term wins; in the same term the longer log. Above 0: `a` is more complete than `b`. */
export function compareLogs(a: Position, b: Position): number {
  return a.term - b.term || a.index - b.index;
}

export function lastOf(vote: Vote): Position {
  return { index: vote.lastIndex, term: vote.lastTerm };
}

/** Of two that stand at once, the one with the better log goes on, then the one with the lower id: does `other` win over `own`? */
export function yieldsTo(own: { readonly id: number; readonly last: Position }, other: typeof own): boolean {
  const order = compareLogs(other.last, own.last);
  return order > 0 || (order === 0 && other.id < own.id);
}
