import { SwarmError } from "./errors.js";

/** A bounded queue with one asynchronous reader: what a message stream is made of inside a process. */
export class Queue<T> implements AsyncIterable<T> {
  readonly #name: string;
  readonly #max: number;
  readonly #items: T[] = [];
  #waiting: { resolve(result: IteratorResult<T>): void; reject(error: Error): void } | undefined;
  #ended: { readonly error: Error | undefined } | undefined;

  /** `name` says in errors which bound was hit; at most `max` items wait. */
  constructor(name: string, max: number) {
    this.#name = name;
    this.#max = max;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Adds an item. A full queue is an error of its own kind (ResourceExhausted): the caller decides what to drop. After the end: ignored. */
  push(item: T): void {
    if (this.#ended) return;
    if (this.#waiting) {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting.resolve({ value: item, done: false });
      return;
    }
    if (this.#items.length >= this.#max) {
      throw new SwarmError("ResourceExhausted", `queue ${this.#name} is full (${this.#max} items)`);
    }
    this.#items.push(item);
  }

  /** No more items come. What is queued is still read; then the reader ends, with `error` if given. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = { error };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    if (error) waiting.reject(error);
    else waiting.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () =>
        new Promise<IteratorResult<T>>((resolve, reject) => {
          const item = this.#items.shift();
          if (item !== undefined) return resolve({ value: item, done: false });
          if (!this.#ended) {
            this.#waiting = { resolve, reject };
            return;
          }
          if (this.#ended.error) reject(this.#ended.error);
          else resolve({ value: undefined, done: true });
        }),
      return: () => {
        this.end();
        this.#items.length = 0;
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }
}
