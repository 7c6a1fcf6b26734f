// Virtual time: a clock that moves only when told, and lets everything a timer set off come to rest before the next one.
// Between two timers the whole microtask queue is drained, so code on promises behaves as if it took no time.

import type { Clock, Timer } from "../base/index.js";

/** Where virtual wall time begins unless told otherwise: 2026-01-01T00:00:00Z. */
export const wallStartMs = Date.UTC(2026, 0, 1);

/** Cancelled timers kept in the heap before it is rebuilt without them. */
const cancelledMax = 1024;

interface Entry {
  readonly atMs: number;
  /** Ties run in the order they were set. */
  readonly order: number;
  fn: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  #wallOffsetMs: number;
  #monotonicMs = 0;
  #order = 0;
  #cancelled = 0;
  #heap: Entry[] = [];

  constructor(startMs: number = wallStartMs) {
    this.#wallOffsetMs = startMs;
  }

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  /** A negative, NaN or infinite delay counts as 0, 0 and never. */
  after(delayMs: number, fn: () => void): Timer {
    if (delayMs === Number.POSITIVE_INFINITY) return { cancel() {} };
    const entry: Entry = { atMs: this.#monotonicMs + (delayMs > 0 ? delayMs : 0), order: this.#order++, fn };
    push(this.#heap, entry);
    return { cancel: () => this.#cancel(entry) };
  }

  /** Moves wall time alone, as an administrator or NTP would. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Timers waiting. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Monotonic time of the next timer; undefined when none waits. */
  get nextAtMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.atMs;
  }

  /** Jumps to the next timer and runs it, synchronously; false when none waits. For drivers without promises. */
  step(): boolean {
    this.#dropCancelled();
    const entry = pop(this.#heap);
    if (!entry) return false;
    this.#monotonicMs = Math.max(this.#monotonicMs, entry.atMs);
    const fn = entry.fn;
    entry.fn = undefined;
    fn?.();
    return true;
  }

  /** Resolves when every promise that can go on without time passing has. */
  settle(): Promise<void> {
    // A macrotask runs only when the microtask queue is empty, however long the chain was.
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets `ms` pass: runs every timer due meanwhile, in order, settling before and after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await this.settle();
    for (let at = this.nextAtMs; at !== undefined && at <= endMs; at = this.nextAtMs) {
      this.step();
      await this.settle();
    }
    this.#monotonicMs = Math.max(this.#monotonicMs, endMs);
  }

  /**
   * Lets time pass, timer by timer, until `predicate` holds; it is asked after each timer has settled. Fails when that
   * takes more than `limitMs`, or when nothing is left that could make it true; `what` names the wait in the failure.
   */
  async runUntil(predicate: () => boolean, limitMs: number, what = "the condition"): Promise<void> {
    const startMs = this.#monotonicMs;
    await this.settle();
    while (!predicate()) {
      const at = this.nextAtMs;
      const waitedMs = this.#monotonicMs - startMs;
      if (at === undefined) throw new Error(`${what} never came: nothing is left to happen after ${waitedMs} ms`);
      if (at > startMs + limitMs) throw new Error(`${what} did not come within ${limitMs} ms of virtual time`);
      this.step();
      await this.settle();
    }
  }

  /** Runs until `promise` has settled and gives its result; fails as `runUntil` does. */
  async finish<T>(promise: Promise<T>, limitMs: number, what = "the promise"): Promise<T> {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    promise.then(mark, mark);
    await this.runUntil(() => done, limitMs, what);
    return promise;
  }

  #cancel(entry: Entry): void {
    if (!entry.fn) return;
    entry.fn = undefined;
    this.#cancelled += 1;
    if (this.#cancelled > cancelledMax && this.#cancelled * 2 > this.#heap.length) this.#rebuild();
  }

  #dropCancelled(): void {
    while (this.#heap[0] && !this.#heap[0].fn) {
      pop(this.#heap);
      this.#cancelled -= 1;
    }
  }

  #rebuild(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter((entry) => entry.fn).sort((a, b) => (before(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt];
    if (!parent || before(parent, entry)) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!top || !last || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    const childAt = smallerChild(heap, at);
    const child = heap[childAt];
    if (!child || before(last, child)) break;
    heap[at] = child;
    at = childAt;
  }
  heap[at] = last;
  return top;
}

function smallerChild(heap: readonly Entry[], at: number): number {
  const left = heap[2 * at + 1];
  const right = heap[2 * at + 2];
  return left && right && before(right, left) ? 2 * at + 2 : 2 * at + 1;
}
