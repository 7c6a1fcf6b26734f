// One run of a program on virtual time: when it is killed, nothing it still does has any effect, as after kill -9.

import type { Clock, Timer } from "../../base/index.js";

const never = new Promise<never>(() => {});

export class SimProgram {
  readonly name: string;
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  readonly #onEnd = new Set<() => void>();
  #isDead = false;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Time as this program sees it; stands still for it once it is dead. */
  get clock(): Clock {
    return {
      now: () => this.#clock.now(),
      monotonic: () => this.#clock.monotonic(),
      after: (delayMs, fn) => this.#after(delayMs, fn),
    };
  }

  /** alive → dead. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const end of this.#onEnd) end();
    this.#onEnd.clear();
  }

  /** What belongs to the program in the rest of the world, and ends with it. */
  onEnd(fn: () => void): void {
    this.#onEnd.add(fn);
  }

  /** Calls the world outside: a dead program's call never goes out, and no answer reaches it. */
  async call<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#isDead) return never;
    const [outcome] = await Promise.allSettled([fn()]);
    if (this.#isDead) return never;
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  }

  /** Reads a stream of the world outside; a dead program sees nothing of it any more. */
  async *stream<T>(source: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const iterator = source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const step = await this.call(() => iterator.next());
        if (step.done) return;
        yield step.value;
      }
    } finally {
      void iterator.return?.().then(undefined, () => undefined);
    }
  }

  #after(delayMs: number, fn: () => void): Timer {
    if (this.#isDead) return { cancel() {} };
    const inner = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      fn();
    });
    const timer = {
      cancel: () => {
        this.#timers.delete(timer);
        inner.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }
}
