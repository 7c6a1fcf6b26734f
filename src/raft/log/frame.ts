// A frame is what one sync makes durable: length, CRC-32C, sequence number, payload, padded with zeros to 8 bytes.
// The checksum covers length, sequence and payload. Sequence numbers rise by one through the whole log, so a frame that
// is missing, old or in the wrong place shows.

import { invariant } from "../../base/index.js";
import { crc32c } from "./crc32c.js";

export const frameHeaderBytes = 16;
/** Frames begin at multiples of this, so the search for good frames after a bad one has few places to look. */
export const frameAlignBytes = 8;
/** The largest payload: a batch of entries with room for what sealing adds. */
export const framePayloadBytesMax = 32 * 1024 * 1024;
const sequenceMax = 2 ** 48;
const lengthAt = 0;
const crcAt = 4;
const sequenceAt = 8;

export interface Frame {
  readonly offset: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** Where the next frame begins. */
  readonly end: number;
}

export function encodeFrame(sequence: number, payload: Uint8Array): Uint8Array {
  invariant(payload.length > 0 && payload.length <= framePayloadBytesMax, "frame length", { length: payload.length });
  invariant(sequence > 0 && sequence < sequenceMax, "frame sequence", { sequence });
  const bytes = new Uint8Array(frameBytes(payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(lengthAt, payload.length, true);
  view.setBigUint64(sequenceAt, BigInt(sequence), true);
  bytes.set(payload, frameHeaderBytes);
  view.setUint32(crcAt, checksum(bytes, 0, payload.length), true);
  return bytes;
}

/** The whole frame at `offset`, or undefined when what stands there is none. */
export function readFrame(bytes: Uint8Array, offset: number): Frame | undefined {
  const head = frameHead(bytes, offset);
  if (!head || head.crc !== checksum(bytes, offset, head.length)) return undefined;
  const start = offset + frameHeaderBytes;
  return {
    offset,
    sequence: head.sequence,
    payload: bytes.subarray(start, start + head.length),
    end: offset + frameBytes(head.length),
  };
}

/** What a frame with this much payload takes on disk. */
export function frameBytes(payloadLength: number): number {
  return Math.ceil((frameHeaderBytes + payloadLength) / frameAlignBytes) * frameAlignBytes;
}

/** The length of the payload a frame's first bytes announce; undefined when they cannot be a frame's. */
export function announcedPayloadBytes(head: Uint8Array): number | undefined {
  if (head.length < frameHeaderBytes) return undefined;
  const length = viewOf(head).getUint32(lengthAt, true);
  return length > 0 && length <= framePayloadBytesMax ? length : undefined;
}

interface Head {
  readonly length: number;
  readonly crc: number;
  readonly sequence: number;
}

function frameHead(bytes: Uint8Array, offset: number): Head | undefined {
  if (offset + frameHeaderBytes > bytes.length) return undefined;
  const view = viewOf(bytes);
  const length = view.getUint32(offset + lengthAt, true);
  if (length === 0 || offset + frameHeaderBytes + length > bytes.length) return undefined;
  // Two halves: a BigInt for each place looked at would make the search slow.
  const high = view.getUint32(offset + sequenceAt + 4, true);
  const sequence = high * 2 ** 32 + view.getUint32(offset + sequenceAt, true);
  if (sequence === 0 || sequence >= sequenceMax) return undefined;
  return { length, crc: view.getUint32(offset + crcAt, true), sequence };
}

function checksum(bytes: Uint8Array, offset: number, length: number): number {
  const lengthOnly = bytes.subarray(offset + lengthAt, offset + crcAt);
  return crc32c(bytes.subarray(offset + sequenceAt, offset + frameHeaderBytes + length), crc32c(lengthOnly));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
