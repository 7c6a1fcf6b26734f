// What control must know of the managers' consensus: who takes part and how well.

export interface ManagerStatus {
  /** host:port of the manager's one port. */
  readonly addr: string;
  readonly leader: boolean;
  readonly reachability: "unknown" | "unreachable" | "reachable";
  /** True while it catches up and does not vote yet. */
  readonly isLearner?: boolean;
}

export interface Membership {
  /** Members of the consensus by node id, as the leader sees them now. */
  managers(): ReadonlyMap<string, ManagerStatus>;
}
