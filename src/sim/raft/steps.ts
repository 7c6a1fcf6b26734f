// How the simulated world goes on: a timer, then all that it set off, as far as it can go without time passing. Turns of
// members are kept here and not as timers: there are more of them than of anything else.

import type { VirtualClock } from "../time.js";

/** Microtasks in which nothing asks for a disk, after which all promises are taken to rest; a longer chain goes on with the next step. */
const hops = 6;
/** More turns than this without time passing go round and round. */
const turnsMax = 10_000;
const rest = Promise.resolve();

export class Steps {
  /** Disk operations of all members so far. */
  readonly diskWork = { count: 0 };
  /** Timers and turns so far. */
  count = 0;
  readonly #clock: VirtualClock;
  #turns: (() => void)[] = [];

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  readonly nextTurn = (fn: () => void): void => {
    this.#turns.push(fn);
  };

  /** False when nothing is left to happen. */
  async step(): Promise<boolean> {
    if (!this.#clock.step()) return false;
    this.count += 1;
    await this.settle();
    return true;
  }

  async settle(): Promise<void> {
    await this.#promises();
    for (let round = 0; this.#turns.length > 0; round++) {
      if (round > turnsMax) throw new Error("time stands still");
      const turns = this.#turns;
      this.#turns = [];
      for (const turn of turns) {
        turn();
        this.count += 1;
      }
      await this.#promises();
    }
  }

  async #promises(): Promise<void> {
    let seen = this.diskWork.count;
    for (let hop = 0; hop < hops; hop++) {
      await rest;
      if (this.diskWork.count === seen) continue;
      seen = this.diskWork.count;
      hop = 0;
    }
  }
}
