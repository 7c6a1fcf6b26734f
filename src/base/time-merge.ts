// Lines of several sources → one order of time, as far as that can be had without waiting for long. Pure: times are given.
// A line goes out once every open source has shown its next one, or when those that did not were silent for the window: it
// is held only while older ones come. What is older and comes later than that goes out when it comes.

import { invariant } from "./invariant.js";

export interface Stamped {
  /** Fixed width, so that text order is the order of time. */
  readonly timestamp: string;
}

export interface TimeMergeOptions {
  /** How long a line is held for a source that says nothing. */
  readonly windowMs: number;
  /** How long a source that is expected is waited for. */
  readonly expectMs: number;
}

interface Source<Line> {
  /** Waits for its first sign until then. */
  expectedUntilMs: number | undefined;
  lines: readonly Line[];
  next: number;
  /** When `lines` came. */
  arrivedMs: number;
  /** Since when it holds nothing, if it does. */
  silentSinceMs: number;
}

export interface Taken<Line> {
  readonly lines: readonly Line[];
  /** When to take again if nothing happens until then; undefined: only after something did. */
  readonly waitMs: number | undefined;
}

export class TimeMerge<Line extends Stamped> {
  readonly #options: TimeMergeOptions;
  readonly #sources = new Map<string, Source<Line>>();
  /** Sources that hold lines, as a heap by their next line's time. */
  readonly #heap: Source<Line>[] = [];

  constructor(options: TimeMergeOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#sources.size === 0;
  }

  /** A source that has yet to show itself. */
  expect(name: string, nowMs: number): void {
    this.open(name, nowMs);
    const source = this.#sources.get(name);
    if (source) source.expectedUntilMs = nowMs + this.#options.expectMs;
  }

  /** A source that is read; one that is expected is so until its first line. */
  open(name: string, nowMs: number): void {
    if (this.#sources.has(name)) return;
    const silent = { lines: [], next: 0, arrivedMs: 0, silentSinceMs: nowMs };
    this.#sources.set(name, { expectedUntilMs: undefined, ...silent });
  }

  /** More of a source of which everything was taken. */
  push(name: string, lines: readonly Line[], nowMs: number): void {
    const source = this.#sources.get(name);
    if (!source || lines.length === 0) return;
    invariant(source.next === source.lines.length, "a source is read on only when all of it was taken");
    Object.assign(source, { expectedUntilMs: undefined, lines, next: 0, arrivedMs: nowMs });
    this.#heap.push(source);
    this.#rise(this.#heap.length - 1);
  }

  /** Nothing more comes of it; what it holds still goes out. */
  end(name: string): void {
    this.#sources.delete(name);
  }

  /** True when all of the source was taken: it may be read on. */
  wants(name: string): boolean {
    const source = this.#sources.get(name);
    return source !== undefined && source.next === source.lines.length;
  }

  /** The lines that may go out now, in order; at most `max`. */
  take(nowMs: number, max: number): Taken<Line> {
    const lines: Line[] = [];
    let silent = this.#silent();
    let due = this.#dueMs(silent, nowMs);
    while (lines.length < max && due !== undefined && due <= nowMs) {
      const [source] = this.#heap;
      const line = source?.lines[source.next];
      if (!source || !line) break;
      lines.push(line);
      source.next += 1;
      this.#sink();
      if (source.next < source.lines.length) continue;
      source.silentSinceMs = nowMs;
      // One more is silent, or over: what may go out is judged anew.
      silent = this.#silent();
      due = this.#dueMs(silent, nowMs);
    }
    const waitMs = due === undefined ? undefined : Math.max(0, due - nowMs);
    return { lines, waitMs: this.#heap.length === 0 ? undefined : waitMs };
  }

  /** Open sources that hold nothing. */
  #silent(): readonly Source<Line>[] {
    const silent: Source<Line>[] = [];
    for (const source of this.#sources.values()) if (source.next === source.lines.length) silent.push(source);
    return silent;
  }

  /** When the next line may go out; undefined when there is none. */
  #dueMs(silent: readonly Source<Line>[], nowMs: number): number | undefined {
    if (this.#heap.length === 0) return undefined;
    if (silent.length === 0) return nowMs;
    const { windowMs } = this.#options;
    let dueMs = Math.min(...this.#heap.map(({ arrivedMs }) => arrivedMs)) + windowMs;
    for (const { silentSinceMs, expectedUntilMs = 0 } of silent) {
      dueMs = Math.max(dueMs, silentSinceMs + windowMs, expectedUntilMs);
    }
    return dueMs;
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, above)) return;
      at = above;
    }
  }

  /** The first source moved on: it finds its place, or leaves the heap. */
  #sink(): void {
    const [first] = this.#heap;
    if (first && first.next === first.lines.length) {
      const last = this.#heap.pop();
      if (!last || last === first) return;
      this.#heap[0] = last;
    }
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = right < this.#heap.length && this.#timeAt(right) < this.#timeAt(left) ? right : left;
      if (least >= this.#heap.length || !this.#swapIfEarlier(least, at)) return;
      at = least;
    }
  }

  #swapIfEarlier(lower: number, upper: number): boolean {
    if (this.#timeAt(lower) >= this.#timeAt(upper)) return false;
    const [a, b] = [this.#heap[lower], this.#heap[upper]];
    if (!a || !b) return false;
    this.#heap[lower] = b;
    this.#heap[upper] = a;
    return true;
  }

  #timeAt(at: number): string {
    const source = this.#heap[at];
    return source?.lines[source.next]?.timestamp ?? "";
  }
}

/** A nanosecond after a timestamp, as seconds since 1970 with a fraction: what an engine's `since` wants to go on there. */
export function secondsAfter(timestamp: string): string {
  const match = /^(.{19})(?:\.(\d{1,9}))?/.exec(timestamp);
  const seconds = Date.parse(`${match?.[1] ?? ""}Z`) / 1000;
  if (Number.isNaN(seconds)) return "";
  const nanos = Number((match?.[2] ?? "").padEnd(9, "0")) + 1;
  return nanos < 1e9 ? `${seconds}.${String(nanos).padStart(9, "0")}` : `${seconds + 1}.000000000`;
}
