// What a member says of itself.

import { nobody } from "./core/conf.js";
import type { RaftCore } from "./core/core.js";
import type { RoleName } from "./core/types.js";
import type { RaftStatus } from "./types.js";

/** From outside, asking who would vote is being a candidate already. */
const roles = {
  follower: "follower",
  "pre-candidate": "candidate",
  candidate: "candidate",
  leader: "leader",
} as const satisfies Record<RoleName, RaftStatus["role"]>;

export interface StatusFacts {
  readonly core: RaftCore | undefined;
  readonly snapshotIndex: number;
  readonly tickMs: number;
  /** A member that has stopped leads nothing, whatever its core last knew. */
  readonly isRunning: boolean;
}

export function statusOf({ core, snapshotIndex, tickMs, isRunning }: StatusFacts): RaftStatus {
  if (!core) return { ...unknown, snapshotIndex };
  const { role, term, leader, noLeaderTicks, commit, applied, lastIndex, membership } = core.status;
  const state = { term, commit, applied, lastIndex, snapshotIndex, membership, noLeaderForMs: noLeaderTicks * tickMs };
  if (!isRunning) return { ...state, role: "follower", leader: undefined };
  return { ...state, role: roles[role], leader: leader === 0 ? undefined : leader };
}

const unknown: Omit<RaftStatus, "snapshotIndex"> = {
  role: "follower",
  ...{ term: 0, leader: undefined, noLeaderForMs: 0, commit: 0, applied: 0, lastIndex: 0 },
  membership: nobody,
};
