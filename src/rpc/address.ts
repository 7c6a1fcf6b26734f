// Addresses people type: host, host:port or [v6]:port. Never handed to gRPC as they are, which would read schemes in them.

import { isIPv6 } from "node:net";
import { SwarmError } from "../base/index.js";

export const defaultPort = 2377;

/** `host:port` with the default port filled in; [v6]:port for IPv6. */
export function remoteAddress(text: string): string {
  const { host, port } = hostAndPort(text);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port > 65_535 || (match?.[1] !== undefined && !isIPv6(host))) {
    throw new SwarmError("InvalidArgument", `invalid address ${JSON.stringify(text)}: want host or host:port`);
  }
  return { host, port };
}
