// One run of a program on virtual time: when it is killed, nothing it still does has any effect, as after kill -9. While it is
// paused (SIGSTOP) nothing reaches it; all of that waits.

import type { Clock, Timer } from "../../base/index.js";

/** A new one each time: one for all would keep all that ever waited for it. */
const never = (): Promise<never> => new Promise(() => {});

export class SimProgram {
  readonly name: string;
  /** Time as this program sees it; stands still for it once it is dead. */
  readonly clock: Clock;
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  readonly #onEnd = new Set<() => void>();
  /** What happened to it while it was paused; undefined while it runs. */
  #waiting: (() => void)[] | undefined;
  #isDead = false;

  /** `clock`: its machine's. */
  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
    this.clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, fn) => this.#after(delayMs, fn),
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isPaused(): boolean {
    return this.#waiting !== undefined;
  }

  /** alive → dead. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#waiting = undefined;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const end of this.#onEnd) end();
    this.#onEnd.clear();
  }

  pause(): void {
    if (!this.#isDead) this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const fn of waiting) this.#clock.after(0, () => this.run(fn));
  }

  /** Something of the outside reaches it: now, once it goes on, or, when it is dead, never. */
  run(fn: () => void): void {
    if (this.#isDead) return;
    if (this.#waiting) this.#waiting.push(fn);
    else fn();
  }

  /** What belongs to the program in the rest of the world, and ends with it. Returns what takes that back. */
  onEnd(fn: () => void): () => void {
    this.#onEnd.add(fn);
    return () => this.#onEnd.delete(fn);
  }

  /** Calls the world outside: a dead program's call never goes out, and no answer reaches it. */
  async call<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#isDead) return never();
    const [outcome] = await Promise.allSettled([fn()]);
    if (this.#waiting) await new Promise<void>((resolve) => this.#waiting?.push(resolve));
    if (this.#isDead) return never();
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
    let isCancelled = false;
    const inner = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      this.run(() => isCancelled || fn());
    });
    const timer = {
      cancel: () => {
        isCancelled = true;
        this.#timers.delete(timer);
        inner.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }
}
