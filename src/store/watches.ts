// All who watch a store: told of each commit at once, woken when whoever wrote it has been answered.

import { type RowChange, Watch, type WatchOptions } from "./watch.js";

export class Watches {
  readonly #nextTurn: ((fn: () => void) => void) | undefined;
  readonly #watches = new Set<Watch>();
  #isWakeAsked = false;

  /** Without a `nextTurn` a commit wakes at once. */
  constructor(nextTurn: ((fn: () => void) => void) | undefined) {
    this.#nextTurn = nextTurn;
  }

  /** Until `signal` is aborted. */
  open(options: WatchOptions, signal: AbortSignal): Watch {
    const watch = new Watch(options);
    if (signal.aborted) {
      watch.end(signal.reason);
      return watch;
    }
    this.#watches.add(watch);
    const end = (): void => {
      this.#watches.delete(watch);
      watch.end(signal.reason);
    };
    signal.addEventListener("abort", end, { once: true });
    return watch;
  }

  committed(revision: number, changes: readonly RowChange[]): void {
    for (const watch of this.#watches) watch.push(revision, changes);
    if (this.#nextTurn === undefined) return this.#wake();
    if (this.#isWakeAsked) return;
    this.#isWakeAsked = true;
    // What the loops make of a commit is no part of what its writer waits for.
    this.#nextTurn(() => {
      this.#isWakeAsked = false;
      this.#wake();
    });
  }

  /** Nothing that was seen can be built upon. */
  resync(revision: number): void {
    for (const watch of this.#watches) watch.resync(revision);
  }

  #wake(): void {
    for (const watch of this.#watches) watch.wake();
  }
}
