// Who waits for a leader is told when another may lead, or none: from wherever that changes to whoever asked to be told.

export class LeaderNews {
  readonly #listeners = new Set<() => void>();
  #isAsked = false;

  /** Returns how to stop that. */
  listen(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }

  /** Who leads may be another than it was. Told a moment later and once: who listens looks, and may find Raft in the middle of its turn. */
  readonly tell = (): void => {
    if (this.#isAsked) return;
    this.#isAsked = true;
    queueMicrotask(() => {
      this.#isAsked = false;
      for (const listener of [...this.#listeners]) listener();
    });
  };
}
