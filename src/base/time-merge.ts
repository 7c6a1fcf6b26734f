// Lines of several sources → one order of time, as far as that can be had without waiting for long. Pure: times are given.
// A line goes out once every open source has shown its next one, or when those that did not were silent for the window: it
// is held only while older ones come. What is older and comes later than that goes out when it comes.

export interface Stamped {
  /** Fixed width, so that text order is the order of time. */
  readonly timestamp: string;
}

export interface TimeMergeOptions<Line> {
  /** How long a line is held for a source that says nothing. */
  readonly windowMs: number;
  /** How long a source that is expected is waited for. */
  readonly expectMs: number;
  readonly bytesOf: (line: Line) => number;
}

interface Source<Line> {
  /** Waits for its first sign until then. */
  expectedUntilMs: number | undefined;
  /** What came and did not go out, oldest first. */
  readonly batches: { readonly lines: readonly Line[]; readonly arrivedMs: number }[];
  /** In the first batch. */
  next: number;
  heldBytes: number;
  /** Since when it holds nothing, if it does. */
  silentSinceMs: number;
}

export interface Taken<Line> {
  readonly lines: readonly Line[];
  /** When to take again if nothing happens until then; undefined: only after something did. */
  readonly waitMs: number | undefined;
}

export class TimeMerge<Line extends Stamped> {
  readonly #options: TimeMergeOptions<Line>;
  readonly #sources = new Map<string, Source<Line>>();
  /** Sources that hold lines, as a heap by their next line's time. */
  readonly #heap: Source<Line>[] = [];

  constructor(options: TimeMergeOptions<Line>) {
    this.#options = options;
  }

  /** Open sources. */
  get size(): number {
    return this.#sources.size;
  }

  /** Nothing is held, and nothing can come. */
  get isOver(): boolean {
    return this.#sources.size === 0 && this.#heap.length === 0;
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
    const silent = { batches: [], next: 0, heldBytes: 0, silentSinceMs: nowMs };
    this.#sources.set(name, { expectedUntilMs: undefined, ...silent });
  }

  push(name: string, lines: readonly Line[], nowMs: number): void {
    const source = this.#sources.get(name);
    if (!source || lines.length === 0) return;
    source.expectedUntilMs = undefined;
    source.batches.push({ lines, arrivedMs: nowMs });
    for (const line of lines) source.heldBytes += this.#options.bytesOf(line);
    if (source.batches.length > 1) return;
    this.#heap.push(source);
    this.#rise(this.#heap.length - 1);
  }

  /** Nothing more comes of it; what it holds still goes out. */
  end(name: string): void {
    this.#sources.delete(name);
  }

  /** Bytes of an open source that came and did not go out. */
  heldOf(name: string): number {
    return this.#sources.get(name)?.heldBytes ?? 0;
  }

  /** The lines that may go out now, in order; at most `max`. */
  take(nowMs: number, max: number): Taken<Line> {
    const lines: Line[] = [];
    let dueMs = this.#dueMs(nowMs);
    while (lines.length < max && dueMs !== undefined && dueMs <= nowMs) {
      const [source] = this.#heap;
      const batch = source?.batches[0];
      const line = batch?.lines[source?.next ?? 0];
      if (!source || !batch || !line) break;
      lines.push(line);
      source.next += 1;
      source.heldBytes -= this.#options.bytesOf(line);
      const isBatchOver = source.next === batch.lines.length;
      if (isBatchOver) {
        source.batches.shift();
        source.next = 0;
        source.silentSinceMs = nowMs;
      }
      this.#sink();
      // Another batch has another age, and one more source may be silent: what may go out is judged anew.
      if (isBatchOver) dueMs = this.#dueMs(nowMs);
    }
    return { lines, waitMs: dueMs === undefined ? undefined : Math.max(0, dueMs - nowMs) };
  }

  /** When the next line may go out; undefined when there is none. */
  #dueMs(nowMs: number): number | undefined {
    if (this.#heap.length === 0) return undefined;
    const { windowMs } = this.#options;
    let dueMs = nowMs;
    for (const source of this.#sources.values()) {
      if (source.batches.length > 0) continue;
      dueMs = Math.max(dueMs, this.#oldestMs + windowMs, source.silentSinceMs + windowMs, source.expectedUntilMs ?? 0);
    }
    return dueMs;
  }

  /** When the longest held of all next lines came. */
  get #oldestMs(): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const { batches } of this.#heap) oldestMs = Math.min(oldestMs, batches[0]?.arrivedMs ?? oldestMs);
    return oldestMs;
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
    if (first && first.batches.length === 0) {
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
    return source?.batches[0]?.lines[source.next]?.timestamp ?? "";
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
