// GET /skep/v1/status: what `skep system status` shows. Ours alone; Docker has no such call.

/** A section is left out where it does not apply (no swarm, no leader, not a manager). `Node` is always there. */
export interface SystemStatus {
  readonly Swarm?: SwarmStatusSummary;
  readonly Tasks?: TasksSummary;
  readonly Node: LocalNodeStatus;
  /** Whole sentences, each naming what is wrong and what would help. */
  readonly Warnings: readonly string[];
}

export interface SwarmStatusSummary {
  readonly ID: string;
  readonly Nodes: { readonly Total: number; readonly Down: number };
  readonly Managers: {
    readonly Total: number;
    readonly Reachable: number;
    readonly Unreachable: readonly UnreachableManager[];
  };
  readonly Leader?: { readonly NodeID: string; readonly Hostname: string };
  /** As the asked manager sees it. */
  readonly Raft?: {
    readonly Term: number;
    readonly LastIndex: number;
    readonly AppliedIndex: number;
    /** 0 = none yet. */
    readonly SnapshotIndex: number;
  };
}

export interface UnreachableManager {
  readonly NodeID: string;
  readonly Hostname: string;
  readonly Addr: string;
  readonly Since?: string;
}

export interface TasksSummary {
  readonly Running: number;
  readonly Pending: number;
  /** Tasks whose slot failed and is being restarted. */
  readonly Failing: number;
  /** Since when the one that has failed longest waits for its next start. */
  readonly FailingSince?: string;
  /** The pending ones by the stage that holds them, most first. */
  readonly Waiting: readonly { readonly Stage: string; readonly Count: number; readonly OldestSince: string }[];
}

export interface LocalNodeStatus {
  readonly NodeID?: string;
  readonly Hostname: string;
  readonly Version: string;
  readonly IsManager: boolean;
  readonly IsWorker: boolean;
  /** Docker's LocalNodeState: inactive, pending, active, error, locked. */
  readonly State: string;
  readonly Engine: {
    readonly Address: string;
    readonly Version?: string;
    readonly AnswerMs?: number;
    readonly Error?: string;
  };
  readonly CertificateExpiry?: string;
  /** Parts of the data plane in the order to show them; `Error` where one is not ok. */
  readonly Network?: readonly { readonly Name: string; readonly Error?: string }[];
}
