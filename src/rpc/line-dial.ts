// Dialling a line: TLS with the credentials of now, and the line's protocol in the handshake.

import tls from "node:tls";
import type { Clock } from "../base/index.js";
import { hostAndPort } from "./address.js";
import type { Credentials } from "./credentials.js";
import { managerName } from "./dial.js";
import { Line } from "./line.js";

export interface LineDialOptions {
  /** What is spoken: the name the server's binding has (ALPN). */
  readonly protocol: string;
  /** host or host:port. */
  readonly addr: string;
  readonly credentials: Credentials;
  /** As of a line. */
  readonly pingMs: number;
  readonly pongMs: number;
}

/** Throws when address or credentials are no such thing. What is written goes out as soon as the connection stands. */
export function dialLine(options: LineDialOptions, modules: { readonly clock: Clock }): Line {
  const { protocol, addr, credentials, pingMs, pongMs } = options;
  const secureContext = contextOf(credentials);
  const socket = tls.connect({
    ...hostAndPort(addr),
    ...{ secureContext, servername: managerName, ALPNProtocols: [protocol] },
  });
  socket.setNoDelay(true);
  socket.once("secureConnect", () => {
    if (socket.alpnProtocol !== protocol) socket.destroy(new Error("no application protocol"));
  });
  return new Line({ socket, addr, pingMs, pongMs }, modules);
}

function contextOf(credentials: Credentials): tls.SecureContext {
  const known = contexts.get(credentials);
  if (known) return known;
  const { root, key, certificate } = credentials;
  const made = tls.createSecureContext({ ca: root, cert: certificate, key, minVersion: "TLSv1.2" });
  contexts.set(credentials, made);
  return made;
}

/** To read certificate and key costs a millisecond: too much for each try to reach a manager that is not there. */
const contexts = new WeakMap<Credentials, tls.SecureContext>();
