// All who watch a store: told of each commit at once, woken when whoever wrote it has been answered.

import { type RowChange, Watch, type WatchOptions } from "./watch.js";

export class Watches {
  readonly #nextTurn: ((fn: () => void) => void) | undefined;
  readonly #watches = new Set<Watch>();
  /** Those whose turn is on its way. */
  readonly #due = new Set<Watch>();

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
    for (const watch of this.#watches) if (watch.push(revision, changes)) this.#wake(watch);
  }

  /** Nothing that was seen can be built upon. */
  resync(revision: number): void {
    for (const watch of this.#watches) watch.resync(revision);
  }

  /** What the loops make of a commit is no part of what its writer waits for, and each has a turn of its own for it. */
  #wake(watch: Watch): void {
    if (this.#nextTurn === undefined) return watch.wake();
    if (this.#due.has(watch)) return;
    this.#due.add(watch);
    this.#nextTurn(() => {
      this.#due.delete(watch);
      watch.wake();
    });
  }
}
