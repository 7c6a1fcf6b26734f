// A backup as a file: one line that says what it is, then frames, each with its checksum, and an end that vouches for all
// of it. What the frames hold is backup.ts's and restore.ts's.

import { SwarmError } from "../base/index.js";
import { ByteReader } from "./byte-reader.js";

/** Format written, the newest read, and the oldest Skep that reads it. */
export const backupFormat = 1;
const neededVersion = "0.1.0";
const lineBytesMax = 64;

/** A chunk of the store is at most 4 MiB, sealed a little more. */
const frameBytesMax = 5 * 1024 * 1024;
const checksumBytes = 16;
/** Kind, length, checksum. */
const frameHeadBytes = 1 + 4 + checksumBytes;

/** A SHA-256 under way. */
export interface Digest {
  update(bytes: Uint8Array): void;
  end(): Uint8Array;
}
export type NewDigest = () => Digest;

export type FrameKind = "header" | "chunk" | "end";
const kinds = { header: 1, chunk: 2, end: 3 } as const satisfies Record<FrameKind, number>;

export interface Frame {
  readonly kind: "header" | "chunk";
  readonly payload: Uint8Array;
}

/** The whole file: the frames come in as they are asked for, and the end is made here. */
export async function* encodeBackupFile(
  frames: AsyncIterable<Frame>,
  newDigest: NewDigest,
): AsyncGenerator<Uint8Array> {
  const whole = newDigest();
  const noted = (bytes: Uint8Array): Uint8Array => {
    whole.update(bytes);
    return bytes;
  };
  yield noted(Buffer.from(`skep-backup ${backupFormat} ${neededVersion}\n`));
  for await (const { kind, payload } of frames) yield noted(encodeFrame(kind, payload, newDigest));
  yield encodeFrame("end", whole.end(), newDigest);
}

/** The frames, each verified before it is given; the last `next` ends only when the whole file was right. */
export async function* decodeBackupFile(bytes: AsyncIterable<Uint8Array>, newDigest: NewDigest): AsyncGenerator<Frame> {
  const reader = new ByteReader(bytes);
  const whole = newDigest();
  whole.update(await readLine(reader));
  for (;;) {
    const at = reader.position;
    const { kind, payload, raw } = await readFrame(reader, newDigest);
    if (kind === "end") {
      if (!same(payload, whole.end())) throw damaged(at, "the checksum of the whole is another one");
      if (!(await reader.isAtEnd())) throw damaged(reader.position, "something follows its end");
      return;
    }
    for (const part of raw) whole.update(part);
    yield { kind, payload };
  }
}

function encodeFrame(kind: FrameKind, payload: Uint8Array, newDigest: NewDigest): Uint8Array {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt8(kinds[kind], 0);
  head.writeUInt32BE(payload.length, 1);
  checksum(head.subarray(0, 5), payload, newDigest).copy(head, 5);
  return Buffer.concat([head, payload]);
}

async function readLine(reader: ByteReader): Promise<Uint8Array> {
  const line = await reader.takeThrough(0x0a, lineBytesMax);
  const [, format, version] = /^skep-backup (\d{1,9}) (\S{1,20})\n$/.exec(Buffer.from(line ?? []).toString()) ?? [];
  if (line === undefined || format === undefined) throw notBackup();
  if (Number(format) > backupFormat) {
    throw new SwarmError(
      "FailedPrecondition",
      `the backup has format ${format}, this Skep reads up to ${backupFormat}: Skep ${version} or newer is needed`,
    );
  }
  return line;
}

interface ReadFrame {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
  readonly raw: readonly Uint8Array[];
}

async function readFrame(reader: ByteReader, newDigest: NewDigest): Promise<ReadFrame> {
  const at = reader.position;
  const head = Buffer.from(await taken(reader, frameHeadBytes));
  const length = head.readUInt32BE(1);
  const kind = (Object.keys(kinds) as FrameKind[]).find((each) => kinds[each] === head[0]);
  if (kind === undefined || length > frameBytesMax) throw damaged(at, "a frame is bad");
  const payload = await taken(reader, length);
  if (!same(head.subarray(5), checksum(head.subarray(0, 5), payload, newDigest))) {
    throw damaged(at, "a checksum is another one");
  }
  return { kind, payload, raw: [head, payload] };
}

async function taken(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.take(count);
  if (bytes) return bytes;
  throw new SwarmError(
    "InvalidArgument",
    `the backup ends at byte ${reader.position}, in the middle: get a whole copy of it`,
  );
}

function checksum(head: Uint8Array, payload: Uint8Array, newDigest: NewDigest): Buffer {
  const digest = newDigest();
  digest.update(head);
  digest.update(payload);
  return Buffer.from(digest.end()).subarray(0, checksumBytes);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** What stands where is not as it was written. */
export function damaged(at: number, why: string): SwarmError {
  return new SwarmError("InvalidArgument", `the backup is damaged at byte ${at}: ${why}; use another copy of it`);
}

function notBackup(): SwarmError {
  return new SwarmError("InvalidArgument", "this is not a backup: 'skep system backup' makes them");
}
