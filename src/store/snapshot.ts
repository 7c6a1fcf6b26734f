// The whole store as a stream of chunks: references collected at once, encoded as they are asked for.

import { invariant } from "../base/index.js";
import { Row, SnapshotChunk, SnapshotRows } from "../gen/skep/v1/store.js";
import { decodeRow, encodeRow } from "./change.js";
import type { Tables } from "./draft.js";
import { checkFormat, storeFormat } from "./entry.js";
import { type AnyRow, type TableName, tableNames } from "./schema.js";

/**
 * A chunk ends with the row that reaches this: half a millisecond of encoding, ten when it is the first time. A row can be
 * larger, up to what an entry of the log takes.
 */
const chunkBytes = 64 * 1024;

const rowTag = (1 << 3) | 2;
const rowsTag = (2 << 3) | 2;

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
  yield SnapshotChunk.encode({ chunk: { $case: "header", value: { format: storeFormat, revision } } }).finish();
  for (const { table, rows } of tables) {
    for (let at = 0; at < rows.length; ) {
      const writer = SnapshotRows.encode({ rows: [] });
      for (; at < rows.length && writer.len < chunkBytes; at++) {
        const row = rows[at];
        if (row) Row.encode(encodeRow(table, row), writer.uint32(rowTag).fork()).ldelim();
      }
      yield SnapshotChunk.encode({}).uint32(rowsTag).bytes(writer.finish()).finish();
    }
  }
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
