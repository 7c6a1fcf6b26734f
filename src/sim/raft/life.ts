// One life of a simulated process: its timers end with it, and wait while it is paused (SIGSTOP). Its clock may run fast or slow.

import type { Clock, Timer } from "../../base/index.js";
import { OwnClock } from "../own-clock.js";

export class Life implements Clock {
  readonly #clock: Clock;
  readonly #own: OwnClock;
  #waiting: (() => void)[] | undefined;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#own = new OwnClock(clock);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isPaused(): boolean {
    return this.#waiting !== undefined;
  }

  now(): number {
    return this.#own.now();
  }

  monotonic(): number {
    return this.#own.monotonic();
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#own.after(delayMs, () => this.run(fn));
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
    this.#own.skew(rate);
  }

  /** Wall time goes forward or back; the other clock only forward, and whoever looks at it finds itself late. */
  jump(byMs: number): void {
    this.#own.wallOffsetMs += byMs;
    this.#own.leap(Math.max(byMs, 0));
  }
}
