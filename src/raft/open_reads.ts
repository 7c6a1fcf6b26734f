// Reads under way at this member: asked of the leader, then waiting until this member has applied what the leader named.

import { SwarmError } from "../base/index.js";
import type { Read } from "./core/types.js";

/** Reads open at one time. */
const readsMax = 10_000;

interface OpenRead {
  readonly resolve: (index: number) => void;
  readonly reject: (error: Error) => void;
  /** Known once the leader has answered. */
  index: number | undefined;
  ticks: number;
}

export class OpenReads {
  readonly #ticksMax: number;
  readonly #open = new Map<number, OpenRead>();
  /** Rises from a random start: an answer to an earlier life of this member must fit none of this one. */
  #nextContext: number;

  /** After `ticksMax` ticks without an answer a read fails: a message was lost, or nobody leads. */
  constructor(ticksMax: number, firstContext: number) {
    this.#ticksMax = ticksMax;
    this.#nextContext = firstContext;
  }

  /** `ask` gets the context and says whether there was anybody to ask. Resolves with the index the answer is of. */
  add(ask: (context: number) => boolean): Promise<number> {
    if (this.#open.size >= readsMax) {
      return Promise.reject(new SwarmError("ResourceExhausted", `more than ${readsMax} reads are waiting`));
    }
    const context = this.#nextContext++;
    if (!ask(context)) return Promise.reject(noAnswer());
    return new Promise((resolve, reject) => this.#open.set(context, { resolve, reject, index: undefined, ticks: 0 }));
  }

  /** The leader's answers; the first counts. */
  answered(reads: readonly Read[]): void {
    for (const { context, index } of reads) {
      const open = this.#open.get(context);
      if (open) open.index ??= index;
    }
  }

  /** Everything up to `applied` is in the state: resolves what that answers. */
  release(applied: number): void {
    for (const [context, read] of this.#open) {
      if (read.index === undefined || read.index > applied) continue;
      this.#open.delete(context);
      read.resolve(read.index);
    }
  }

  tick(): void {
    for (const [context, read] of this.#open) {
      if (++read.ticks <= this.#ticksMax) continue;
      this.#open.delete(context);
      read.reject(noAnswer());
    }
  }

  rejectAll(): void {
    for (const read of this.#open.values()) read.reject(noAnswer());
    this.#open.clear();
  }
}

function noAnswer(): SwarmError {
  return new SwarmError("Unavailable", "no leader answered whether this member is up to date");
}
