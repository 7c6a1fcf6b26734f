// What a member says of itself.

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

export function statusOf(core: RaftCore | undefined, snapshotIndex: number, isRunning: boolean): RaftStatus {
  if (!core)
    return { role: "follower", term: 0, leader: undefined, commit: 0, applied: 0, lastIndex: 0, snapshotIndex };
  const { role, term, leader, commit, applied, lastIndex } = core.status;
  const state = { term, commit, applied, lastIndex, snapshotIndex };
  // A member that has stopped leads nothing, whatever its core last knew.
  if (!isRunning) return { ...state, role: "follower", leader: undefined };
  return { ...state, role: roles[role], leader: leader === 0 ? undefined : leader };
}
