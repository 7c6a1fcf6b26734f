// Who takes part, as a value that changes with each applied ConfChange, one voter at a time (thesis §4.1).
//
// C1 A change takes effect when it is applied. A leader proposes one only when an entry of its own term is applied (Ongaro's
//    correction of 2015) and so is every earlier change. So who has a change in its log knows all earlier ones to be
//    committed – after a restart too, because the commit index is written in one batch with the entries – and nobody
//    stands with a committed change unapplied. Hence any two majorities in use at one time share a member.

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

export type ConfRefusal =
  | "not the leader"
  | "leadership is being handed over"
  | "no entry of this term is applied yet"
  | "another change is under way"
  | "no voter would be left"
  | "it changes nothing"
  | "it has not caught up";

/** What a change itself has against it. */
export function refusalOf(membership: Membership, change: ConfChange): ConfRefusal | undefined {
  const changed = changedMembership(membership, change);
  if (changed.voters.length === 0) return "no voter would be left";
  const isSame = String(changed.voters) === String(membership.voters);
  if (isSame && String(changed.learners) === String(membership.learners)) return "it changes nothing";
  return undefined;
}

/** Everybody but `id`, voters first. */
export function others(membership: Membership, id: number): readonly number[] {
  return [...membership.voters, ...membership.learners].filter((member) => member !== id);
}

function ascending(a: number, b: number): number {
  return a - b;
}
