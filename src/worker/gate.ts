// A bound on what runs at once: the oldest task goes first, and one that is cancelled gives its place up.

interface Waiting {
  readonly order: number;
  enter(): void;
}

export class Gate {
  readonly #max: () => number;
  readonly #waiting: Waiting[] = [];
  #inside = 0;

  /** At most `max()` run at once; it is asked whenever somebody wants in. */
  constructor(max: () => number) {
    this.#max = max;
  }

  /** Runs `fn` when there is room; the lowest `order` first. `signal` ends only the wait, not what runs. */
  async run<T>(order: number, fn: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(order, signal);
    try {
      return await fn();
    } finally {
      this.#leave();
    }
  }

  #enter(order: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#inside < this.#max()) {
      this.#inside += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal.reason as Error);
      };
      const entry: Waiting = {
        order,
        enter: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#queue(entry);
    });
  }

  #queue(entry: Waiting): void {
    const at = this.#waiting.findIndex((other) => other.order > entry.order);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, entry);
  }

  /** The place passes on without ever being free. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next.enter();
    else this.#inside -= 1;
  }
}
