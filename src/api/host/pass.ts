// A request of the engine's, there and back as it is: any size, streams, back-pressure on both sides.

import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { errorResponse } from "../index.js";
import { engineGone } from "./engine.js";
import { type Connection, connectPatiently } from "./patient-socket.js";
import { respond } from "./respond.js";

/** Headers that belong to one connection, not to the request. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "upgrade",
]);

export interface Passage {
  readonly connection: Connection;
  /** What an error names. */
  readonly engine: string;
  /** Path and query as the engine is to see them. */
  readonly url: string;
  /** Instead of the message's body, where that has been read already. */
  readonly body?: Uint8Array;
}

/** Resolves when the answer has gone out, or either side has gone away. */
export function passThrough(message: IncomingMessage, response: ServerResponse, passage: Passage): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = httpRequest({
      createConnection: () => connectPatiently(passage.connection),
      method: message.method,
      path: passage.url,
      headers: requestHeaders(message, passage.body),
    });
    outgoing.on("response", (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, endToEnd(incoming.rawHeaders));
      response.flushHeaders();
      pipeline(incoming, response, () => resolve());
    });
    // The engine may answer before it has read everything. The client may look for that answer only when it has sent
    // everything, so the rest is read and dropped.
    outgoing.on("close", () => message.unpipe(outgoing).resume());
    outgoing.on("error", (error) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else void refuse(response, engineGone(passage.engine, error).message);
      resolve();
    });
    response.on("close", () => {
      outgoing.destroy();
      resolve();
    });
    if (passage.body) outgoing.end(passage.body);
    else message.pipe(outgoing);
  });
}

function refuse(response: ServerResponse, text: string): Promise<void> {
  return respond(response, errorResponse(503, text), {});
}

/** Names and values in turn, as node takes and gives them raw. */
function endToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = [rawHeaders[at], rawHeaders[at + 1]];
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

function requestHeaders(message: IncomingMessage, body: Uint8Array | undefined): string[] {
  const headers = endToEnd(message.rawHeaders);
  const isFramed =
    message.headers["content-length"] !== undefined || message.headers["transfer-encoding"] !== undefined;
  if (body === undefined) return isFramed ? headers : [...headers, "Content-Length", "0"];
  return [...without(headers, ["content-length", "transfer-encoding"]), "Content-Length", String(body.length)];
}

function without(headers: readonly string[], names: readonly string[]): string[] {
  return headers.filter((_, at) => !names.includes((headers[at - (at % 2)] ?? "").toLowerCase()));
}
