// Addresses as host and port, and which of this machine's own leads to another.

import { connect } from "node:net";
import { SwarmError } from "../base/index.js";

/** `10.0.0.1` and 2377 of `10.0.0.1:2377`, `fd00::1` of `[fd00::1]:2377`. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[|\]$/g, "");
  return { host, port: Number(address.slice(at + 1)) };
}

export function hostOf(address: string): string {
  return splitAddress(address).host;
}

export function joinAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** This machine's end of a connection to `remote` (host:port): where the other end would reach it. */
export function addressTowards(remote: string, signal: AbortSignal): Promise<string> {
  const { host, port } = splitAddress(remote);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      const address = (socket.localAddress ?? "").replace(/^::ffff:/, "");
      socket.destroy();
      resolve(address);
    });
    socket.once("error", (error) =>
      reject(new SwarmError("Unavailable", `cannot reach ${remote}: ${error.message}`, { cause: error })),
    );
  });
}
