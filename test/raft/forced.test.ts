import { describe, expect, test } from "vitest";
import { silentLog } from "../../src/base/index.js";
import { ConfChange, ConfChangeKind, type Entry, EntryKind } from "../../src/gen/skep/raft/v1/raft.js";
import { forcedBatch } from "../../src/raft/forced.js";
import { openSealer } from "../../src/raft/index.js";
import { RaftLog } from "../../src/raft/log/log.js";
import { SeededRandom, SimDisk } from "../../src/sim/index.js";
import { change, entry } from "../support/raft_cores.js";
import { aMember } from "../support/raft_member.js";
import { aSwarm, numbered, type Swarm } from "../support/raft_swarm.js";

const confEntry = (
  index: number,
  term: number,
  kind: "ADD_VOTER" | "ADD_LEARNER" | "REMOVE",
  member: number,
): Entry => ({
  ...{ index, term, kind: EntryKind.CONF_CHANGE },
  data: Buffer.from(ConfChange.encode(change(kind, member)).finish()),
});

describe("the batch that forces a new cluster", () => {
  const base = { index: 4, term: 1 };
  const three = { voters: [1, 2, 3], learners: [4] };
  const of = (entries: readonly Entry[], commit: number, membership = three) =>
    forcedBatch(2, { hardState: { term: 5, vote: 3, commit }, base, entries }, membership, 4);
  const changesOf = (batch: ReturnType<typeof of>): string[] =>
    (batch?.entries ?? []).map(({ index, term, data }) => {
      const { kind, member } = ConfChange.decode(data);
      return `${index}@${term} ${kind === ConfChangeKind.REMOVE ? "remove" : "add"} ${member}`;
    });

  test("removes everybody else, agreed on together with all the log holds, in a term of its own", () => {
    const batch = of([entry(5, 5), entry(6, 5)], 5);
    expect(changesOf(batch)).toEqual(["7@6 remove 1", "8@6 remove 3", "9@6 remove 4"]);
    expect(batch?.hardState).toEqual({ term: 6, vote: 0, commit: 9 });
  });

  test("counts the changes in the log, those not agreed on too", () => {
    const batch = of(
      [confEntry(5, 5, "REMOVE", 3), confEntry(6, 5, "ADD_VOTER", 4), confEntry(7, 5, "ADD_LEARNER", 9)],
      5,
    );
    expect(changesOf(batch)).toEqual(["8@6 remove 1", "9@6 remove 4", "10@6 remove 9"]);
  });

  test("makes a learner a voter before the others go", () => {
    const learner = { voters: [1], learners: [2] };
    expect(changesOf(of([entry(5, 5)], 5, learner))).toEqual(["6@6 add 2", "7@6 remove 1"]);
  });

  test("is not needed a second time", () => {
    expect(of([entry(5, 5)], 5, { voters: [2], learners: [] })).toBe(undefined);
    expect(of([entry(5, 5)], 4, { voters: [2], learners: [] })?.hardState.commit).toBe(5);
  });

  test("is not made of nothing", () => {
    const empty = { hardState: { term: 1, vote: 0, commit: 0 }, base: { index: 0, term: 0 }, entries: [] };
    expect(() => forcedBatch(2, empty, { voters: [], learners: [] }, 0)).toThrow("never received the swarm's state");
  });
});

async function threeWithLines(): Promise<Swarm> {
  const swarm = aSwarm({ snapshotEntries: 8 });
  await swarm.start(3);
  await swarm.write(1, numbered(0, 12));
  await swarm.clock.advance(150);
  return swarm;
}

async function leads(swarm: Swarm, id: number): Promise<void> {
  await swarm.clock.runUntil(() => swarm.get(id).leadingTerm() !== undefined, 10_000, `${id} leads`);
}

test("one of three goes on alone with all that was acknowledged, and takes writes", async () => {
  const swarm = await threeWithLines();
  for (const id of [1, 2, 3]) swarm.down.add(id);
  swarm.diskOf(2).crash("nothing", new SeededRandom(1));
  swarm.down.delete(2);
  await swarm.add(2, { forceNewCluster: true });
  await leads(swarm, 2);
  expect(swarm.get(2).membership).toEqual({ voters: [2], learners: [] });
  await swarm.write(2, ["after"]);
  expect(swarm.linesOf(2)).toEqual([...numbered(0, 12), "after"]);
  // And the next start is an ordinary one.
  swarm.diskOf(2).crash("nothing", new SeededRandom(1));
  await swarm.add(2);
  await leads(swarm, 2);
  expect(swarm.linesOf(2)).toEqual([...numbered(0, 12), "after"]);
});

test("the old members go on without it: nothing they say reaches the new cluster, and the other way round (check-list 38)", async () => {
  const swarm = await threeWithLines();
  swarm.down.add(2);
  swarm.diskOf(2).crash("nothing", new SeededRandom(1));
  await swarm.add(2, { forceNewCluster: true });
  await leads(swarm, 2);
  swarm.down.delete(2);
  await swarm.write(1, ["old"]);
  await swarm.write(2, ["new"]);
  // The old ones elect again, in terms far above, and talk to who was one of theirs.
  for (let round = 0; round < 4; round++) {
    const old = [1, 3].find((id) => swarm.get(id).status.role === "leader") ?? 0;
    await swarm.clock.finish(swarm.get(old).handOver(), 5000, "a handover");
    await swarm.clock.advance(1000);
  }
  expect(swarm.get(1).status.term).toBeGreaterThan(swarm.get(2).status.term);
  await swarm.write(2, ["newer"]);
  expect(swarm.linesOf(2)).toEqual([...numbered(0, 12), "new", "newer"]);
  expect(swarm.linesOf(3)).toEqual([...numbered(0, 12), "old"]);
  expect([...swarm.failures]).toEqual([]);
});

/** The disk of member 7 of 5, 6 and 7, with ten lines of which the last is not known to be agreed on. */
async function aFollowersDisk(): Promise<SimDisk> {
  const disk = new SimDisk();
  const modules = { disk: disk.mount(), sealer: openSealer, log: silentLog };
  const log = new RaftLog({ folder: "raft/log", segmentBytes: 400 }, modules);
  await log.open({ index: 0, term: 0 });
  const members = [5, 6, 7].map((member, at) => confEntry(1 + at, 1, "ADD_VOTER", member));
  for (const { index, ...added } of members) {
    await log.append({ hardState: { term: 1, vote: 5, commit: index }, entries: [{ index, ...added }] });
  }
  for (let at = 0; at < 10; at++) {
    const written = { ...entry(4 + at, 1), data: Buffer.from(`line ${at}`) };
    await log.append({ hardState: { term: 1, vote: 5, commit: 3 + at }, entries: [written] });
  }
  await log.close();
  return disk;
}

test("a crash at any operation of the disk leaves the old members or the new one, and nothing is lost", async () => {
  const outcomes = new Set<string>();
  let wasCrashed = true;
  for (let operation = 1; wasCrashed; operation++) {
    const disk = await aFollowersDisk();
    disk.crashAfter(operation);
    const setting = { disk, segmentBytes: 400, snapshotEntries: 5, bootstrap: false } as const;
    const crashed = aMember({ ...setting, forceNewCluster: true });
    void crashed.member.start().catch(() => {});
    await crashed.clock.advance(300);
    wasCrashed = disk.isDead;
    disk.crash("torn", new SeededRandom(operation));
    // Started as ever: it has not happened, or it has wholly.
    const ordinary = aMember(setting);
    await ordinary.clock.finish(ordinary.member.start(), 1000, "the start");
    const { voters } = ordinary.member.membership;
    outcomes.add(String(voters));
    expect(ordinary.machine.lines).toEqual(numbered(0, voters.length === 1 ? 10 : 9));
    disk.crash("nothing", new SeededRandom(1));
    const again = aMember({ ...setting, forceNewCluster: true });
    await again.lead();
    expect(again.member.membership).toEqual({ voters: [7], learners: [] });
    expect(again.machine.lines).toEqual(numbered(0, 10));
  }
  expect([...outcomes].sort()).toEqual(["5,6,7", "7"]);
});
