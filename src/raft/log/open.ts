// Opens the segments of a log: reads all, refuses damage, cuts a tear, and makes what was read durable before anybody
// builds on it.

import { type Disk, messageOf } from "../../base/index.js";
import type { Position } from "../../gen/skep/raft/v1/raft.js";
import type { Sealer } from "../sealer.js";
import { LogDamagedError, WrongKeyError } from "./errors.js";
import type { Frame } from "./frame.js";
import { checkHeader, fileHeaderBytes } from "./header.js";
import { type Batch, decodeBatch } from "./records.js";
import { Replay, type Replayed } from "./replay.js";
import { type ScanEnd, scanFrames } from "./scan.js";
import { fillWithZeros, type Segment, segmentNumber, segmentPath, unfinishedName, writeDurably } from "./segment.js";

export interface OpenedSegments {
  /** Oldest first; none when there is no log yet. */
  readonly segments: readonly Segment[];
  /** The one that takes the next frame; those after it are prepared ones. */
  readonly current: Segment | undefined;
  readonly nextSequence: number;
  readonly replayed: Replayed;
  /** What was cut, for the log line. */
  readonly cut: { readonly file: string; readonly offset: number } | undefined;
}

export async function openSegments(
  disk: Disk,
  folder: string,
  sealer: Sealer,
  snapshot: Position,
): Promise<OpenedSegments> {
  await disk.makeFolder(folder);
  await disk.remove(`${folder}/${unfinishedName}`);
  const segments: Segment[] = [];
  try {
    return await readSegments(disk, folder, new Reader(sealer), segments, snapshot);
  } catch (error) {
    for (const segment of segments) await segment.file.close();
    throw error;
  }
}

/** Puts each segment it opens into `segments`. */
async function readSegments(
  disk: Disk,
  folder: string,
  reader: Reader,
  segments: Segment[],
  snapshot: Position,
): Promise<OpenedSegments> {
  for (const number of await numbersOf(disk, folder)) {
    const path = segmentPath(folder, number);
    const bytes = (await disk.readFile(path)) ?? new Uint8Array(0);
    checkHeader(path, bytes, "segment", number);
    const read = reader.read(path, bytes);
    segments.push({ number, path, file: await disk.open(path), bytes: bytes.length, ...read });
  }
  const { tear } = reader;
  const replayed = reader.finish(snapshot);
  if (tear) await cut(segments, tear);
  const current = segments.findLast((segment) => segment.end > fileHeaderBytes) ?? segments[0];
  // The last frame, and by S2 no other, may stand in the system's cache alone: after a kill, or because its sync failed. After
  // a failed one the system takes it for written, and no sync would write it any more: so it is written again, over itself.
  if (current && reader.last) await writeDurably(current.file, reader.last.bytes, reader.last.offset);
  await disk.syncFolder(folder);
  const nextSequence = reader.nextSequence ?? 1;
  return { segments, current, nextSequence, replayed, cut: tear && { file: tear.path, offset: tear.at } };
}

interface LastFrame {
  readonly path: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Tear {
  readonly path: string;
  readonly at: number;
  readonly until: number;
}

/** Goes through the segments in order and keeps what the next one must continue. */
class Reader {
  readonly #sealer: Sealer;
  readonly #replay = new Replay();
  nextSequence: number | undefined;
  tear: Tear | undefined;
  last: LastFrame | undefined;

  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  read(path: string, bytes: Uint8Array): { end: number; lastIndex: number } {
    const { frames, end } = scanFrames(bytes, fileHeaderBytes, this.nextSequence);
    let lastIndex = 0;
    for (const frame of frames) {
      lastIndex = Math.max(lastIndex, this.#take(path, frame));
      this.last = { path, offset: frame.offset, bytes: bytes.subarray(frame.offset, frame.end) };
    }
    // The sequence goes on here, so what looked like a tear before is beyond the last frame of its segment.
    if (frames.length > 0) this.tear = undefined;
    this.#judge(path, end);
    return { end: end.at, lastIndex };
  }

  finish(snapshot: Position): Replayed {
    return located(this.last ?? { path: "", offset: 0 }, () => this.#replay.finish(snapshot));
  }

  #take(path: string, frame: Frame): number {
    const at = { path, offset: frame.offset };
    const batch = this.#decode(path, frame);
    located(at, () => this.#replay.add(batch));
    this.nextSequence = frame.sequence + 1;
    return batch.entries.reduce((max, entry) => Math.max(max, entry.index), 0);
  }

  #decode(path: string, frame: Frame): Batch {
    let opened: Uint8Array;
    try {
      opened = this.#sealer.open(frame.payload);
    } catch (error) {
      throw new WrongKeyError(path, frame.offset, error);
    }
    return located({ path, offset: frame.offset }, () => decodeBatch(opened));
  }

  #judge(path: string, end: ScanEnd): void {
    if (end.kind === "clean") return;
    if (end.kind === "torn") {
      this.tear ??= { path, at: end.at, until: end.until };
      return;
    }
    const bad = this.tear ?? { path, at: end.at };
    throw new LogDamagedError(
      bad.path,
      bad.at,
      `the record is bad, and a good one follows in ${path} at ${end.goodAt}`,
    );
  }
}

/** Failures of `read` are damage at this place. */
function located<T>(at: { readonly path: string; readonly offset: number }, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new LogDamagedError(at.path, at.offset, messageOf(error));
  }
}

async function numbersOf(disk: Disk, folder: string): Promise<readonly number[]> {
  const numbers = (await disk.list(folder)).flatMap((name) => segmentNumber(name) ?? []);
  numbers.forEach((number, at) => {
    const before = numbers[at - 1];
    if (before !== undefined && number !== before + 1) {
      throw new LogDamagedError(segmentPath(folder, before + 1), 0, `the file is missing, and ${number} is there`);
    }
  });
  return numbers;
}

/** Remains of a torn frame must never be read again, behind the frame that takes its place. */
async function cut(segments: readonly Segment[], tear: Tear): Promise<void> {
  const torn = segments.find((segment) => segment.path === tear.path);
  if (!torn) return;
  await fillWithZeros(torn.file, tear.at, tear.until);
  await torn.file.sync();
}
