// The log on disk, seen by the node: append one batch, drop what a snapshot covers. Everything that may be torn, full or
// slow is here; what the bytes mean is decided in the pure files beside it.

import { type Disk, InvariantError, invariant, type Log, messageOf } from "../../base/index.js";
import type { HardState, Position } from "../../gen/skep/raft/v1/raft.js";
import type { Sealer } from "../sealer.js";
import { encodeFrame } from "./frame.js";
import { fileHeaderBytes } from "./header.js";
import { openSegments } from "./open.js";
import { type Batch, encodeBatch } from "./records.js";
import type { Replayed } from "./replay.js";
import { createSegment, type Segment, writeDurably } from "./segment.js";

export interface LogOptions {
  /** Folder of the segments, relative to the disk. */
  readonly folder: string;
  /** Size a segment is prepared with. A frame larger than that gets a segment of its own, which grows. */
  readonly segmentBytes: number;
}

export interface LogModules {
  readonly disk: Disk;
  readonly sealer: Sealer;
  readonly log: Log;
}

export interface LoadedLog extends Replayed {
  /** Nothing was ever written here. */
  readonly isNew: boolean;
}

export class RaftLog {
  readonly #options: LogOptions;
  readonly #modules: LogModules;
  /** Oldest first; `#current` and at most one prepared segment at the end. */
  readonly #segments: Segment[] = [];
  #current: Segment | undefined;
  #sequence = 1;
  /** The last one written: each segment begins with it, so that older ones can be dropped (S5). */
  #hardState: HardState | undefined;
  #startsAnewAt: Position | undefined;
  #preparing: Promise<void> | undefined;
  #appending = false;
  #broken: unknown;

  constructor(options: LogOptions, modules: LogModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Reads what is there; `snapshot` is the last entry of the newest snapshot, index 0 when there is none. */
  async open(snapshot: Position): Promise<LoadedLog> {
    const { disk, sealer, log } = this.#modules;
    const opened = await openSegments(disk, this.#options.folder, sealer, snapshot);
    if (opened.cut) log.warn("cut a torn record off the log", opened.cut);
    this.#segments.push(...opened.segments);
    this.#current = opened.current;
    this.#sequence = opened.nextSequence;
    if (this.#sequence > 1) this.#hardState = opened.replayed.hardState;
    if (opened.replayed.startsAnew) this.#startsAnewAt = opened.replayed.base;
    return { ...opened.replayed, isNew: this.#sequence === 1 };
  }

  /**
   * Writes the batch as one frame; durable, whole, once this resolves. One at a time: the next frame is written only
   * when this one is durable (S2). After a failure the log takes nothing more, for nobody knows what is on disk.
   */
  async append(batch: Batch): Promise<void> {
    invariant(!this.#appending, "one append at a time");
    if (this.#broken !== undefined) throw this.#broken;
    this.#appending = true;
    try {
      await this.#write(batch);
    } catch (error) {
      this.#broken = error;
      throw error;
    } finally {
      this.#appending = false;
    }
  }

  /** A snapshot of another member, whose last entry this is, has become the state: the next batch says so. */
  startAfter(position: Position): void {
    invariant(!this.#appending, "no append while the log starts anew");
    this.#startsAnewAt = { index: position.index, term: position.term };
  }

  /** Removes whole segments that hold nothing above `index`; a durable snapshot must contain it. */
  async dropThrough(index: number): Promise<void> {
    const { disk } = this.#modules;
    for (;;) {
      const oldest = this.#segments[0];
      if (!oldest || oldest === this.#current || oldest.lastIndex > index || !this.#current) return;
      if (oldest.number > this.#current.number) return;
      await disk.remove(oldest.path);
      // One by one, and each only when the one before is gone for good: nothing can leave a hole among the segments.
      await disk.syncFolder(this.#options.folder);
      this.#segments.shift();
      await oldest.file.close();
    }
  }

  /**
   * Closes in good order: a last frame says so, which makes what stands before it provably durable, so that even the
   * last batch can no longer be taken for a tear. Where the disk does not take that frame it is as after a crash.
   */
  async close(): Promise<void> {
    await this.#preparing;
    if (this.#broken === undefined && this.#sequence > 1)
      await this.append({ entries: [], closed: true }).catch(unlessBug);
    for (const segment of this.#segments.splice(0)) await segment.file.close();
    this.#broken ??= new Error("the log is closed");
  }

  async #write(batch: Batch): Promise<void> {
    let segment = this.#current;
    let frame = this.#encode(batch, segment === undefined);
    if (!segment || segment.end + frame.length > segment.bytes) {
      segment = await this.#next();
      frame = this.#encode(batch, true);
    }
    await writeDurably(segment.file, frame, segment.end);
    segment.end += frame.length;
    segment.bytes = Math.max(segment.bytes, segment.end);
    for (const entry of batch.entries) segment.lastIndex = Math.max(segment.lastIndex, entry.index);
    this.#sequence += 1;
    this.#hardState = batch.hardState ?? this.#hardState;
    this.#startsAnewAt = undefined;
    if (segment.end > segment.bytes / 2) this.#prepare();
  }

  #encode(batch: Batch, isFirst: boolean): Uint8Array {
    const hardState = batch.hardState ?? (isFirst ? this.#hardState : undefined);
    const whole = { ...batch, hardState, start: this.#startsAnewAt };
    return encodeFrame(this.#sequence, this.#modules.sealer.seal(encodeBatch(whole)));
  }

  /** Moves on to the prepared segment, or makes one now. */
  async #next(): Promise<Segment> {
    await this.#preparing;
    const number = this.#current ? this.#current.number + 1 : 1;
    let next = this.#segments.find((segment) => segment.number === number);
    if (!next) {
      next = await this.#create(number);
      this.#segments.push(next);
    }
    invariant(next.end === fileHeaderBytes, "a prepared segment is empty", { segment: next.number });
    this.#current = next;
    return next;
  }

  /** Makes the next segment while the current one still has room; a failure is met again when it is needed. */
  #prepare(): void {
    const number = (this.#current?.number ?? 0) + 1;
    if (this.#preparing || this.#segments.some((segment) => segment.number === number)) return;
    this.#preparing = this.#create(number)
      .then(
        (segment) => void this.#segments.push(segment),
        (error: unknown) => this.#modules.log.warn("cannot prepare a log segment", { error: messageOf(error) }),
      )
      .finally(() => {
        this.#preparing = undefined;
      });
  }

  #create(number: number): Promise<Segment> {
    const { folder, segmentBytes } = this.#options;
    return createSegment(this.#modules.disk, folder, number, segmentBytes);
  }
}

function unlessBug(error: unknown): void {
  if (error instanceof InvariantError) throw error;
}
