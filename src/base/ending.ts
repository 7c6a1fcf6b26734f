// An end that may come and mostly does not: what an AbortSignal is, for a tenth of its price. The signal itself is made when
// somebody needs one.

type Listener = (reason: unknown) => void;

export class Ending {
  #ended: { readonly reason: unknown } | undefined;
  #listeners: Set<Listener> | undefined;
  #abort: AbortController | undefined;

  /** One that comes when `signal` is aborted. */
  static of(signal: AbortSignal): Ending {
    const ending = new Ending();
    if (signal.aborted) ending.end(signal.reason);
    else signal.addEventListener("abort", () => ending.end(signal.reason), { once: true });
    return ending;
  }

  get hasCome(): boolean {
    return this.#ended !== undefined;
  }

  /** What it came with; undefined before. */
  get reason(): unknown {
    return this.#ended?.reason;
  }

  /** Aborts when it comes. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#ended) this.#abort.abort(this.#ended.reason);
    }
    return this.#abort.signal;
  }

  throwIfCome(): void {
    if (this.#ended) throw this.#ended.reason;
  }

  /** Calls `fn` once when it comes, at once if it has. */
  listen(fn: Listener): void {
    if (this.#ended) return fn(this.#ended.reason);
    this.#listeners ??= new Set();
    this.#listeners.add(fn);
  }

  unlisten(fn: Listener): void {
    this.#listeners?.delete(fn);
  }

  /** The first call counts. */
  end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = { reason };
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener(reason);
    this.#abort?.abort(reason);
  }
}
