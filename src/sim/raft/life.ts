// One life of a simulated process: its timers end with it, and wait while it is paused (SIGSTOP). Its clock may run fast or slow.

import type { Clock, Timer } from "../../base/index.js";

export class Life implements Clock {
  readonly #clock: Clock;
  #waiting: (() => void)[] | undefined;
  #isOver = false;
  /** How much longer a millisecond of its own is, since `#sinceMs`, when its own clock showed `#ownMs`. */
  #rate = 1;
  #sinceMs: number;
  #ownMs: number;
  #wallOffsetMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = this.#ownMs = clock.monotonic();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isPaused(): boolean {
    return this.#waiting !== undefined;
  }

  now(): number {
    return this.#clock.now() + this.#wallOffsetMs;
  }

  monotonic(): number {
    return this.#ownMs + (this.#clock.monotonic() - this.#sinceMs) / this.#rate;
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#clock.after(delayMs * this.#rate, () => this.run(fn));
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

  /** From now on a millisecond of its own takes `rate`; 1 is right. */
  skew(rate: number): void {
    [this.#ownMs, this.#sinceMs] = [this.monotonic(), this.#clock.monotonic()];
    this.#rate = rate;
  }

  /** Wall time goes forward or back; the other clock only forward, and whoever looks at it finds itself late. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
    this.#ownMs += Math.max(byMs, 0);
  }
}
