// What a frame holds, once opened: records one after the other, each kind (1 byte), length (4 bytes), bytes.
// A frame is one atomic batch: term and vote can never be on disk without the entries they were written with, nor these
// without them (check-list 1).

import { Entry, HardState, Position } from "../../gen/skep/raft/v1/raft.js";

/** One atomic write. */
export interface Batch {
  /** The log starts anew after this entry, which a snapshot contains: nothing before it counts any more. */
  readonly start?: Position | undefined;
  readonly hardState?: HardState | undefined;
  /** Consecutive; the first may have an index that is already there: it and all after it are then replaced. */
  readonly entries: readonly Entry[];
  /** The log was closed in good order after this. */
  readonly closed?: boolean;
}

const kinds = { entry: 1, hardState: 2, start: 3, closed: 4 } as const;
const recordHeaderBytes = 5;

export function encodeBatch(batch: Batch): Uint8Array {
  const records: { kind: number; bytes: Uint8Array }[] = [];
  if (batch.start) records.push({ kind: kinds.start, bytes: Position.encode(batch.start).finish() });
  if (batch.hardState) records.push({ kind: kinds.hardState, bytes: HardState.encode(batch.hardState).finish() });
  for (const entry of batch.entries) records.push({ kind: kinds.entry, bytes: Entry.encode(entry).finish() });
  if (batch.closed) records.push({ kind: kinds.closed, bytes: new Uint8Array(0) });
  return join(records);
}

/** Throws when the bytes are no batch; they passed a checksum, so that is a bug or a newer writer. */
export function decodeBatch(bytes: Uint8Array): Batch {
  let start: Position | undefined;
  let hardState: HardState | undefined;
  let closed = false;
  const entries: Entry[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    if (at + recordHeaderBytes > bytes.length) throw new Error(`a record ends within its header at byte ${at}`);
    const kind = view.getUint8(at);
    const from = at + recordHeaderBytes;
    at = from + view.getUint32(at + 1, true);
    if (at > bytes.length) throw new Error(`a record of kind ${kind} is longer than its batch`);
    const record = bytes.subarray(from, at);
    if (kind === kinds.entry) entries.push(ownEntry(record));
    else if (kind === kinds.hardState) hardState = HardState.decode(record);
    else if (kind === kinds.start) start = Position.decode(record);
    else if (kind === kinds.closed) closed = true;
    else throw new Error(`a record has the unknown kind ${kind}`);
  }
  return { start, hardState, entries, closed };
}

/** A slice of the file would keep the whole segment in memory for as long as somebody holds a byte of it. */
function ownEntry(record: Uint8Array): Entry {
  const entry = Entry.decode(record);
  return { ...entry, data: Buffer.from(entry.data) };
}

function join(records: readonly { readonly kind: number; readonly bytes: Uint8Array }[]): Uint8Array {
  const length = records.reduce((sum, record) => sum + recordHeaderBytes + record.bytes.length, 0);
  const all = new Uint8Array(length);
  const view = new DataView(all.buffer);
  let at = 0;
  for (const { kind, bytes } of records) {
    view.setUint8(at, kind);
    view.setUint32(at + 1, bytes.length, true);
    all.set(bytes, at + recordHeaderBytes);
    at += recordHeaderBytes + bytes.length;
  }
  return all;
}
