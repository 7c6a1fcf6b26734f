import type { Clock } from "./clock.js";

/** A bell with one listener: rings that come while it is busy are heard once, when it listens again. */
export class Wake {
  #isRung = false;
  #listen: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#listen?.();
  }

  /** Resolves at the next ring, or at once if it rang since the last wait. For whom an end rings as well: no signal ends it. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#isRung = false;
        this.#listen = undefined;
        resolve();
      };
      if (this.#isRung) done();
      else this.#listen = done;
    });
  }

  /** Resolves at the next ring, or at once if it rang since the last wait; rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    return this.#wait(signal);
  }

  /** The same, but at most `delayMs`. */
  waitAtMost(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
    return this.#wait(signal, clock, delayMs);
  }

  #wait(signal: AbortSignal, clock?: Clock, delayMs = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#isRung = false;
        this.#listen = undefined;
        timer?.cancel();
        signal.removeEventListener("abort", done);
        if (signal.aborted) reject(signal.reason as Error);
        else resolve();
      };
      const isDue = signal.aborted || this.#isRung;
      const timer = isDue ? undefined : clock?.after(delayMs, done);
      if (isDue) return done();
      this.#listen = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
