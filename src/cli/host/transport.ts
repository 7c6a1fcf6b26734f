// HTTP to a daemon over a unix socket or TCP, with Node's own client.
import { readFileSync } from "node:fs";
import type { IncomingMessage, RequestOptions } from "node:http";
import http from "node:http";
import { pipeline, Readable } from "node:stream";
import { CliError } from "../errors.js";
import type { Address, HttpRequest, HttpResponse, TlsFiles, Transport } from "../world.js";

/** One connection is kept for the command's calls. */
export function httpTransport(): Transport {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  return async (address, request) => {
    const options = { ...connectionOf(address), ...requestOptions(request) };
    if (address.kind === "tcp" && address.tls !== undefined) return send(await import("node:https"), options, request);
    return send(http, { ...options, agent }, request);
  };
}

function connectionOf(address: Address): RequestOptions {
  if (address.kind === "unix") return { socketPath: address.path };
  return { host: address.host, port: address.port, ...(address.tls === undefined ? {} : tlsOptions(address.tls)) };
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
    throw new CliError(
      `could not read the TLS ${name} file: ${why} (--tls${name === "ca" ? "cacert" : name} names another)`,
    );
  }
}

function requestOptions({ method, path, headers, signal, body }: HttpRequest): RequestOptions {
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  return {
    method,
    path,
    headers: { Host: "api.skep.localhost", ...headers, ...length },
    ...(signal === undefined ? {} : { signal }),
  };
}

function send(
  { request: open }: Pick<typeof http, "request">,
  options: RequestOptions,
  { body, upload }: HttpRequest,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = open(options, (incoming) => resolve(responseOf(incoming)));
    outgoing.on("error", reject);
    if (upload === undefined) outgoing.end(body);
    else pipeline(Readable.from(upload), outgoing, (error) => error && reject(error));
  });
}

function responseOf(incoming: IncomingMessage): HttpResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value);
  return { status: incoming.statusCode ?? 0, headers, body: incoming };
}
