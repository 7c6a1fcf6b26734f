// The end of a daemon's life, told to many: each listener has a signal of its own, because one signal with hundreds of
// listeners is slow to leave and makes Node warn of a leak.

export class Life {
  readonly #parts = new Set<AbortController>();
  #ended: { readonly reason: unknown } | undefined;

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  end(reason: unknown): void {
    this.#ended ??= { reason };
    for (const part of this.#parts) part.abort(reason);
    this.#parts.clear();
  }

  /** Runs `fn` with a signal that is aborted at the end of this life. */
  async lend<T>(fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const part = new AbortController();
    if (this.#ended) part.abort(this.#ended.reason);
    else this.#parts.add(part);
    try {
      return await fn(part.signal);
    } finally {
      this.#parts.delete(part);
    }
  }
}
