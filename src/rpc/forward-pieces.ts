// Requests and answers cut into messages and put together again. Pure.

import { SwarmError } from "../base/index.js";
import type { ForwardedAnswer, ForwardedHeader, ForwardedRequest } from "../gen/skep/v1/forward.js";
import { chunkBytesMax, type ForwardBody, type ForwardRequest, forwardedBytesMax } from "./forward-message.js";

const noBytes = new Uint8Array(0);

/** Short requests and answers share one line; longer ones have a stream of their own. As `requestBytes`; of an answer's body. */
export const shortRequestBytesMax = 64 * 1024;
export const shortAnswerBytesMax = 256 * 1024;
/** Requests, or bodies of answers, in one message of the line. */
export const batchBytesMax = 1024 * 1024;
/** Requests of one manager that wait on the line. */
export const exchangedMax = 1_000;
/** Bodies of answers that wait to be read there. */
export const unreadBytesMax = 16 * 1024 * 1024;

/** A short request, in one piece. */
export function wholeRequest({ id, method, path, query, headers, body }: ForwardRequest): ForwardedRequest {
  return { requestId: id, method, path, query, headers: headerList(headers), body: asBuffer(body) };
}

/** What a request weighs: whatever of it can be long. Text counts by its characters, three bytes each at most. */
export function requestBytes({ path, query, headers, body }: ForwardRequest): number {
  let bytes = path.length + query.length + body.length;
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0);
  return bytes;
}

/** A short body, gathered; undefined for one that is too long or comes when it comes. */
export function shortBody(body: ForwardBody, bytesMax: number): Uint8Array | undefined {
  if (body.kind === "stream") return undefined;
  if (body.kind === "bytes") return body.bytes.length <= bytesMax ? body.bytes : undefined;
  const pieces: Uint8Array[] = [];
  let bytesTotal = 0;
  for (const piece of body.pieces) {
    bytesTotal += piece.length;
    if (bytesTotal > bytesMax) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytesTotal);
}

/** A short request is one message. */
export function* requestMessages(request: ForwardRequest): Generator<ForwardedRequest, void, void> {
  const { id, method, path, query, body } = request;
  const headers = headerList(request.headers);
  const first = { requestId: id, method, path, query, headers };
  yield { ...first, body: asBuffer(body.subarray(0, chunkBytesMax)) };
  for (let at = chunkBytesMax; at < body.length; at += chunkBytesMax) {
    yield { ...continued, body: asBuffer(body.subarray(at, at + chunkBytesMax)) };
  }
}

const continued = { requestId: "", method: "", path: "", query: "", headers: [] };

/** Rejects with InvalidArgument what no manager sends. */
export async function requestOf(messages: AsyncIterable<ForwardedRequest>): Promise<ForwardRequest> {
  let first: ForwardedRequest | undefined;
  const chunks: Uint8Array[] = [];
  let bytesTotal = 0;
  for await (const message of messages) {
    first ??= message;
    bytesTotal += message.body.length;
    if (bytesTotal > forwardedBytesMax) {
      throw new SwarmError("ResourceExhausted", `a forwarded request has at most ${forwardedBytesMax} bytes`);
    }
    if (message.body.length > 0) chunks.push(message.body);
  }
  return requestFrom(first, chunks);
}

/** Its first message and the chunks of its body; without chunks that is the first message's. */
export function requestFrom(first: ForwardedRequest | undefined, chunks: readonly Uint8Array[]): ForwardRequest {
  if (first === undefined || first.method === "" || !first.path.startsWith("/") || first.requestId === "") {
    throw new SwarmError("InvalidArgument", "a forwarded request has an id, a method and a path");
  }
  const { requestId: id, method, path, query, headers } = first;
  const body = chunks.length === 0 ? first.body : whole(chunks);
  return { id, method, path, query, headers: headersOf(headers), body };
}

function whole(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

export function headersOf(headers: readonly ForwardedHeader[]): Readonly<Record<string, string>> {
  const named: Record<string, string> = {};
  for (const { name, value } of headers) named[name] = value;
  return named;
}

export function headerList(headers: Readonly<Record<string, string | undefined>>): readonly ForwardedHeader[] {
  const list: ForwardedHeader[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined) list.push({ name, value });
  }
  return list;
}

/** The chunks of an answer's body. `turn` lets others work between two chunks of a long one. */
export async function* answerChunks(
  body: ForwardBody,
  turn: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  switch (body.kind) {
    case "bytes":
      yield* cut(body.bytes);
      return;
    case "pieces":
      yield* slices(body.pieces, turn);
      return;
    case "stream":
      for await (const bytes of body.stream) yield* cut(bytes);
      return;
    default:
      body satisfies never;
  }
}

function* cut(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += chunkBytesMax) yield bytes.subarray(at, at + chunkBytesMax);
}

/** Bytes made in one go: well under a millisecond's work. */
const sliceBytes = 64 * 1024;

async function* slices(
  pieces: Iterable<Uint8Array>,
  turn: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  let slice: Uint8Array[] = [];
  let bytesTotal = 0;
  for (const piece of pieces) {
    slice.push(piece);
    bytesTotal += piece.length;
    if (bytesTotal < sliceBytes) continue;
    yield* cut(Buffer.concat(slice, bytesTotal));
    await turn();
    slice = [];
    bytesTotal = 0;
  }
  if (bytesTotal > 0) yield* cut(Buffer.concat(slice, bytesTotal));
}

export function answerHead(
  status: number,
  headers: Readonly<Record<string, string>>,
  live: boolean,
  body: Uint8Array = noBytes,
): ForwardedAnswer {
  return { status, headers: headerList(headers), live, body: asBuffer(body) };
}

export function answerChunk(body: Uint8Array): ForwardedAnswer {
  return { status: 0, headers: [], live: false, body: asBuffer(body) };
}

/** The same bytes, not copied. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
