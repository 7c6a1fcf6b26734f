// Reads that are as new as if they had been asked of the one true leader (thesis §6.4): each gets the commit index of the
// moment and a round of heartbeats begun after it; once a majority has answered that round, no later leader was there.

import type { Read } from "./types.js";

export interface OpenRead extends Read {
  /** Who asked. */
  readonly from: number;
}

interface Asked {
  readonly from: number;
  readonly context: number;
}

export class Reads {
  #asked: Asked[] = [];
  #waiting: (OpenRead & { readonly round: number })[] = [];
  #round = 0;

  /** The last round begun; heartbeats carry it, so that a lost one is repeated by the next. */
  get round(): number {
    return this.#round;
  }

  get open(): number {
    return this.#asked.length + this.#waiting.length;
  }

  ask(from: number, context: number): void {
    this.#asked.push({ from, context });
  }

  /** Gives all that asked the index of now and one round together; says whether there were any. */
  beginRound(commit: number): boolean {
    if (this.#asked.length === 0) return false;
    this.#round += 1;
    for (const asked of this.#asked.splice(0)) this.#waiting.push({ ...asked, index: commit, round: this.#round });
    return true;
  }

  /** A majority answered `round`: these are answerable. */
  take(round: number): readonly OpenRead[] {
    const ready = this.#waiting.filter((read) => read.round <= round);
    if (ready.length > 0) this.#waiting = this.#waiting.filter((read) => read.round > round);
    return ready;
  }
}
