// The whole store as a stream of chunks: references collected at once, encoded as they are asked for.

import { invariant } from "../base/index.js";
import { type Row, SnapshotChunk } from "../gen/skep/v1/store.js";
import { decodeRow, encodeRow } from "./change.js";
import type { Tables } from "./draft.js";
import { checkFormat, storeFormat } from "./entry.js";
import { type AnyRow, type TableName, tableNames } from "./schema.js";

/** Rows per chunk: about a millisecond of encoding. */
const chunkRows = 500;

/** A consistent snapshot: what is written to the tables afterwards is not in it. */
export function writeSnapshot(tables: Tables, revision: number): Iterable<Uint8Array> {
  // References alone are taken here: that is quick, and rows never change.
  const rows = tableNames.map((table) => ({ table, rows: [...tables[table].all()] as readonly AnyRow[] }));
  return encodeChunks(rows, revision);
}

function* encodeChunks(
  tables: readonly { readonly table: TableName; readonly rows: readonly AnyRow[] }[],
  revision: number,
): Generator<Uint8Array> {
  yield encode({ $case: "header", value: { format: storeFormat, revision } });
  for (const { table, rows } of tables) {
    for (let at = 0; at < rows.length; at += chunkRows) {
      const slice: Row[] = rows.slice(at, at + chunkRows).map((row) => encodeRow(table, row));
      yield encode({ $case: "rows", value: { rows: slice } });
    }
  }
}

function encode(chunk: NonNullable<SnapshotChunk["chunk"]>): Uint8Array {
  return SnapshotChunk.encode({ chunk }).finish();
}

/** Reads a snapshot into empty tables, a chunk at a time, each row as `keep` gives it; returns its revision. */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  tables: Tables,
  keep: (row: AnyRow) => AnyRow,
): Promise<number> {
  let revision: number | undefined;
  for await (const bytes of chunks) {
    const { chunk } = SnapshotChunk.decode(bytes);
    invariant(chunk !== undefined, "a snapshot chunk has content");
    if (chunk.$case === "header") {
      checkFormat("snapshot", chunk.value.format);
      revision = chunk.value.revision;
      continue;
    }
    invariant(revision !== undefined, "a snapshot begins with its header");
    for (const message of chunk.value.rows) {
      const { table, row } = decodeRow(message);
      (tables[table] as { set(row: AnyRow): void }).set(keep(row));
    }
  }
  invariant(revision !== undefined, "a snapshot has a header");
  return revision;
}
