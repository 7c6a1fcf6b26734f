// The clock as ticks, and how late they are: a process that was stopped, or whose loop was held up, notices it by the tick that
// was due. Whoever led before may have been replaced meanwhile.

import type { Clock, Timer } from "../base/index.js";

export class Ticker {
  readonly #tickMs: number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(tickMs: number, clock: Clock) {
    this.#tickMs = tickMs;
    this.#clock = clock;
  }

  /** Milliseconds since the next tick was due; 0 when it is not. */
  get lateMs(): number {
    return Math.max(0, this.#clock.monotonic() - this.#dueMs);
  }

  /** What it is late by has been dealt with: it counts from now. */
  noticed(): void {
    this.#dueMs = this.#clock.monotonic();
  }

  start(tick: () => void): void {
    this.#dueMs = this.#clock.monotonic() + this.#tickMs;
    this.#timer = this.#clock.after(this.#tickMs, () => {
      tick();
      if (this.#timer) this.start(tick);
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
