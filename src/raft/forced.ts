// A new cluster out of one member's log (`swarm init --force-new-cluster`): what the log holds is taken as agreed on, as the next
// leader would, and after it every other member leaves. The person who asks for it says that the others are gone for good.

import { SwarmError } from "../base/index.js";
import { ConfChange, ConfChangeKind, type Entry, EntryKind, type Membership } from "../gen/skep/raft/v1/raft.js";
import { changedMembership, others } from "./core/conf.js";
import type { LoadedLog } from "./log/log.js";
import type { Batch } from "./log/records.js";

type Loaded = Pick<LoadedLog, "hardState" | "base" | "entries">;

/**
 * One atomic batch, so that a crash leaves the old membership or the new one; undefined where `id` is the only member already.
 * `membership` is the one at the entry before the first of `log.entries` that is not applied, `applied`.
 */
export function forcedBatch(
  id: number,
  log: Loaded,
  membership: Membership,
  applied: number,
): (Batch & Pick<Loaded, "hardState">) | undefined {
  const last = log.entries.at(-1) ?? log.base;
  if (last.index === 0) {
    throw new SwarmError(
      "FailedPrecondition",
      "this manager never received the swarm's state: there is nothing to go on with",
    );
  }
  const changes = changesTo(id, latestMembership(log.entries, membership, applied));
  if (changes.length === 0 && log.hardState.commit === last.index) return undefined;
  // A term of its own: nothing an old leader says is of this one.
  const term = log.hardState.term + 1;
  const entries = changes.map(
    (change, at): Entry => ({
      ...{ term, index: last.index + 1 + at, kind: EntryKind.CONF_CHANGE },
      data: Buffer.from(ConfChange.encode(change).finish()),
    }),
  );
  return { hardState: { term, vote: 0, commit: last.index + entries.length }, entries };
}

/** As of the last entry, agreed on or not. */
function latestMembership(entries: readonly Entry[], membership: Membership, applied: number): Membership {
  return entries
    .filter(({ index, kind }) => index > applied && kind === EntryKind.CONF_CHANGE)
    .reduce((now, { data }) => changedMembership(now, ConfChange.decode(data)), membership);
}

/** It votes before the others go: there is a voter at every step. */
function changesTo(id: number, membership: Membership): readonly ConfChange[] {
  const stays = membership.voters.includes(id) ? [] : [{ kind: ConfChangeKind.ADD_VOTER, member: id }];
  return [...stays, ...others(membership, id).map((member) => ({ kind: ConfChangeKind.REMOVE, member }))];
}
