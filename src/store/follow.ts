// The shell every loop on the leader lives in: rebuild the opinion, follow what is committed, act when the bell rings.

import { type Clock, SwarmError, sleep, Wake } from "../base/index.js";
import { UnknownOutcome } from "./log.js";
import type { TableName } from "./schema.js";
import type { Store } from "./store.js";
import type { Reader, RowChange } from "./watch.js";

/** How long a loop waits before it looks again after a write that did not go through. */
const retryMs = 100;

export interface Follower {
  readonly tables: readonly TableName[];
  readonly bell: Wake;
  /**
   * Looks at everything applied: at the start, and after events or writes were lost. In steps, each a row looked at: between
   * any two of them others may have had their turn, so rows come and go, `note` is told of it and `work` goes on. A table's
   * iterator stands that: it passes every row that is there throughout, as it is when it is passed. It may be given up and
   * begun anew.
   */
  rebuild(): Iterable<unknown>;
  /**
   * Takes note of what was committed; rings the bell if there is something to do. Synchronous and cheap. What `rebuild` saw
   * may be newer: a change is a hint where to look.
   */
  note(changes: readonly RowChange[]): void;
  /**
   * Does what was noted, also while a rebuild is under way. Called when the bell has rung, never twice at once; must look
   * again after each await, and give way (`Store.turns`) while there is much to do.
   */
  work(signal: AbortSignal): Promise<void>;
}

/**
 * Runs a follower until `signal` is aborted (rejects with its reason) or its work fails, NotLeader included. A write whose
 * outcome is unknown, or for which the queue was full, is no failure: the follower rebuilds and works again.
 */
export async function follow(store: Store, clock: Clock, follower: Follower, signal: AbortSignal): Promise<void> {
  const own = new AbortController();
  const both = AbortSignal.any([signal, own.signal]);
  const batches = store.watch({ tables: follower.tables }, both);
  const rebuild = new Rebuild(store, follower);
  try {
    await Promise.race([read(batches, follower, rebuild), act(clock, follower, rebuild, both), rebuild.run(both)]);
  } finally {
    own.abort(new Error("the loop ended"));
  }
}

/** Looks at everything once more each time somebody finds that it must be; one that is under way begins anew. */
class Rebuild {
  readonly #store: Store;
  readonly #follower: Follower;
  readonly #bell = new Wake();
  #isDue = true;

  constructor(store: Store, follower: Follower) {
    this.#store = store;
    this.#follower = follower;
    this.#bell.ring();
  }

  ask(): void {
    this.#isDue = true;
    this.#bell.ring();
  }

  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#bell.wait(signal);
      if (!this.#isDue) continue;
      await this.#store.turns.run(this.#steps(), signal);
      this.#follower.bell.ring();
    }
  }

  *#steps(): Generator<void, void> {
    while (this.#isDue) {
      this.#isDue = false;
      for (const _ of this.#follower.rebuild()) {
        yield;
        if (this.#isDue) break;
      }
    }
  }
}

async function read(batches: Reader, follower: Follower, rebuild: Rebuild): Promise<void> {
  for await (const batch of batches) {
    if (batch.resync) rebuild.ask();
    else follower.note(batch.changes);
  }
}

async function act(clock: Clock, follower: Follower, rebuild: Rebuild, signal: AbortSignal): Promise<never> {
  for (;;) {
    await follower.bell.wait(signal);
    try {
      await follower.work(signal);
    } catch (error) {
      if (!mayRetry(error)) throw error;
      await sleep(clock, retryMs, signal);
      rebuild.ask();
    }
  }
}

function mayRetry(error: unknown): boolean {
  return error instanceof UnknownOutcome || (error instanceof SwarmError && error.kind === "ResourceExhausted");
}
