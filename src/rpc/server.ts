// The server of a manager: one port, a gRPC server for members and one with small bounds for strangers (R4).

import {
  type ConnectionInjector,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerOptions,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { type Clock, type Log, type Metrics, SwarmError, type Timer } from "../base/index.js";
import type { Access } from "./access.js";
import type { Binding } from "./binding.js";
import type { CredentialSource } from "./credentials.js";
import { Front, type FrontOptions } from "./front.js";
import { type GateModules, gate } from "./gate.js";
import { Lines } from "./lines.js";

/** A member's message: a Raft entry or a piece of a snapshot is the largest. */
const memberBytesMax = 4 * 1024 * 1024;
/** A stranger's message: "64 kB". */
const strangerBytesMax = 64 * 1024;
const strangerStreamsMax = 4;
/** What a stranger's connection may make HTTP/2 keep: headers, frames. */
const strangerSessionMegabytes = 1;
/** A connection whose machine died silently is closed this long after its last sign of life. */
const keepaliveMs = 10_000;
const keepaliveTimeoutMs = 10_000;
/** How long calls under way may still take when the server stops. */
const closeMs = 2_000;
const metricsPeriodMs = 5_000;
/** gRPC's, in the handshake. */
const http2 = "h2";

export type RpcServerOptions = FrontOptions;

export interface RpcServerModules {
  readonly identity: CredentialSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bindings: readonly Binding[];
  /** Whether the node was removed from the swarm, by what this manager knows. */
  isRemoved(nodeId: string): boolean;
}

export class RpcServer {
  readonly #modules: RpcServerModules;
  readonly #front: Front;
  readonly #servers: readonly Server[];
  readonly #closing = new AbortController();
  #metricsTimer: Timer | undefined;

  constructor(options: RpcServerOptions, modules: RpcServerModules) {
    // What gRPC would write to stderr itself is in our own log or of no use to anybody.
    setLogVerbosity(logVerbosity.NONE);
    this.#modules = modules;
    const members = this.#newServer({
      "grpc.max_receive_message_length": memberBytesMax,
      "grpc.keepalive_time_ms": keepaliveMs,
      "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    });
    const strangers = this.#newServer({
      "grpc.max_receive_message_length": strangerBytesMax,
      "grpc.max_concurrent_streams": strangerStreamsMax,
      "grpc-node.max_session_memory": strangerSessionMegabytes,
    });
    this.#servers = [members, strangers];
    this.#front = this.#newFront(options, injectorOf(members), injectorOf(strangers));
  }

  /** Resolves with the port once it accepts connections; rejects with why it cannot. */
  async listen(): Promise<number> {
    const port = await this.#front.listen();
    this.#measure();
    return port;
  }

  /** Connections there are. */
  get counts(): Front["counts"] {
    return this.#front.counts;
  }

  /** Ends all streams, gives calls under way a moment, then closes every connection. */
  async close(): Promise<void> {
    this.#closing.abort(new SwarmError("Unavailable", "the manager is stopping"));
    this.#metricsTimer?.cancel();
    this.#front.stopAccepting();
    // Each connection goes once its streams have said their last; what the callbacks say differs with Node's version.
    for (const server of this.#servers) server.tryShutdown(() => {});
    await this.#emptiedWithin(closeMs);
    for (const server of this.#servers) server.forceShutdown();
    this.#front.destroy();
    await this.#emptiedWithin(closeMs);
  }

  #newServer(options: ServerOptions): Server {
    const { clock, log } = this.#modules;
    const access = accessOf(this.#modules.bindings);
    const server = new Server({
      "grpc.enable_channelz": 0,
      ...options,
      interceptors: [
        gate({
          clock,
          log,
          closing: this.#closing.signal,
          peerAt: (ends) => this.#front.peerAt(ends),
          world: () => this.#world,
          accessTo: (path) => access.get(path),
        }),
      ],
    });
    for (const { definition, implementation } of this.#modules.bindings) server.addService(definition, implementation);
    return server;
  }

  #newLines(): Lines {
    const { clock, log, bindings } = this.#modules;
    return new Lines(
      bindings.flatMap(({ line }) => line ?? []),
      { clock, log, closing: this.#closing.signal, world: () => this.#world },
    );
  }

  get #world(): ReturnType<GateModules["world"]> {
    const { clusterId } = this.#modules.identity.current;
    return { clusterId, isRemoved: (nodeId) => this.#modules.isRemoved(nodeId) };
  }

  #newFront(options: FrontOptions, members: ConnectionInjector, strangers: ConnectionInjector): Front {
    const { identity, clock, log } = this.#modules;
    const lines = this.#newLines();
    return new Front(options, {
      ...{ identity, clock, log, protocols: [http2, ...lines.protocols], managersProtocols: lines.protocols },
      serve: (socket, peer) => {
        if (!lines.accept(socket, peer)) (peer.node ? members : strangers).injectConnection(socket);
      },
    });
  }

  #measure(): void {
    const { clock, metrics } = this.#modules;
    const gauge = metrics.gauge("skep_rpc_connections", "Connections of other nodes to this manager.", ["kind"]);
    const update = (): void => {
      const { all, handshakes, strangers } = this.#front.counts;
      gauge.set(all - handshakes - strangers, { kind: "member" });
      gauge.set(handshakes, { kind: "handshake" });
      gauge.set(strangers, { kind: "stranger" });
      this.#metricsTimer = clock.after(metricsPeriodMs, update);
    };
    update();
  }

  #emptiedWithin(boundMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#modules.clock.after(boundMs, resolve);
      void this.#front.emptied().then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

/** TLS has been ended by the front already: to gRPC these connections are plain. */
function injectorOf(server: Server): ConnectionInjector {
  return server.createConnectionInjector(ServerCredentials.createInsecure());
}

function accessOf(bindings: readonly Binding[]): ReadonlyMap<string, Access> {
  return new Map(bindings.flatMap(({ accessByPath }) => [...accessByPath]));
}
