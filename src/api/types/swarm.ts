// The cluster itself: its spec and tokens, and the bodies that make a node part of it.
import type { Driver, Labels, Meta, Nanoseconds, TLSInfo } from "./common.js";
import type { NodeAvailability } from "./node.js";

/** What /info shows: Swarm without the tokens. */
export interface ClusterInfo extends Meta {
  readonly ID: string;
  readonly Spec: SwarmSpec;
  readonly TLSInfo: TLSInfo;
  readonly RootRotationInProgress: boolean;
  readonly DefaultAddrPool: readonly string[] | null;
  readonly SubnetSize: number;
  readonly DataPathPort: number;
}

/** GET /swarm */
export interface Swarm extends ClusterInfo {
  readonly JoinTokens: JoinTokens;
}

/** Secrets: never in a log, an error or a list. */
export interface JoinTokens {
  readonly Worker: string;
  readonly Manager: string;
}

export interface SwarmSpec {
  /** Only `default`. */
  readonly Name?: string;
  readonly Labels: Labels | null;
  readonly Orchestration: { readonly TaskHistoryRetentionLimit?: number | null };
  readonly Raft: RaftConfig;
  readonly Dispatcher: { readonly HeartbeatPeriod?: Nanoseconds };
  readonly CAConfig: CAConfig;
  readonly TaskDefaults: { readonly LogDriver?: Driver | null };
  readonly EncryptionConfig: { readonly AutoLockManagers: boolean };
}

export interface RaftConfig {
  readonly SnapshotInterval?: number;
  readonly KeepOldSnapshots?: number | null;
  readonly LogEntriesForSlowFollowers?: number;
  readonly ElectionTick: number;
  readonly HeartbeatTick: number;
}

export interface CAConfig {
  readonly NodeCertExpiry?: Nanoseconds;
  readonly ExternalCAs?: readonly ExternalCA[] | null;
  /** PEM. The key is taken and never given back. */
  readonly SigningCACert?: string;
  readonly SigningCAKey?: string;
  readonly ForceRotate?: number;
}

export interface ExternalCA {
  readonly Protocol: string;
  readonly URL: string;
  readonly Options?: Labels | null;
  readonly CACert: string;
}

/** POST /swarm/init; answers the node's id as a JSON string. */
export interface InitRequest {
  readonly ListenAddr: string;
  readonly AdvertiseAddr: string;
  readonly DataPathAddr: string;
  readonly DataPathPort: number;
  readonly ForceNewCluster: boolean;
  readonly Spec: SwarmSpec;
  readonly AutoLockManagers: boolean;
  readonly Availability: NodeAvailability | "";
  readonly DefaultAddrPool: readonly string[] | null;
  readonly SubnetSize: number;
}

/** POST /swarm/join */
export interface JoinRequest {
  readonly ListenAddr: string;
  readonly AdvertiseAddr: string;
  readonly DataPathAddr: string;
  readonly RemoteAddrs: readonly string[] | null;
  readonly JoinToken: string;
  readonly Availability: NodeAvailability | "";
}

/** POST /swarm/unlock, and the answer of GET /swarm/unlockkey. */
export interface UnlockKey {
  readonly UnlockKey: string;
}
