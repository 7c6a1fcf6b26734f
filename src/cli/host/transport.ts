// Sockets to daemons: opened when needed, one kept between the calls of a command.
import { readFileSync } from "node:fs";
import net, { type Socket } from "node:net";
import { CliError } from "../errors.js";
import type { Address, HttpResponse, TlsFiles, Transport } from "../world.js";
import { Connection } from "./connection.js";

/** A kept connection idle for longer may be one the daemon is just closing. Milliseconds. */
const idleMaxMs = 1000;

export function httpTransport(): Transport {
  let kept: { readonly connection: Connection; readonly sinceMs: number } | undefined;
  const keep = (connection: Connection): void => {
    kept = { connection, sinceMs: performance.now() };
  };
  return async (address, request): Promise<HttpResponse> => {
    const known = kept;
    kept = undefined;
    const isFresh = known !== undefined && known.connection.isOpen && performance.now() - known.sinceMs < idleMaxMs;
    const connection = isFresh ? known.connection : new Connection(await open(address), keep);
    return connection.send(request);
  };
}

/** Errors of connecting come with the first answer. */
async function open(address: Address): Promise<Socket> {
  if (address.kind === "unix") return net.connect({ path: address.path });
  const { host, port, tls } = address;
  if (tls === undefined) return net.connect({ host, port });
  const options = tlsOptions(tls);
  const { connect } = await import("node:tls");
  return connect({ host, port, ...(net.isIP(host) === 0 ? { servername: host } : {}), ...options });
}

function tlsOptions({ verify, ca, cert, key }: TlsFiles): Record<string, unknown> {
  const files = Object.entries({ ca, cert, key }).filter(([name]) => verify || name !== "ca");
  const read = files.flatMap(([name, path]) => (path === undefined ? [] : [[name, readPem(name, path)]]));
  return { rejectUnauthorized: verify, ...Object.fromEntries(read) };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const flag = `--tls${name === "ca" ? "cacert" : name}`;
    throw new CliError(`could not read the TLS ${name} file: ${why} (${flag} names another)`);
  }
}
