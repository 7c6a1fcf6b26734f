// Who takes part, as a value that changes with each applied ConfChange.

import { type ConfChange, ConfChangeKind, type Membership } from "../../gen/skep/raft/v1/raft.js";

export const nobody: Membership = { voters: [], learners: [] };

export function changedMembership(membership: Membership, change: ConfChange): Membership {
  const { member } = change;
  const voters = membership.voters.filter((id) => id !== member);
  const learners = membership.learners.filter((id) => id !== member);
  switch (change.kind) {
    case ConfChangeKind.ADD_VOTER:
      return { voters: [...voters, member].sort(ascending), learners };
    case ConfChangeKind.ADD_LEARNER:
      return { voters, learners: [...learners, member].sort(ascending) };
    case ConfChangeKind.REMOVE:
      return { voters, learners };
    default:
      return change.kind satisfies never;
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}
