// Where the engine is, as `--engine` and DOCKER_HOST write it: unix:///path, tcp://loopback:port, embedded:?options.

import { SwarmError } from "../base/index.js";
import { type EmbeddedOptions, parseEmbeddedOptions } from "./embedded/options.js";

export type EngineAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "embedded"; readonly options: EmbeddedOptions };

/** What a real engine is reached through. */
export type SocketAddress = Exclude<EngineAddress, { kind: "embedded" }>;

/** Docker's plain-text port (IANA). */
const defaultPort = 2375;
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** Fails with InvalidArgument, naming what is wrong. TCP carries no TLS here, so only loopback is taken. */
export function parseEngineAddress(text: string): EngineAddress {
  if (text.startsWith("unix://")) return unixAddress(text);
  if (text.startsWith("tcp://")) return tcpAddress(text);
  if (text === "embedded" || text === "embedded:") return { kind: "embedded", options: {} };
  if (text.startsWith("embedded:?")) {
    return { kind: "embedded", options: parseEmbeddedOptions(text.slice("embedded:?".length)) };
  }
  throw bad(text, "want unix:///path, tcp://127.0.0.1:port or embedded:");
}

/** The address as a user wrote it, for messages. */
export function engineAddressText(address: SocketAddress): string {
  if (address.kind === "unix") return `unix://${address.path}`;
  return `tcp://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

function unixAddress(text: string): EngineAddress {
  const path = text.slice("unix://".length);
  if (!path.startsWith("/") || path.endsWith("/")) throw bad(text, "a unix socket needs an absolute path");
  return { kind: "unix", path };
}

function tcpAddress(text: string): EngineAddress {
  const match = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/?#[\]]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const host = match?.[1];
  if (host === undefined) throw bad(text, "want tcp://127.0.0.1:port");
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (port < 1 || port > 65535) throw bad(text, "the port is not in 1 … 65535");
  if (!loopback.test(host)) throw bad(text, "an engine over TCP is taken on loopback only; use its unix socket");
  return { kind: "tcp", host: host.replace(/^\[|\]$/g, ""), port };
}

function bad(text: string, why: string): SwarmError {
  return new SwarmError("InvalidArgument", `invalid engine address ${JSON.stringify(text)}: ${why}`);
}
