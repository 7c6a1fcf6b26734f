// The first 64 bytes of every file of the log and of a snapshot: what it is, in which format, and which version wrote it.
// Their layout never changes, so that any version can name the one that is needed.

import { crc32c } from "./crc32c.js";
import { LogDamagedError, NewerFormatError } from "./errors.js";

export const fileHeaderBytes = 64;

/** The format of log segments and snapshots written here. */
export const logFormat = 1;
/** The first version that reads `logFormat`. */
export const logFormatVersion = "0.1.0";

export type FileKind = "segment" | "snapshot";

/** Eight letters at the start of the file. */
const magics: Readonly<Record<FileKind, string>> = { segment: "RAFTSEGM", snapshot: "RAFTSNAP" };
const formatAt = 8;
const numberAt = 16;
const versionAt = 24;
const versionBytes = 32;
const crcAt = 60;

/** `number` is the segment's own, so that a segment under another's name shows; 0 for a snapshot. */
export function encodeHeader(
  kind: FileKind,
  number: number,
  format = logFormat,
  version = logFormatVersion,
): Uint8Array {
  const bytes = new Uint8Array(fileHeaderBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(magics[kind]), 0);
  view.setUint32(formatAt, format, true);
  view.setBigUint64(numberAt, BigInt(number), true);
  bytes.set(new TextEncoder().encode(version).subarray(0, versionBytes), versionAt);
  view.setUint32(crcAt, crc32c(bytes.subarray(0, crcAt)), true);
  return bytes;
}

/** Checks the first bytes of `file`; throws when they are not whole, not of this kind and number, or of a newer format. */
export function checkHeader(file: string, bytes: Uint8Array, kind: FileKind, number: number): void {
  if (bytes.length < fileHeaderBytes) throw new LogDamagedError(file, bytes.length, "the file ends within its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWhole = view.getUint32(crcAt, true) === crc32c(bytes.subarray(0, crcAt));
  if (!isWhole) throw new LogDamagedError(file, 0, "the header's checksum does not match");
  const format = view.getUint32(formatAt, true);
  if (text(bytes, 0, formatAt) !== magics[kind]) throw new LogDamagedError(file, 0, `this is no ${kind}`);
  if (format > logFormat) throw new NewerFormatError(file, format, logFormat, text(bytes, versionAt, versionBytes));
  const found = Number(view.getBigUint64(numberAt, true));
  if (found !== number) throw new LogDamagedError(file, numberAt, `this is ${kind} ${found}, not ${number}`);
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return new TextDecoder().decode(bytes.subarray(at, at + length)).replace(/\0+$/, "");
}
