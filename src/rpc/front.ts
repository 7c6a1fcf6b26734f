// The port: accepts TCP, ends TLS, and knows of every connection who is at its other end.
//
// TLS is ended here and not by gRPC's server, because only the TLS socket tells an expired certificate from none, and
// because what has not shown a certificate must be bounded before gRPC sees it (R4). Certificates swap live.

import net from "node:net";
import tls from "node:tls";
import type { Clock, Log } from "../base/index.js";
import { SwarmError } from "../base/index.js";
import { NodeRole } from "../gen/skep/v1/specs.js";
import type { Peer, PeerNode } from "./access.js";
import type { CredentialSource, Credentials } from "./credentials.js";
import { Handshakes } from "./handshakes.js";
import { Hello } from "./hello.js";
import { sparseWarn, type Warn } from "./sparse-log.js";

/** Connections in all; the agents of 4,700 nodes (the largest swarm known) twice over. */
const connectionsMax = 10_000;
/** Connections the kernel accepts while the loop is busy: those beyond would try again a second later. */
const backlogMax = 4_096;
/** From accepting a connection to its first word, and from the beginning of its TLS handshake to the end. */
const handshakeMs = 5_000;
/** Open connections of peers without a certificate in force: "100 pending". */
const strangersMax = 100;
/** A stranger has this long for all it wants. */
const strangerMs = 30_000;

/** swarm-semantics §8.2; the suites of TLS 1.3 are all of this kind. */
const ciphers = [
  ...["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ...["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"],
  ...["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
].join(":");

export interface FrontOptions {
  readonly host: string;
  readonly port: number;
  /** Shorter bounds, for tests of the bounds. */
  readonly handshakeMs?: number;
  readonly strangerMs?: number;
}

export interface FrontModules {
  readonly identity: CredentialSource;
  readonly clock: Clock;
  readonly log: Log;
  /** What may be spoken on a connection, by its name in the handshake. */
  readonly protocols: readonly string[];
  /** Of these, what only managers speak. */
  readonly managersProtocols: readonly string[];
  /** Takes over a connection whose TLS stands. */
  serve(socket: tls.TLSSocket, peer: Peer): void;
}

/** What of a socket names its connection. */
export interface ConnectionEnds {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** One accepted connection. */
interface Connection {
  readonly address: string;
  readonly socket: net.Socket;
  readonly hello: Hello;
  /** Known once the handshake is over. */
  peer: Peer | undefined;
}

export class Front {
  readonly #options: FrontOptions;
  readonly #modules: FrontModules;
  readonly #tcp: net.Server;
  readonly #tls: tls.Server;
  readonly #connections = new Map<string, Connection>();
  readonly #handshakes: Handshakes<Connection>;
  readonly #strangers = new Set<Connection>();
  readonly #stopSwapping: () => void;
  readonly #crowded: Warn;
  readonly #onEmpty: (() => void)[] = [];

  constructor(options: FrontOptions, modules: FrontModules) {
    this.#options = options;
    this.#modules = modules;
    this.#crowded = sparseWarn(modules.log, modules.clock);
    this.#handshakes = new Handshakes<Connection>(
      { helloMs: options.handshakeMs ?? handshakeMs },
      {
        clock: modules.clock,
        begin: ({ hello, socket }) => {
          hello.putBack();
          this.#tls.emit("connection", socket);
        },
        refuse: ({ address, socket }, why) => {
          if (why === "late") this.#crowded("connection refused: its handshake could not begin in time", { address });
          if (why === "crowded") this.#crowded("connection refused: too many in their handshake", { address });
          socket.destroy();
        },
      },
    );
    this.#tcp = net.createServer({ noDelay: true, keepAlive: true }, (socket) => this.#accept(socket));
    this.#tcp.maxConnections = connectionsMax;
    this.#tls = tls.createServer({
      ...secureContext(modules.identity.current),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: [...modules.protocols],
      handshakeTimeout: options.handshakeMs ?? handshakeMs,
    });
    this.#tls.on("secureConnection", (socket) => this.#secured(socket));
    this.#tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      modules.log.debug("TLS handshake failed", { address: socket.remoteAddress, reason: error.code ?? error.message });
      socket.destroy();
    });
    this.#stopSwapping = modules.identity.onChange((current) => this.#tls.setSecureContext(secureContext(current)));
  }

  /** Connections there are, for metrics and tests. */
  get counts(): { readonly handshakes: number; readonly strangers: number; readonly all: number } {
    return { handshakes: this.#handshakes.size, strangers: this.#strangers.size, all: this.#connections.size };
  }

  /** Who is at the other end of the connection between these two ends; undefined when it is gone already. */
  peerAt(ends: ConnectionEnds): Peer | undefined {
    return this.#connections.get(keyOf(ends))?.peer;
  }

  /** Resolves with the port once connections are accepted. */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port));
      this.#tcp.once("error", onError);
      this.#tcp.listen({ host, port, backlog: backlogMax }, () => {
        this.#tcp.off("error", onError);
        this.#tcp.on("error", (error) => this.#modules.log.error("the port failed", { error: error.message }));
        const bound = this.#tcp.address();
        resolve(bound !== null && typeof bound === "object" ? bound.port : port);
      });
    });
  }

  /** No new connections; those there live on. */
  stopAccepting(): void {
    this.#stopSwapping();
    this.#tcp.close();
  }

  /** Resolves once no connection is left. */
  emptied(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve);
    });
  }

  /** Ends every connection there is. */
  destroy(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  /** nothing → waiting for its handshake, within the bounds. */
  #accept(socket: net.Socket): void {
    const address = socket.remoteAddress ?? "";
    socket.on("error", () => socket.destroy());
    const hello = new Hello(socket, () =>
      this.#handshakes.ready(
        connection,
        this.#modules.managersProtocols.some((name) => hello.offers(name)),
      ),
    );
    const connection: Connection = { address, socket, hello, peer: undefined };
    const key = keyOf(socket);
    this.#connections.set(key, connection);
    socket.once("close", () => this.#forget(key, connection));
    if (address === "") socket.destroy();
    else this.#handshakes.arrive(connection);
  }

  #forget(key: string, connection: Connection): void {
    this.#handshakes.over(connection);
    this.#strangers.delete(connection);
    if (this.#connections.get(key) === connection) this.#connections.delete(key);
    if (this.#connections.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  /** handshake → member or stranger, by the certificate shown. */
  #secured(socket: tls.TLSSocket): void {
    const connection = this.#connections.get(keyOf(socket));
    socket.on("error", () => socket.destroy());
    if (connection === undefined || !this.#modules.protocols.includes(socket.alpnProtocol || "")) {
      socket.destroy();
      return;
    }
    this.#handshakes.over(connection);
    const peer = peerOf(socket, connection.address);
    if (peer.node === undefined && !this.#admitStranger(connection, socket)) return;
    connection.peer = peer;
    socket.once("close", () => this.#forget(keyOf(socket), connection));
    this.#modules.serve(socket, peer);
  }

  #admitStranger(connection: Connection, socket: tls.TLSSocket): boolean {
    if (this.#strangers.size >= strangersMax) {
      this.#crowded("connection refused: too many without a certificate", { address: connection.address });
      socket.destroy();
      return false;
    }
    this.#strangers.add(connection);
    const timer = this.#modules.clock.after(this.#options.strangerMs ?? strangerMs, () => socket.destroy());
    socket.once("close", () => timer.cancel());
    return true;
  }
}

/** Both ends: a peer may use one port of its own towards two of our addresses. */
function keyOf(ends: ConnectionEnds): string {
  return `${ends.remoteAddress} ${ends.remotePort} ${ends.localAddress} ${ends.localPort}`;
}

/** R2: what the handshake verified, and nothing else. */
function peerOf(socket: tls.TLSSocket, address: string): Peer {
  const certificate = socket.getPeerCertificate();
  if (certificate.raw === undefined) return { address, node: undefined, problem: undefined };
  if (!socket.authorized) {
    return { address, node: undefined, problem: String(socket.authorizationError) };
  }
  const node = nodeOf(certificate);
  return { address, node, problem: node === undefined ? "NOT_A_NODE_CERTIFICATE" : undefined };
}

function nodeOf({ subject, valid_to }: tls.PeerCertificate): PeerNode | undefined {
  const { CN: nodeId, O: clusterId, OU: unit } = subject;
  if (typeof nodeId !== "string" || typeof clusterId !== "string") return undefined;
  if (unit !== "swarm-manager" && unit !== "swarm-worker") return undefined;
  const role = unit === "swarm-manager" ? NodeRole.MANAGER : NodeRole.WORKER;
  return { nodeId, clusterId, role, notAfterMs: Date.parse(valid_to) };
}

function secureContext({ root, certificate, key }: Credentials): tls.SecureContextOptions {
  return { ca: root, cert: certificate, key, ciphers, minVersion: "TLSv1.2" };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const at = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const why = listenFailures[error.code ?? ""] ?? error.message;
  return new SwarmError("FailedPrecondition", `cannot listen on ${at}: ${why}`, { cause: error });
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process uses this address; end it or choose another with --listen-addr",
  EADDRNOTAVAIL: "this machine does not have this address; choose another with --listen-addr",
  EACCES: "permission denied",
  ENOTFOUND: "no such host",
};
