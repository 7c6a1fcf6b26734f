import { describe, expect, test } from "vitest";
import {
  ConfChange,
  ConfChangeKind,
  type Entry,
  EntryKind,
  type Membership,
} from "../../../src/gen/skep/raft/v1/raft.js";
import { RaftCore } from "../../../src/raft/core/core.js";
import type { CoreState, Ready } from "../../../src/raft/core/types.js";
import { SeededRandom } from "../../../src/sim/index.js";

const options = {
  ...{ id: 1, electionTicks: 10, heartbeatTicks: 1, persistBytesMax: 100, applyBytesMax: 100, applyEntriesMax: 8 },
  ...{ appendBytesMax: 100, inFlightMessagesMax: 8, inFlightBytesMax: 1000 },
};
const alone: Membership = { voters: [1], learners: [] };

function aCore(state: Partial<CoreState> = {}): RaftCore {
  const base = { index: 0, term: 0 };
  const hardState = { term: 0, vote: 0, commit: 0 };
  return new RaftCore(options, new SeededRandom(1), {
    hardState,
    base,
    entries: [],
    applied: 0,
    membership: alone,
    ...state,
  });
}

const entry = (index: number, term: number, text = "x"): Entry => ({
  index,
  term,
  kind: EntryKind.NORMAL,
  data: Buffer.from(text),
});
/** Makes member 1 the voter it is. */
const aChange = (index: number, term: number): Entry => {
  const change = ConfChange.encode({ kind: ConfChangeKind.ADD_VOTER, member: 1 }).finish();
  return { index, term, kind: EntryKind.CONF_CHANGE, data: Buffer.from(change) };
};
const written = (ready: Ready | undefined): string[] =>
  (ready?.persist?.entries ?? []).map((e) => `${e.index}@${e.term}`);
const applied = (ready: Ready | undefined): string[] => (ready?.committed ?? []).map((e) => `${e.index}@${e.term}`);

/** Makes all that is ready durable and applied, until nothing is. */
function settle(core: RaftCore): Ready[] {
  const all: Ready[] = [];
  for (let ready = core.ready(); ready; ready = core.ready()) {
    all.push(ready);
    const last = ready.committed.at(-1);
    if (last) core.advance({ kind: "applied", index: last.index });
    if (ready.persist) core.advance({ kind: "persisted" });
  }
  return all;
}

describe("alone", () => {
  test("it leads once term and vote are durable, and commits the term's no-op once that is", () => {
    const core = aCore();
    core.campaign();
    expect(core.ready()?.persist).toEqual({ hardState: { term: 1, vote: 1, commit: 0 }, entries: [] });
    expect(core.status.role).toBe("candidate");
    core.advance({ kind: "persisted" });
    expect(core.status).toMatchObject({ role: "leader", term: 1, leader: 1, commit: 0, termStart: 1 });
    const ready = core.ready();
    expect(ready?.persist?.entries).toEqual([{ index: 1, term: 1, kind: EntryKind.NORMAL, data: Buffer.alloc(0) }]);
    expect(applied(ready)).toEqual([]);
    expect(core.ready()).toBeUndefined();
    core.advance({ kind: "persisted" });
    expect(core.status.commit).toBe(1);
    expect(applied(core.ready())).toEqual(["1@1"]);
  });

  test("what is proposed while a batch is being written goes into the next one", () => {
    const core = aCore();
    core.campaign();
    settle(core);
    core.propose(Buffer.from("a"));
    const first = core.ready();
    core.propose(Buffer.from("b"));
    core.propose(Buffer.from("c"));
    expect(written(first)).toEqual(["2@1"]);
    expect(core.ready()).toBeUndefined();
    core.advance({ kind: "persisted" });
    const second = core.ready();
    expect(written(second)).toEqual(["3@1", "4@1"]);
    expect(applied(second)).toEqual(["2@1"]);
    expect(core.status.commit).toBe(2);
  });

  test("entries of an earlier term are committed by the no-op of the new one, not before (§5.4.2)", () => {
    const core = aCore({ hardState: { term: 3, vote: 1, commit: 0 }, entries: [entry(1, 2), entry(2, 3)] });
    expect(core.ready()).toBeUndefined();
    core.campaign();
    core.ready();
    core.advance({ kind: "persisted" });
    const ready = core.ready();
    expect(written(ready)).toEqual(["3@4"]);
    expect(applied(ready)).toEqual([]);
    core.advance({ kind: "persisted" });
    expect(applied(core.ready())).toEqual(["1@2", "2@3", "3@4"]);
  });

  test("what is known to be committed is applied without a leader, each entry once", () => {
    const core = aCore({ hardState: { term: 3, vote: 1, commit: 1 }, entries: [entry(1, 2), entry(2, 3)] });
    expect(applied(core.ready())).toEqual(["1@2"]);
    expect(core.ready()).toBeUndefined();
  });

  test("applying and writing come in slices", () => {
    const core = aCore();
    core.campaign();
    settle(core);
    for (let n = 0; n < 20; n++) core.propose(Buffer.from("0123456789"));
    const all = settle(core);
    expect(all.map((ready) => written(ready).length)).toEqual([10, 10, 0, 0]);
    expect(all.map((ready) => applied(ready).length)).toEqual([0, 8, 8, 4]);
    expect(all.flatMap(applied)).toEqual(Array.from({ length: 20 }, (_, at) => `${at + 2}@1`));
  });

  test("one entry larger than the bound still goes", () => {
    const core = aCore();
    core.campaign();
    settle(core);
    core.propose(Buffer.alloc(1000, 1));
    expect(settle(core).flatMap(applied)).toEqual(["2@1"]);
  });

  test("a member that is no voter never stands, and one with an unapplied change not yet", () => {
    const nobody = aCore({ membership: { voters: [], learners: [1] } });
    nobody.campaign();
    expect(nobody.status).toMatchObject({ role: "follower", term: 0 });
    const behind = aCore({ hardState: { term: 1, vote: 0, commit: 1 }, entries: [aChange(1, 1)] });
    behind.campaign();
    expect(behind.status).toMatchObject({ role: "follower", term: 1 });
    settle(behind);
    behind.campaign();
    expect(behind.status.role).toBe("candidate");
  });

  test("a member elects itself after 10 to 20 ticks, and stays", () => {
    const core = aCore();
    for (let tick = 1; tick < 10; tick++) core.tick();
    expect(core.status.role).toBe("follower");
    for (let tick = 10; tick <= 20; tick++) core.tick();
    settle(core);
    expect(core.status).toMatchObject({ role: "leader", term: 1 });
    for (let tick = 0; tick < 100; tick++) core.tick();
    expect(core.status).toMatchObject({ role: "leader", term: 1 });
  });

  test("a follower refuses proposals", () => {
    expect(aCore().propose(Buffer.from("x"))).toBeUndefined();
  });

  test("compacting keeps the term of the entry before the first", () => {
    const core = aCore();
    core.campaign();
    settle(core);
    for (let n = 0; n < 5; n++) core.propose(Buffer.from("x"));
    settle(core);
    core.compact(4);
    expect(core.status).toMatchObject({ firstIndex: 5, lastIndex: 6 });
    expect(core.termOf(4)).toBe(1);
    expect(core.termOf(3)).toBeUndefined();
    core.propose(Buffer.from("y"));
    expect(settle(core).flatMap(applied)).toEqual(["7@1"]);
    expect(() => core.compact(8)).toThrow(/invariant/);
  });
});
