// The format of what the store replicates.

import { invariant, SwarmError } from "../base/index.js";
import { Entry, Transaction as TransactionMessage } from "../gen/skep/v1/store.js";
import { type Change, decodeChange, encodeChange } from "./change.js";

/** Format of entries and snapshots this version writes, and the newest it reads. */
export const storeFormat = 1;

/** An entry holds at most this many changes and bytes; a transaction never spans entries. */
export const entryChangesMax = 2_000;
export const entryBytesMax = 1 << 20;
/** An entry that has so many changes takes no further transaction: to decide and to apply it must not hold the loop. */
export const entrySharedMax = 500;

const transactionsTag = (3 << 3) | 2;

/** The wire form of one transaction. */
export function encodeTransaction(changes: readonly Change[]): Uint8Array {
  return TransactionMessage.encode({ changes: changes.map(encodeChange) }).finish();
}

/** An entry from transactions already encoded. */
export function encodeEntry(baseRevision: number, transactions: readonly Uint8Array[]): Uint8Array {
  const writer = Entry.encode({ format: storeFormat, baseRevision, transactions: [] });
  for (const transaction of transactions) writer.uint32(transactionsTag).bytes(transaction);
  return writer.finish();
}

/** What an entry says; refuses a newer format. */
export function decodeEntry(data: Uint8Array): {
  readonly baseRevision: number;
  readonly transactions: readonly (readonly Change[])[];
} {
  const entry = Entry.decode(data);
  checkFormat("log entry", entry.format);
  return {
    baseRevision: entry.baseRevision,
    transactions: entry.transactions.map((each) => each.changes.map(decodeChange)),
  };
}

/** Fails with FailedPrecondition naming the format that is needed. */
export function checkFormat(what: string, format: number): void {
  invariant(format > 0, "stored data carries a format", { what });
  if (format <= storeFormat) return;
  throw new SwarmError(
    "FailedPrecondition",
    `the ${what} has format ${format}, this Skep reads up to ${storeFormat}: run a newer Skep on this node`,
  );
}
