// What happened, in order: a bounded record that any number of readers follow, each at its own place.

import type { Life } from "./power.js";

export class Feed<T> {
  readonly #max: number;
  #items: T[] = [];
  /** Number of the first item kept. */
  #first = 0;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  /** Keeps at least the last `max` items; a reader that falls further behind goes on with the oldest kept. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Number the next item will get. */
  get next(): number {
    return this.#first + this.#items.length;
  }

  get kept(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    this.#items.push(item);
    // Cut in halves, so that a push costs the same however long the record is.
    if (this.#items.length >= 2 * this.#max) {
      this.#first += this.#items.length - this.#max;
      this.#items = this.#items.slice(-this.#max);
    }
    this.#wake();
  }

  /** Nothing more comes until `reopen`: readers get what is kept, then end. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  reopen(): void {
    this.#ended = false;
  }

  /** Items from number `from` on; without `follow` only what is there. Ends with the error of `life` or of the signal. */
  async *read(from: number, follow: boolean, life: Life, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
    let at = from;
    for (;;) {
      signal.throwIfAborted();
      await life.answering(signal);
      at = Math.max(at, this.#first);
      const item = this.#items[at - this.#first];
      if (item !== undefined) {
        at += 1;
        yield item;
      } else if (!follow || this.#ended) {
        return;
      } else {
        await life.wait<void>((resolve) => this.#onChange(resolve), signal);
      }
    }
  }

  #onChange(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
