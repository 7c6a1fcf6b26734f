// The shell every loop on the leader lives in: rebuild the opinion, follow what is committed, act when the bell rings.

import { type Clock, SwarmError, sleep, type Wake } from "../base/index.js";
import { UnknownOutcome } from "./log.js";
import type { TableName } from "./schema.js";
import type { Store } from "./store.js";
import type { RowChange } from "./watch.js";

/** How long a loop waits before it looks again after a write that did not go through. */
const retryMs = 100;

export interface Follower {
  readonly tables: readonly TableName[];
  readonly bell: Wake;
  /** Looks at everything applied: at the start, and after events were lost. Synchronous. */
  rebuild(): void;
  /** Takes note of what was committed; rings the bell if there is something to do. Synchronous and cheap. */
  note(changes: readonly RowChange[]): void;
  /** Does what was noted. Called when the bell has rung, never twice at once; must look again after each await. */
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
  follower.rebuild();
  follower.bell.ring();
  try {
    await Promise.race([read(batches, follower), act(clock, follower, both)]);
  } finally {
    own.abort(new Error("the loop ended"));
  }
}

async function read(
  batches: AsyncIterable<{ readonly resync: boolean; readonly changes: readonly RowChange[] }>,
  follower: Follower,
): Promise<void> {
  for await (const batch of batches) {
    if (batch.resync) {
      follower.rebuild();
      follower.bell.ring();
    } else follower.note(batch.changes);
  }
}

async function act(clock: Clock, follower: Follower, signal: AbortSignal): Promise<never> {
  for (;;) {
    await follower.bell.wait(signal);
    try {
      await follower.work(signal);
    } catch (error) {
      if (!mayRetry(error)) throw error;
      await sleep(clock, retryMs, signal);
      follower.rebuild();
      follower.bell.ring();
    }
  }
}

function mayRetry(error: unknown): boolean {
  return error instanceof UnknownOutcome || (error instanceof SwarmError && error.kind === "ResourceExhausted");
}
