// Sources that come and go, read into one stream in the order of time (time-merge.ts). Each is read on only while little of
// it is held: who reads this slowly slows every source down.

import type { Clock } from "./clock.js";
import { type Stamped, TimeMerge, type TimeMergeOptions } from "./time-merge.js";
import { Wake } from "./wake.js";

/** Lines given at once: the loop is free between. */
const linesMax = 500;

export interface MergedStreamOptions<Line> extends TimeMergeOptions<Line> {
  /** Held in all, shared evenly between the sources; each may hold one batch, whatever its size. */
  readonly bytesMax: number;
}

export class MergedStream<Line extends Stamped> {
  readonly #options: MergedStreamOptions<Line>;
  readonly #clock: Clock;
  readonly #merge: TimeMerge<Line>;
  readonly #bell = new Wake();
  /** Sources that wait until they may be read on. */
  readonly #waiting = new Map<string, () => void>();
  readonly #readings = new Map<string, { isOver: boolean }>();
  #isFinished = false;

  constructor(options: MergedStreamOptions<Line>, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#merge = new TimeMerge(options);
  }

  /** A source is on its way: older lines of it are waited for. */
  expect(name: string): void {
    this.#merge.expect(name, this.#clock.monotonic());
  }

  /** Reads a source, in place of an earlier one of the same name; resolves at its end, rejects with its error. */
  async attach(name: string, batches: AsyncIterable<readonly Line[]>): Promise<void> {
    const before = this.#readings.get(name);
    if (before) before.isOver = true;
    this.#release(name);
    const reading = { isOver: false };
    this.#readings.set(name, reading);
    this.#merge.open(name, this.#clock.monotonic());
    this.#bell.ring();
    try {
      for await (const lines of batches) {
        if (reading.isOver) return;
        this.#merge.push(name, lines, this.#clock.monotonic());
        this.#bell.ring();
        await this.#untilWanted(name);
        if (reading.isOver) return;
      }
    } finally {
      if (!reading.isOver) this.end(name);
    }
  }

  /** Nothing more comes of this source. */
  end(name: string): void {
    const reading = this.#readings.get(name);
    if (reading) reading.isOver = true;
    this.#readings.delete(name);
    this.#release(name);
    this.#merge.end(name);
    this.#bell.ring();
  }

  /** No new sources: the stream ends with the last of those there are. */
  finish(): void {
    this.#isFinished = true;
    this.#bell.ring();
  }

  /** Read once, to its end or until somebody stops reading: then every source is let go. */
  async *read(signal: AbortSignal): AsyncGenerator<readonly Line[], void, void> {
    try {
      for (;;) {
        const { lines, waitMs } = this.#merge.take(this.#clock.monotonic(), linesMax);
        if (lines.length > 0) {
          for (const name of [...this.#waiting.keys()]) if (this.#isWanted(name)) this.#release(name);
          yield lines;
        } else if (waitMs !== undefined) await this.#bell.waitAtMost(this.#clock, waitMs, signal);
        else if (this.#isFinished && this.#merge.isOver) return;
        else await this.#bell.wait(signal);
      }
    } finally {
      for (const name of [...this.#readings.keys()]) this.end(name);
    }
  }

  #isWanted(name: string): boolean {
    return this.#merge.heldOf(name) < this.#options.bytesMax / this.#merge.size;
  }

  #untilWanted(name: string): Promise<void> {
    if (this.#isWanted(name)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(name, resolve));
  }

  #release(name: string): void {
    this.#waiting.get(name)?.();
    this.#waiting.delete(name);
  }
}
