// The engine's HTTP side: a socket, or the handler of an engine in this process.

import { request as httpRequest, type IncomingMessage } from "node:http";
import { messageOf, SwarmError } from "../../base/index.js";
import type { EngineHttp, EngineRequest, EngineResponse } from "../index.js";
import { type Connection, connectPatiently } from "./patient-socket.js";

export type EngineAddress =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "handler"; readonly address: string; readonly handle: EngineHandler };

export type EngineHandler = (request: HandlerRequest) => Promise<HandlerResponse>;

export interface HandlerRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly signal: AbortSignal;
}

export interface HandlerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | AsyncIterable<Uint8Array>;
}

export function connectionTo(address: EngineAddress): Connection | undefined {
  switch (address.kind) {
    case "socket":
      return { socketPath: address.path };
    case "tcp":
      return { host: address.host, port: address.port };
    case "handler":
      return undefined;
    default:
      return address satisfies never;
  }
}

export function nameOf(address: EngineAddress): string {
  switch (address.kind) {
    case "socket":
      return `unix://${address.path}`;
    case "tcp":
      return `tcp://${address.host}:${address.port}`;
    case "handler":
      return address.address;
    default:
      return address satisfies never;
  }
}

/** What a client is told when the engine is gone. */
export function engineGone(address: string, error: unknown): SwarmError {
  return new SwarmError(
    "Unavailable",
    `Cannot connect to the Docker Engine at ${address}. Is the docker daemon running? (${messageOf(error)})`,
  );
}

/** For the calls whose answers are merged with ours. */
export function engineHttp(address: EngineAddress): EngineHttp {
  const name = nameOf(address);
  const connection = connectionTo(address);
  if (address.kind === "handler" || connection === undefined) {
    const { handle } = address as EngineAddress & { readonly kind: "handler" };
    return { address: name, fetch: async (request) => answerOf(await handle(request)) };
  }
  return { address: name, fetch: (request) => fetchFrom(connection, name, request) };
}

function fetchFrom(connection: Connection, name: string, asked: EngineRequest): Promise<EngineResponse> {
  return new Promise((resolve, reject) => {
    const { method, path, query, signal } = asked;
    const outgoing = httpRequest({
      createConnection: () => connectPatiently(connection),
      method,
      path: query === "" ? path : `${path}?${query}`,
      headers: { Host: "docker" },
      signal,
    });
    outgoing.on("response", (incoming) => resolve(responseOf(incoming)));
    outgoing.on("error", (error) => reject(engineGone(name, error)));
    outgoing.end();
  });
}

function responseOf(incoming: IncomingMessage): EngineResponse {
  const headers = Object.entries(incoming.headers).map(([key, value]) => [key, String(value)] as const);
  return { status: incoming.statusCode ?? 502, headers: Object.fromEntries(headers), body: incoming };
}

function answerOf({ status, headers, body }: HandlerResponse): EngineResponse {
  const lower = Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value] as const);
  return { status, headers: Object.fromEntries(lower), body: typeof body === "string" ? once(body) : body };
}

async function* once(text: string): AsyncGenerator<Uint8Array, void, void> {
  yield Buffer.from(text);
}
