// When an agent comes again after a session, or a try to have one: how long it waits, and how patient the next try is.
//
// A thousand agents may lose their manager at once, and what they then do to the next one must never keep it from serving them.
// So each comes more seldom and waits longer the more often it failed, and forgets that only after a session that lasted. But whoever
// was welcome is counted in, and lost after three beats of silence: it has to be there again before.

import { backoffMs, type Random } from "../base/index.js";

/** A new leader gives a node 5 s to find it before its tasks are replaced: wait and handshake have to fit. */
const failed = { firstMs: 100, maxMs: 3_000 };
/** A manager answered, and knows no leader: an election takes a moment. One that takes longer is no reason to hurry. */
const leaderless = { firstMs: 100, maxMs: 3_000, factor: 1.5 };
/** Managers that send the agent on to another one are followed at once this many times in a row. */
const redirectsMax = 3;
/** A session that lasted this long, longer than silence is borne, was a good one. */
const steadyMs = 5_000;
/** Failures that are remembered after a session that did not last: a wait of 0.8 s, and another one of 1.6 s, are no silence yet. */
const keptFailures = 3;
/** How much longer a try that follows a failed one bears to wait for an answer. */
const patienceMax = 2;

/** "sent on": to another manager; "leaderless": a manager answered, and knows no leader; "failed": all else. */
export type SessionEnd = "sent on" | "leaderless" | "failed";

export class Retry {
  #redirects = 0;
  #leaderless = 0;
  #failures = 0;

  /** By how much the bounds of the next try are longer than those of the first. */
  get patience(): number {
    return this.#failures === 0 ? 1 : patienceMax;
  }

  /** The wait before the next try. `livedMs`: since the welcome; 0 when there was none. */
  after(end: SessionEnd, livedMs: number, random: Random): number {
    if (livedMs >= steadyMs) this.#reset();
    else if (livedMs > 0) this.#failures = Math.min(this.#failures, keptFailures);
    switch (end) {
      case "sent on":
        this.#redirects += 1;
        return this.#redirects <= redirectsMax ? 0 : this.after("failed", 0, random);
      case "leaderless":
        this.#leaderless += 1;
        return backoffMs(leaderless, this.#leaderless, random);
      case "failed":
        this.#failures += 1;
        return backoffMs(failed, this.#failures, random);
      default:
        return end satisfies never;
    }
  }

  #reset(): void {
    this.#redirects = 0;
    this.#leaderless = 0;
    this.#failures = 0;
  }
}
