// The turns of a loop that a test takes itself: what is asked for the next one waits until the test says that it has come.

import type { VirtualClock } from "../../src/sim/index.js";

/** A loop that asks for more without time passing does not come to rest. */
const turnsMax = 20_000;

export class ManualTurns {
  readonly #clock: VirtualClock;
  readonly #due: (() => void)[] = [];

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  readonly nextTurn = (fn: () => void): void => void this.#due.push(fn);

  get isDue(): boolean {
    return this.#due.length > 0;
  }

  /** One turn of whoever asked first, and everything that follows from it without another. */
  async one(): Promise<void> {
    this.#due.shift()?.();
    await this.#clock.settle();
  }

  /** All turns that are asked for, and those that are asked for in them. */
  async all(): Promise<void> {
    await this.#clock.settle();
    for (let taken = 0; this.isDue; taken += 1) {
      if (taken >= turnsMax) throw new Error(`no rest after ${turnsMax} turns`);
      await this.one();
    }
  }

  /** Lets `ms` pass, in which every turn comes as soon as it is asked for. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#clock.monotonic() + ms;
    await this.all();
    for (let at = this.#clock.nextAtMs; at !== undefined && at <= endMs; at = this.#clock.nextAtMs) {
      await this.#clock.advance(at - this.#clock.monotonic());
      await this.all();
    }
    await this.#clock.advance(endMs - this.#clock.monotonic());
    await this.all();
  }
}
