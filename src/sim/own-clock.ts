// A machine's own clock: it may run fast or slow, leap forward, and its wall time may be off. What was asked for in its time
// comes in its time.

import type { Clock, Timer } from "../base/index.js";

/** Longer waits are counted anew when the speed changes; what is shorter comes as it was set. */
const longMs = 250;
/** Shorter waits are lost in the digits of the time: whoever finds itself early by a hair would wait for ever. */
const leastMs = 1e-6;

export class OwnClock implements Clock {
  /** How far its wall time is ahead. */
  wallOffsetMs = 0;
  readonly #clock: Clock;
  /** How long a millisecond of its own takes, since `#sinceMs`, when it showed `#ownMs`. */
  #rate = 1;
  #sinceMs: number;
  #ownMs: number;
  #gainedMs = 0;
  readonly #long = new Set<LongWait>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = this.#ownMs = clock.monotonic();
  }

  now(): number {
    return this.#clock.now() + this.wallOffsetMs;
  }

  monotonic(): number {
    return this.#ownMs + (this.#clock.monotonic() - this.#sinceMs) / this.#rate;
  }

  after(delayMs: number, fn: () => void): Timer {
    if (!(delayMs > longMs) || delayMs === Number.POSITIVE_INFINITY) return this.#set(delayMs, fn);
    const wait: LongWait = {
      atMs: this.monotonic() + delayMs,
      come: () => {
        this.#long.delete(wait);
        fn();
      },
      timer: this.#set(delayMs, () => wait.come()),
    };
    this.#long.add(wait);
    return {
      cancel: () => {
        this.#long.delete(wait);
        wait.timer.cancel();
      },
    };
  }

  /** Does it run as fast as it should? */
  get isRight(): boolean {
    return this.#rate === 1;
  }

  /** From now on a millisecond of its own takes `rate`; 1 is right. */
  skew(rate: number): void {
    this.#gainedMs = this.gainedMs;
    [this.#ownMs, this.#sinceMs] = [this.monotonic(), this.#clock.monotonic()];
    this.#rate = rate;
    for (const wait of this.#long) {
      wait.timer.cancel();
      wait.timer = this.#set(wait.atMs - this.#ownMs, () => wait.come());
    }
  }

  /** Whoever looks finds it so much later; wall time stays as it is, and so does what is waited for. */
  leap(byMs: number): void {
    this.#ownMs += byMs;
    this.#gainedMs += byMs;
  }

  /** All that it ever ran ahead, by leaps and haste; what it lost is not taken from that. */
  get gainedMs(): number {
    return this.#gainedMs + Math.max(0, (this.#clock.monotonic() - this.#sinceMs) * (1 / this.#rate - 1));
  }

  /** `ms` of its own. */
  #set(ms: number, fn: () => void): Timer {
    return this.#clock.after(ms > 0 ? Math.max(ms * this.#rate, leastMs) : ms, fn);
  }
}

interface LongWait {
  /** By its own time. */
  readonly atMs: number;
  readonly come: () => void;
  timer: Timer;
}
