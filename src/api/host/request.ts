// What node's parser read → a request of ours.

import type { IncomingMessage, ServerResponse } from "node:http";
import { SwarmError } from "../../base/index.js";
import { type ApiRequest, requestBytesMax } from "../index.js";

export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
  constructor() {
    super(`the request's body is larger than ${requestBytesMax} bytes`);
  }
}

/** The path and the query of a request's target. */
export interface Target {
  readonly path: string;
  readonly query: string;
}

export function targetOf({ url = "/" }: IncomingMessage): Target {
  // The absolute form is for proxies; some clients send it anyway.
  const target = url.startsWith("/") ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, "");
  const at = target.indexOf("?");
  return at < 0 ? { path: target || "/", query: "" } : { path: target.slice(0, at), query: target.slice(at + 1) };
}

/** A signal is made when somebody asks for it: most need none. */
export function apiRequest(
  newId: () => string,
  message: IncomingMessage,
  response: ServerResponse,
  target: Target,
  body: Uint8Array,
): ApiRequest {
  const { method = "GET", headers } = message;
  let closed: AbortSignal | undefined;
  return {
    id: method === "GET" || method === "HEAD" ? idOfReads : newId(),
    method,
    path: target.path,
    query: target.query,
    headers: headers as Readonly<Record<string, string | undefined>>,
    body,
    closed: () => {
      closed ??= signalOfClose(response);
      return closed;
    },
    whenClosed: (fn) => onClose(response, fn),
  };
}

/** They change nothing, so nobody tells two of them apart. */
const idOfReads = "read";

function signalOfClose(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  onClose(response, (reason) => controller.abort(reason));
  return controller.signal;
}

/** Whoever asked has gone before the answer was sent whole. Returns how to stop listening. */
function onClose(response: ServerResponse, fn: (reason: Error) => void): () => void {
  const listener = (): void => {
    if (!response.writableFinished) fn(new Error("the client has gone"));
  };
  if (response.closed) listener();
  else response.once("close", listener);
  return () => response.off("close", listener);
}

export const noBody = new Uint8Array(0);

/** The whole body; rejects with BodyTooLarge, or when the client goes away in the middle of it. */
export function bodyOf(message: IncomingMessage): Promise<Uint8Array> | Uint8Array {
  const { headers } = message;
  const declared = Number(headers["content-length"] ?? 0);
  if (declared > requestBytesMax) return Promise.reject(new BodyTooLarge());
  if (declared === 0 && headers["transfer-encoding"] === undefined) return noBody;
  return readBody(message);
}

/** The body as it comes, of any size. What is not read is dropped when the answer has gone out. */
export async function* uploadOf(message: IncomingMessage): AsyncGenerator<Uint8Array, void, void> {
  try {
    // Not the plain iterator: that takes the connection down with it, and the answer.
    for await (const chunk of message.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (error) {
    throw new SwarmError("Aborted", "the client left before the end of what it sent", { cause: error });
  }
}

/** By events: an iterator costs twice what it brings. */
function readBody(message: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytesTotal = 0;
    message.on("data", (chunk: Buffer) => {
      bytesTotal += chunk.length;
      if (bytesTotal > requestBytesMax) {
        message.removeAllListeners("data").resume();
        reject(new BodyTooLarge());
      } else chunks.push(chunk);
    });
    message.once("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    message.once("error", reject);
    message.once("close", () => {
      if (!message.complete) reject(new Error("the client left before the end of what it sent"));
    });
  });
}
