// A second, deliberately dumb implementation of everything that counts members, against the real one on random cases.

import { expect, test } from "vitest";
import { ConfChangeKind, type Membership } from "../../../src/gen/skep/raft/v1/raft.js";
import { changedMembership, refusalOf } from "../../../src/raft/core/conf.js";
import { Inflights } from "../../../src/raft/core/inflights.js";
import { MemoryLog } from "../../../src/raft/core/memory_log.js";
import { majority, quorumIndex, voteResult } from "../../../src/raft/core/quorum.js";
import { SeededRandom } from "../../../src/sim/index.js";
import { entries } from "../../support/raft_cores.js";

const random = new SeededRandom(20);
const ids = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);
const someIds = (of: number, p: number): number[] => ids(of).filter(() => random.chance(p));

/** All subsets, by counting in binary. */
function subsets(of: readonly number[]): number[][] {
  const count = 2 ** of.length;
  return Array.from({ length: count }, (_, bits) => of.filter((__, at) => (bits >> at) & 1));
}

/** Is more than one half of `voters` in `group`? */
const isMajority = (voters: readonly number[], group: readonly number[]): boolean =>
  voters.length > 0 && voters.filter((voter) => group.includes(voter)).length * 2 > voters.length;

test("the commit index: the highest for which some majority has at least that, 50,000 cases", () => {
  for (let at = 0; at < 50_000; at++) {
    const voters = someIds(7, 0.7);
    const match = new Map(ids(9).map((id) => [id, random.int(6)]));
    const dumb = Math.max(
      0,
      ...[1, 2, 3, 4, 5].filter((index) =>
        isMajority(
          voters,
          ids(9).filter((id) => (match.get(id) ?? 0) >= index),
        ),
      ),
    );
    expect([voters, quorumIndex(voters, (id) => match.get(id) ?? 0)]).toEqual([voters, dumb]);
  }
});

test("elections: won when a majority said yes, lost when no majority can any more, 50,000 cases", () => {
  const seen = { won: 0, lost: 0, open: 0 };
  for (let at = 0; at < 50_000; at++) {
    const voters = someIds(7, 0.7);
    const votes = new Map(someIds(9, 0.6).map((id) => [id, random.chance(0.5)]));
    const yes = ids(9).filter((id) => votes.get(id) === true);
    const silent = ids(9).filter((id) => !votes.has(id));
    const isWon = isMajority(voters, yes);
    const isOpen = isMajority(voters, [...yes, ...silent]);
    const dumb = isWon ? "won" : isOpen ? "open" : "lost";
    const result = voteResult(voters, votes);
    seen[result] += 1;
    expect([voters, [...votes], result]).toEqual([voters, [...votes], dumb]);
  }
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(1000);
});

test("any two majorities of one membership share a member, and so do those before and after any one change", () => {
  for (let count = 1; count <= 5; count++) {
    const before: Membership = { voters: ids(count), learners: [9] };
    const changes = Object.values(ConfChangeKind).flatMap((kind) =>
      [1, count, 9, 10].map((member) => ({ kind, member })),
    );
    for (const change of changes.filter((one) => refusalOf(before, one) === undefined)) {
      const after = changedMembership(before, change);
      for (const one of subsets(before.voters).filter((group) => group.length >= majority(count))) {
        for (const other of subsets(after.voters).filter((group) => group.length >= majority(after.voters.length))) {
          expect(one.some((id) => other.includes(id))).toBe(true);
        }
      }
    }
  }
});

test("memberships: histories of changes against two sets, 50,000 changes", () => {
  const kinds = Object.values(ConfChangeKind);
  let membership: Membership = { voters: [1], learners: [] };
  let sets = { voters: new Set([1]), learners: new Set<number>() };
  let refused = 0;
  for (let at = 0; at < 50_000; at++) {
    const change = { kind: random.pick(kinds) ?? 0, member: 1 + random.int(8) };
    const next = { voters: new Set(sets.voters), learners: new Set(sets.learners) };
    next.voters.delete(change.member);
    next.learners.delete(change.member);
    if (change.kind === ConfChangeKind.ADD_VOTER) next.voters.add(change.member);
    if (change.kind === ConfChangeKind.ADD_LEARNER) next.learners.add(change.member);
    const sorted = (set: ReadonlySet<number>): number[] => [...set].sort((a, b) => a - b);
    const asLists = { voters: sorted(next.voters), learners: sorted(next.learners) };
    const isSame = JSON.stringify(asLists) === JSON.stringify(membership);
    const refusal = next.voters.size === 0 ? "no voter would be left" : isSame ? "it changes nothing" : undefined;
    expect(refusalOf(membership, change)).toBe(refusal);
    if (refusal) {
      refused += 1;
      continue;
    }
    membership = changedMembership(membership, change);
    sets = next;
    expect(membership).toEqual(asLists);
  }
  expect(refused).toBeGreaterThan(1000);
});

test("the log: merging a leader's entries against plain arrays, 50,000 appends", () => {
  let terms = [1];
  let log = new MemoryLog({ index: 0, term: 0 }, entries(terms), 0, 0);
  let committed = 0;
  for (let at = 0; at < 50_000; at++) {
    if (terms.length > 12) {
      terms = [1];
      committed = 0;
      log = new MemoryLog({ index: 0, term: 0 }, entries(terms), 0, 0);
    }
    // A leader's log agrees with this one up to somewhere at or after what is committed; then it goes its own way.
    const agrees = committed + random.int(terms.length - committed + 1);
    const last = terms[agrees - 1] ?? 1;
    const ownTerm = last + 1 + random.int(3);
    const leaders = [...terms.slice(0, agrees), ...Array.from({ length: random.int(4) }, () => ownTerm)];
    const prev = random.int(Math.min(agrees, leaders.length) + 1);
    const sent = leaders.slice(prev, prev + random.int(5));
    const isConflict = sent.some((term, offset) => terms[prev + offset] !== undefined && terms[prev + offset] !== term);
    if (isConflict) terms = [...terms.slice(0, prev), ...sent];
    else if (prev + sent.length > terms.length) terms = [...terms.slice(0, prev), ...sent];
    log.merge(entries(sent, prev + 1));
    expect(log.entriesFrom(1, Number.POSITIVE_INFINITY).map(({ term }) => term)).toEqual(terms);
    committed = committed + random.int(Math.min(prev + sent.length, terms.length) - committed + 1 || 1);
    if (committed > log.committed) log.commit(committed);
    committed = log.committed;
  }
});

test("hints: the last place that may agree, against trying each, 50,000 cases", () => {
  for (let at = 0; at < 50_000; at++) {
    const terms: number[] = [];
    for (let term = 1, length = random.int(10); terms.length < length; term += random.int(3)) terms.push(term);
    const log = new MemoryLog({ index: 0, term: 0 }, entries(terms), 0, 0);
    const [index, term] = [random.int(14), random.int(8)];
    let dumb = 0;
    terms.forEach((own, offset) => {
      if (offset + 1 <= index && own <= term) dumb = offset + 1;
    });
    expect(log.hintFor(index, term).index).toBe(dumb);
  }
});

test("in flight: against a list that forgets nothing, 50,000 steps (check-list 22)", () => {
  const limits = { inFlightMessagesMax: 4, inFlightBytesMax: 100 };
  const inFlight = new Inflights(limits);
  const all: { last: number; bytes: number }[] = [];
  let acknowledged = 0;
  for (let at = 0, last = 0; at < 50_000; at++) {
    if (!inFlight.isFull && random.chance(0.6)) {
      last += 1 + random.int(3);
      const bytes = random.int(60);
      inFlight.add(last, bytes);
      all.push({ last, bytes });
    } else {
      acknowledged = Math.max(acknowledged, last - random.int(6));
      inFlight.freeThrough(acknowledged);
    }
    const open = all.slice(-20).filter((one) => one.last > acknowledged);
    const bytes = open.reduce((sum, one) => sum + one.bytes, 0);
    expect([inFlight.count, inFlight.bytes, inFlight.isFull]).toEqual([
      ...[open.length, bytes, open.length >= 4 || bytes >= 100],
    ]);
  }
});
