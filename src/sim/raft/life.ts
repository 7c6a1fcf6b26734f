// One life of a simulated process: its timers end with it, and wait while it is paused (SIGSTOP).

import type { Clock, Timer } from "../../base/index.js";

export class Life implements Clock {
  readonly #clock: Clock;
  #waiting: (() => void)[] | undefined;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isPaused(): boolean {
    return this.#waiting !== undefined;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#clock.after(delayMs, () => this.run(fn));
  }

  /** Now; once it goes on, when it is paused; never, when it is over. */
  run(fn: () => void): void {
    if (this.#isOver) return;
    if (this.#waiting) this.#waiting.push(fn);
    else fn();
  }

  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const fn of waiting) this.#clock.after(0, () => this.run(fn));
  }

  end(): void {
    this.#isOver = true;
    this.#waiting = undefined;
  }
}
