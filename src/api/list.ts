// Lists: rows in order of their ids, as one JSON array made while it is sent.

import { type ApiResponse, bytesOf, jsonHeaders } from "./http.js";
import type { Pieces } from "./rows.js";

/** Above this many rows sorting at once would hold the loop. */
const sortedAtOnceMax = 2_000;

const opening = bytesOf("[");
const comma = bytesOf(",");
const closing = bytesOf("]\n");

/** `[]` when there are none, never null. */
export function listResponse<Row extends { readonly id: string }>(
  rows: Row[],
  encode: (row: Row) => Pieces,
): ApiResponse {
  return { status: 200, headers: jsonHeaders, body: { kind: "pieces", pieces: listPieces(rows, encode) } };
}

export function objectResponse(pieces: Pieces): ApiResponse {
  return { status: 200, headers: jsonHeaders, body: { kind: "pieces", pieces: [...pieces, bytesOf("\n")] } };
}

function* listPieces<Row extends { readonly id: string }>(
  rows: Row[],
  encode: (row: Row) => Pieces,
): Iterable<Uint8Array> {
  let first = true;
  yield opening;
  for (const row of inOrder(rows)) {
    if (!first) yield comma;
    first = false;
    yield* encode(row);
  }
  yield closing;
}

/** By id. Many rows go into drawers by the start of their id, and each drawer is sorted when its turn comes. */
export function inOrder<Row extends { readonly id: string }>(rows: Row[]): Iterable<Row> {
  return rows.length <= sortedAtOnceMax ? rows.sort(byId) : inDrawers(rows);
}

function* inDrawers<Row extends { readonly id: string }>(rows: readonly Row[]): Iterable<Row> {
  const drawers = new Map<string, Row[]>();
  for (const row of rows) {
    const start = row.id.slice(0, 2);
    const drawer = drawers.get(start);
    if (drawer) drawer.push(row);
    else drawers.set(start, [row]);
  }
  for (const start of [...drawers.keys()].sort()) yield* (drawers.get(start) ?? []).sort(byId);
}

function byId(one: { readonly id: string }, other: { readonly id: string }): number {
  return one.id < other.id ? -1 : 1;
}
