// What the API is given: this node, the engine beside it, and what else it asks of its neighbours.

import type { Clock, Log, Metrics } from "../base/index.js";
import type { ClusterSpec, NodeAvailability } from "../gen/skep/v1/specs.js";
import type { Control } from "../manager/control/index.js";
import type { ApiRequest, ApiResponse } from "./http.js";
import type { SystemStatus } from "./types.js";

export interface ApiOptions {
  /** The daemon's own version, for `/version`. */
  readonly version: string;
  /** The node's name as given by --name; it stands for the engine's in `/info`. */
  readonly nodeName?: string;
}

export interface ApiModules {
  readonly node: Node;
  readonly engine: EngineHttp;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Addresses of this machine, by interface: what `--advertise-addr` may name. */
  readonly interfaces: () => readonly NetworkInterface[];
  readonly status: () => Promise<SystemStatus>;
  /** A new id per request. */
  readonly newId: () => string;
}

export interface NetworkInterface {
  readonly name: string;
  /** Without a mask; IPv4 first. Loopback is not listed. */
  readonly addresses: readonly string[];
}

/** How this node stands to a swarm. */
export type NodeState =
  | { readonly local: "inactive" }
  | { readonly local: "pending"; readonly nodeId: string; readonly nodeAddr: string }
  | { readonly local: "error"; readonly nodeId: string; readonly nodeAddr: string; readonly error: string }
  | { readonly local: "locked"; readonly nodeAddr: string }
  | {
      readonly local: "active";
      readonly nodeId: string;
      readonly nodeAddr: string;
      /** `starting`: it has the role, and is not yet part of the consensus. */
      readonly manager: "no" | "starting" | "ready";
      /** The managers this node knows, itself included if it is one. */
      readonly managers: readonly { readonly nodeId: string; readonly addr: string }[];
    };

/** This node's membership of a swarm. */
export interface Node {
  state(): NodeState;
  /** What the leader offers, while this node is the leader. */
  control(): Control | undefined;
  /** The way to the leader, while another node is it. */
  leader(): Leader | undefined;
  /** Makes a swarm of this node; resolves with its node id when it leads. */
  init(options: InitOptions): Promise<string>;
  /** Resolves when the node has its certificate and its first session. */
  join(options: JoinOptions): Promise<void>;
  /** Leaves and forgets; the API has already refused what needs force. */
  leave(force: boolean): Promise<void>;
  unlock(key: string): Promise<void>;
}

/** Addresses are resolved: `ip:port` (`[ip]:port`), data path without port. */
export interface InitOptions {
  readonly listenAddr: string;
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  readonly dataPathPort: number;
  readonly forceNewCluster: boolean;
  readonly spec: ClusterSpec;
  readonly availability: NodeAvailability;
  readonly defaultAddressPool: readonly string[];
  readonly subnetSize: number;
}

export interface JoinOptions {
  readonly listenAddr: string;
  /** "" = the address the managers see. */
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  /** Managers to try, in order. */
  readonly remoteAddrs: readonly string[];
  readonly joinToken: string;
  readonly availability: NodeAvailability;
}

export interface Leader {
  /** Hands a request on as it came, its id included. Rejects with SwarmError when the leader is gone. */
  forward(request: ApiRequest): Promise<ApiResponse>;
}

/** The engine of this node over HTTP, for the calls that are merged; passing bytes through is `host`'s. */
export interface EngineHttp {
  /** What an error names: `unix:///var/run/docker.sock`. */
  readonly address: string;
  /** Rejects with SwarmError Unavailable when it does not answer. */
  fetch(request: EngineRequest): Promise<EngineResponse>;
}

export interface EngineRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly signal: AbortSignal;
}

export interface EngineResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}
