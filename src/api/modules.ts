// What the API is given: this node, the engine beside it, and what else it asks of its neighbours.

import type { Clock, Ending, Log, Metrics } from "../base/index.js";
import type { LogLine, LogReadOptions } from "../gen/skep/v1/logs.js";
import type { ClusterSpec, NodeAvailability, ServiceSpec } from "../gen/skep/v1/specs.js";
import type { Control, ServiceWish, View } from "../manager/control/index.js";
import type { ApiRequest, ApiResponse } from "./http.js";
import type { Explanation, Plan, SystemStatus } from "./types.js";

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
  readonly insight: Insight;
  /** A new id per request. */
  readonly newId: () => string;
}

export interface NetworkInterface {
  readonly name: string;
  /** Without a mask; IPv4 first. Loopback is not listed. */
  readonly addresses: readonly string[];
}

/** Why a service is not as asked, and what a change would do: pure functions of what is applied. */
export interface Insight {
  /** `service`: id, name or the beginning of an id. `nowMs`: wall time. */
  explain(view: View, service: string, nowMs: number): Explanation;
  /** Refuses what the change itself would refuse, in the same words. Writes nothing. */
  plan(control: Control, wish: ServiceWish, nowMs: number): Promise<Planned>;
}

/** A plan, and the specs it goes between as the model has them; what differs is the API's to name. */
export interface Planned {
  readonly plan: Omit<Plan, "Changes">;
  readonly before: ServiceSpec | undefined;
  readonly after: ServiceSpec;
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
      /**
       * `starting`: it has the role, and is not yet part of the consensus. `ready`: it is, whether or not there is a leader
       * at the moment: calls wait for one.
       */
      readonly manager: "no" | "starting" | "ready";
      /** The managers this node knows, itself included if it is one. */
      readonly managers: readonly { readonly nodeId: string; readonly addr: string }[];
      /** What is wrong while the node works on: its manager part is broken. */
      readonly error?: string;
    };

/** This node's membership of a swarm. */
export interface Node {
  state(): NodeState;
  /** What the leader offers, while this node is the leader. */
  control(): Control | undefined;
  /** Logs of services and tasks, while this node is the leader. */
  logs?(): Logs | undefined;
  /** The way to the leader, while another node is it and known to be. */
  leader(): Leader | undefined;
  /**
   * Calls `fn` whenever `control()` or `leader()` may answer differently; returns how to stop that. Calls that look for a
   * leader look again at once then, else every few milliseconds.
   */
  onLeaderChange?(fn: () => void): () => void;
  /** What this manager knows of the others; undefined on a node that is no manager. */
  quorum?(): Quorum | undefined;
  /**
   * Reads from this manager's own store: what is answered while there is no leader to ask, and events. The same object for
   * as long as the manager runs; its signal aborts when that ends. Undefined until the store is loaded.
   */
  localControl?(): Control | undefined;
  /**
   * Resolves when `control()` reads everything that was acknowledged anywhere before the call (a ReadIndex round).
   * Rejects with SwarmError when this node does not lead any more.
   */
  readIndex?(signal: AbortSignal): Promise<void>;
  /** Makes a swarm of this node; resolves with its node id when it leads. */
  init(options: InitOptions): Promise<string>;
  /** Resolves when the node has its certificate and its first session. */
  join(options: JoinOptions): Promise<void>;
  /** Leaves and forgets; the API has already refused what needs force. */
  leave(force: boolean): Promise<void>;
  /** The key's form has been checked. Rejects with Unauthenticated when it is not the one. */
  unlock(key: string): Promise<void>;
  /** The swarm's state as one file, from this manager's own store. Rejects before the first byte or not at all. */
  backup?(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Makes a swarm of one manager of what `backup` gave, on a node of no swarm; resolves with its node id. */
  restore?(options: RestoreOptions, backup: AsyncIterable<Uint8Array>): Promise<string>;
}

/** What reads the logs of containers on all nodes. */
export interface Logs {
  /**
   * Throws a SwarmError when too many are read already. To be read once: a slow reader slows only itself down. Aborting the
   * signal, or not reading on, ends it.
   */
  subscribe(selector: LogSelector, read: LogReadOptions, signal: AbortSignal): AsyncIterable<LogPart>;
}

export type LogSelector =
  | { readonly kind: "service"; readonly id: string }
  | { readonly kind: "task"; readonly id: string };

export type LogPart =
  | { readonly kind: "lines"; readonly lines: readonly SwarmLine[] }
  /** The last part: what could not be had. */
  | { readonly kind: "incomplete"; readonly text: string };

export interface SwarmLine {
  readonly nodeId: string;
  readonly serviceId: string;
  readonly taskId: string;
  /** A line, or, while following, what is missing from here on. */
  readonly said:
    | { readonly $case: "line"; readonly line: LogLine }
    | { readonly $case: "warning"; readonly text: string };
}

/** What a manager knows of all managers, itself included. */
export interface Quorum {
  readonly hasLeader: boolean;
  /** Since a leader was last known; 0 while one is. */
  readonly noLeaderForMs: number;
  readonly managers: readonly KnownManager[];
}

export interface KnownManager {
  readonly nodeId: string;
  /** "" when it is not known. */
  readonly hostname: string;
  readonly addr: string;
  readonly reachable: boolean;
  /** Wall time, milliseconds since 1970. */
  readonly unreachableSince?: number;
}

/**
 * Addresses are resolved: `ip:port` (`[ip]:port`), data path without port. With `forceNewCluster` on a member "" means: as it
 * was.
 */
export interface InitOptions {
  readonly listenAddr: string;
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  readonly dataPathPort: number;
  readonly forceNewCluster: boolean;
  /** `encryption.autoLockManagers`: the swarm has an unlock key from its first row on. */
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

/** Addresses are resolved, as InitOptions' are. */
export interface RestoreOptions {
  readonly listenAddr: string;
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  /** `SWMKEY-1-…`, form checked: opens the backup of a locked swarm. Undefined: nobody gave one. Secret. */
  readonly unlockKey: string | undefined;
}

export interface Leader {
  /** Who it is: another text means another leader (or the same one, in a later term). Absent: there is only one, ever. */
  readonly key?: string;
  /**
   * Hands a request on as it came, its id included. Rejects with SwarmError when no answer came: the leader is gone, or
   * is not the leader (any more). What the leader refuses is an answer. It ends, with the reason, when `over` comes; without
   * one, when `request.closed()` aborts.
   */
  forward(request: ApiRequest, over?: Ending): Promise<ApiResponse>;
}

/** The answer of a manager that was handed a request and does not lead: look again who does, and ask there. */
export interface NotLeading {
  readonly notLeading: true;
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
