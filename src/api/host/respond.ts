// An answer of ours → node's response: short ones in one piece, long ones in slices, streams as they come.

import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import type { ApiResponse } from "../index.js";

/** Bytes made before they are sent and others get their turn: well under a millisecond's work. */
const sliceBytes = 64 * 1024;

/** Resolves when all is handed to the kernel or the client has gone. Rejects only if making the body failed. */
export async function respond(
  response: ServerResponse,
  answer: ApiResponse,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const { status, body } = answer;
  const all = joined(headers, answer.headers);
  switch (body.kind) {
    case "bytes":
      return sendWhole(response, status, all, body.bytes);
    case "pieces":
      if (isShort(body.pieces)) return sendWhole(response, status, all, Buffer.concat(body.pieces));
      return sendSlices(response, status, all, body.pieces);
    case "stream":
      return sendStream(response, status, all, body.stream);
    default:
      return body satisfies never;
  }
}

/** Names and values in turn, as node takes them fastest. */
type Headers = readonly string[];

/** Of headers most answers share, the last ones met. */
let shared: { readonly headers: object; readonly list: Headers } = { headers: {}, list: [] };

function joined(headers: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>): Headers {
  if (shared.headers !== headers) shared = { headers, list: Object.entries(headers).flat() };
  const list = [...shared.list];
  for (const name of Object.keys(own)) list.push(name, own[name] ?? "");
  return list;
}

/** Up to this an answer is one string behind its head: one write of one piece, where bytes make it two. */
const stringBytesMax = 16 * 1024;

function sendWhole(response: ServerResponse, status: number, headers: Headers, bytes: Uint8Array): void {
  response.writeHead(status, [...headers, "Content-Length", String(bytes.length)]);
  if (bytes.length > stringBytesMax) response.end(bytes);
  // Each byte as the character of its number: what goes out is the same bytes.
  else response.end(asBuffer(bytes).toString("latin1"), "latin1");
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function sendSlices(
  response: ServerResponse,
  status: number,
  headers: Headers,
  pieces: Iterable<Uint8Array>,
): Promise<void> {
  const iterator = pieces[Symbol.iterator]();
  const first = nextSlice(iterator);
  if (first.last) return sendWhole(response, status, headers, first.bytes);
  response.writeHead(status, [...headers]);
  for (let slice = first; ; slice = nextSlice(iterator)) {
    if (!(await write(response, slice.bytes)) || slice.last) break;
    await setImmediate();
  }
  response.end();
}

/** One object, mostly. */
function isShort(pieces: Iterable<Uint8Array>): pieces is readonly Uint8Array[] {
  if (!Array.isArray(pieces)) return false;
  let bytesTotal = 0;
  for (const piece of pieces as readonly Uint8Array[]) bytesTotal += piece.length;
  return bytesTotal <= sliceBytes;
}

function nextSlice(iterator: Iterator<Uint8Array>): { readonly bytes: Uint8Array; readonly last: boolean } {
  const pieces: Uint8Array[] = [];
  let bytesTotal = 0;
  while (bytesTotal < sliceBytes) {
    const { value, done } = iterator.next();
    if (done) return { bytes: Buffer.concat(pieces, bytesTotal), last: true };
    pieces.push(value);
    bytesTotal += value.length;
  }
  return { bytes: Buffer.concat(pieces, bytesTotal), last: false };
}

async function sendStream(
  response: ServerResponse,
  status: number,
  headers: Headers,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  response.writeHead(status, [...headers]);
  response.flushHeaders();
  // One that fails is not ended: half an answer must not look like a whole one.
  for await (const chunk of stream) if (!(await write(response, chunk))) return;
  response.end();
}

/** False when nobody reads any more. */
async function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  if (response.destroyed) return false;
  if (!response.write(bytes)) await drained(response);
  return !response.destroyed;
}

/** Resolves when there is room again, or the client has gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      response.off("drain", end);
      response.off("close", end);
      resolve();
    };
    response.once("drain", end);
    response.once("close", end);
  });
}
