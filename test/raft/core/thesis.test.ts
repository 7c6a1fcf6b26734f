// One test per claim of the Raft paper (§) and of Ongaro's thesis, in their order.

import { describe, expect, test } from "vitest";
import { EntryKind } from "../../../src/gen/skep/raft/v1/raft.js";
import { RaftCore } from "../../../src/raft/core/core.js";
import { SeededRandom } from "../../../src/sim/index.js";
import {
  aCore,
  append,
  appendAnswer,
  Cores,
  change,
  coreOptions,
  elect,
  entry,
  heartbeat,
  heartbeatAnswer,
  kinds,
  message,
  preVote,
  preVoteAnswer,
  rejection,
  settle,
  told,
  vote,
  voteAnswer,
} from "../../support/raft_cores.js";

const lines = (messages: ReturnType<typeof settle>): string[] => messages.map(told);
const logOf = (core: ReturnType<typeof aCore>): number[] => core.entriesFrom(1).map(({ term }) => term);

describe("§5.1 terms", () => {
  test.each(["follower", "candidate", "leader"] as const)(
    "a %s that sees a later term follows into it, without a vote",
    (role) => {
      const core = aCore({ term: 1 });
      if (role === "candidate") {
        core.campaign();
        core.step(preVoteAnswer(2, 2));
      }
      if (role === "leader") elect(core);
      settle(core);
      expect(core.role).toBe(role);
      core.step(append(3, 9, [0, 0]));
      expect(core.status).toMatchObject({ role: "follower", term: 9, leader: 3 });
      expect(core.ready()?.persist?.hardState).toMatchObject({ term: 9, vote: 0 });
    },
  );

  test("a request of an earlier term is refused, and hears of the later one", () => {
    const core = aCore({ term: 5, log: [1, 5] });
    core.step(append(2, 4, [2, 5], [4]));
    core.step(vote(3, 4, [9, 9]));
    core.step(preVote(3, 4, [9, 9]));
    expect(lines(settle(core))).toEqual([
      "1→2 appendAnswer t5 rejects after 0, try 0@0",
      "1→3 voteAnswer t5 no",
      "1→3 preVoteAnswer t5 no",
    ]);
    expect(logOf(core)).toEqual([1, 5]);
  });

  test("an answer of an earlier term counts for nothing", () => {
    const core = aCore({ term: 4 });
    core.campaign();
    core.step(preVoteAnswer(2, 5));
    settle(core);
    core.step(voteAnswer(2, 4));
    expect(core.status).toMatchObject({ role: "candidate", term: 5 });
  });

  test("who hears of a later term says nothing in it before it is durable (S8)", () => {
    const core = aCore({ log: [1], term: 1 });
    core.step(append(2, 3, [1, 1]));
    const ready = core.ready();
    expect([ready?.send, ready?.sendAfterPersist]).toEqual([[], []]);
    expect(ready?.persist?.hardState).toMatchObject({ term: 3 });
    core.advance({ kind: "persisted" });
    expect(lines(settle(core))).toEqual(["1→2 appendAnswer t3 has 1"]);
  });
});

describe("§5.2 elections", () => {
  test("a member begins as a follower, and stands when it hears of no leader for an election timeout", () => {
    const core = aCore();
    for (let tick = 1; tick < 10; tick++) core.tick();
    expect([core.role, settle(core)]).toEqual(["follower", []]);
    for (let tick = 10; tick <= 20; tick++) core.tick();
    expect(kinds(settle(core))).toEqual(["preVote to 2", "preVote to 3"]);
  });

  test("a heartbeat, even with nothing to say, keeps a follower from standing", () => {
    const core = aCore();
    for (let tick = 0; tick < 100; tick++) {
      core.tick();
      if (tick % 5 === 0) core.step(heartbeat(2, 1));
    }
    expect(core.status).toMatchObject({ role: "follower", leader: 2, term: 1 });
  });

  test("a leader sends heartbeats every heartbeat tick to all others", () => {
    const core = aCore({ heartbeatTicks: 3, learners: [4] });
    elect(core);
    for (const from of [2, 3, 4]) core.step(appendAnswer(from, 1, 1));
    settle(core);
    const sent = Array.from({ length: 6 }, () => {
      core.tick();
      return kinds(settle(core));
    });
    const beat = ["heartbeat to 2", "heartbeat to 3", "heartbeat to 4"];
    expect(sent).toEqual([[], [], beat, [], [], beat]);
  });

  test("a candidate raises its term, votes for itself and asks the others only when that is durable", () => {
    const core = aCore({ term: 3 });
    core.campaign();
    settle(core);
    core.step(preVoteAnswer(2, 4));
    const ready = core.ready();
    expect(ready?.persist?.hardState).toMatchObject({ term: 4, vote: 1 });
    expect(ready?.send).toEqual([]);
    expect(kinds(ready?.sendAfterPersist ?? [])).toEqual(["vote to 2", "vote to 3"]);
  });

  test.each([
    [1, [], "leader"],
    [3, [], "candidate"],
    [3, [2], "leader"],
    [5, [2], "candidate"],
    [5, [2, 5], "leader"],
    [4, [2], "candidate"],
    [4, [2, 3], "leader"],
  ] as const)("(a) of %d voters, with its own vote and those of %j, it is %s", (count, yes, role) => {
    const core = aCore({ voters: Array.from({ length: count }, (_, at) => at + 1) });
    core.campaign();
    for (let from = 2; from <= count; from++) core.step(preVoteAnswer(from, 1));
    settle(core);
    for (const from of yes) core.step(voteAnswer(from, 1));
    expect(core.role).toBe(role);
  });

  test("(a) the votes of strangers and learners do not count (check-list 10)", () => {
    const core = aCore({ learners: [4] });
    core.campaign();
    core.step(preVoteAnswer(2, 1));
    settle(core);
    for (const from of [4, 9]) core.step(voteAnswer(from, 1));
    expect(core.role).toBe("candidate");
  });

  test("(a) one vote a term, first come – and the same candidate gets it again (check-list 5)", () => {
    const core = aCore();
    core.step(vote(2, 1, [0, 0]));
    core.step(vote(3, 1, [0, 0]));
    core.step(vote(2, 1, [0, 0]));
    expect(lines(settle(core))).toEqual(["1→2 voteAnswer t1 yes", "1→3 voteAnswer t1 no", "1→2 voteAnswer t1 yes"]);
  });

  test("(a) a vote given before a crash is not given to another after it (check-list 1, 2)", () => {
    const core = aCore({ term: 7, vote: 2 });
    core.step(vote(3, 7, [0, 0]));
    expect(lines(settle(core))).toEqual(["1→3 voteAnswer t7 no"]);
  });

  test("(a) a vote leaves only with the persist that makes it durable", () => {
    const core = aCore();
    core.step(vote(2, 1, [0, 0]));
    const ready = core.ready();
    expect(ready?.send).toEqual([]);
    expect(ready?.persist?.hardState).toMatchObject({ term: 1, vote: 2 });
    expect(kinds(ready?.sendAfterPersist ?? [])).toEqual(["voteAnswer to 2"]);
  });

  test("(b) a candidate that hears of a leader of its term follows it", () => {
    const core = aCore();
    core.campaign();
    core.step(preVoteAnswer(2, 1));
    settle(core);
    core.step(heartbeat(3, 1));
    expect(core.status).toMatchObject({ role: "follower", term: 1, leader: 3 });
  });

  test("(b) but not one of an earlier term (check-list 7)", () => {
    const core = aCore({ term: 3 });
    core.campaign();
    core.step(preVoteAnswer(2, 4));
    core.step(heartbeat(3, 3));
    expect(core.status).toMatchObject({ role: "candidate", term: 4 });
  });

  test("(b) a candidate that a majority refuses gives up at once", () => {
    const core = aCore();
    core.campaign();
    core.step(preVoteAnswer(2, 1));
    settle(core);
    core.step(voteAnswer(2, 1, false));
    expect(core.role).toBe("candidate");
    core.step(voteAnswer(3, 1, false));
    expect(core.role).toBe("follower");
  });

  test("(c) election timeouts are spread over [10, 20) ticks, anew each time, so that split votes are rare", () => {
    const waits = new Set<number>();
    for (let id = 1; id <= 3; id++) {
      const core = aCore({ id, voters: [1, 2, 3] });
      for (let tick = 1, last = 0; tick < 2000; tick++) {
        core.tick();
        if (settle(core).length === 0) continue;
        waits.add(tick - last);
        last = tick;
      }
    }
    expect([...waits].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  test("a message to itself, which a member never sends, is ignored (check-list 14)", () => {
    const core = aCore();
    core.step(heartbeat(1, 5));
    expect(core.status).toMatchObject({ term: 0, leader: 0 });
  });
});

describe("§5.3 replication", () => {
  test("a leader appends and sends at once, before its own sync; it commits with a majority, which the next append tells the others", () => {
    const core = aCore();
    elect(core);
    core.step(appendAnswer(2, 1, 1));
    settle(core);
    core.propose(Buffer.from("a"));
    const ready = core.ready();
    expect(lines([...(ready?.send ?? [])])).toEqual(["1→2 append t1 after 1@1: 2@1, commit 1"]);
    core.step(appendAnswer(2, 1, 2));
    expect(core.status.commit).toBe(1);
    core.advance({ kind: "persisted" });
    expect(core.status.commit).toBe(2);
    expect(lines(settle(core))).toEqual([]);
    core.propose(Buffer.from("b"));
    expect(lines([...(core.ready()?.send ?? [])])).toEqual(["1→2 append t1 after 2@1: 3@1, commit 2"]);
  });

  test("a majority of followers commits while the leader's own disk is still at work; it applies when that is done", () => {
    const core = aCore();
    elect(core);
    for (const from of [2, 3]) core.step(appendAnswer(from, 1, 1));
    settle(core);
    core.propose(Buffer.from("a"));
    core.ready();
    for (const from of [2, 3]) core.step(appendAnswer(from, 1, 2));
    expect([core.status.commit, core.ready()?.committed]).toEqual([2, undefined]);
    core.advance({ kind: "persisted" });
    expect(core.ready()?.committed.map(({ index }) => index)).toEqual([2]);
  });

  test("a follower acknowledges only what is durable here, once a sync", () => {
    const core = aCore();
    core.step(append(2, 1, [0, 0], [1, 1]));
    const first = core.ready();
    expect([first?.send, first?.sendAfterPersist]).toEqual([[], []]);
    core.step(append(2, 1, [2, 1], [1]));
    core.step(append(2, 1, [3, 1], [1]));
    expect(core.ready()).toBeUndefined();
    core.advance({ kind: "persisted" });
    const second = core.ready();
    expect(lines([...(second?.send ?? [])])).toEqual(["1→2 appendAnswer t1 has 2"]);
    core.advance({ kind: "persisted" });
    expect(lines(settle(core))).toEqual(["1→2 appendAnswer t1 has 4"]);
  });

  test("a large batch written in slices is acknowledged slice by slice", () => {
    const core = aCore({ persistBytesMax: 4 });
    core.step(append(2, 1, [0, 0], [1, 1, 1, 1]));
    expect(lines(settle(core))).toEqual(["1→2 appendAnswer t1 has 2", "1→2 appendAnswer t1 has 4"]);
  });

  test("a follower refuses entries that do not follow what it has, and says where to look", () => {
    const core = aCore({ log: [1, 1, 4, 4] });
    core.step(append(2, 5, [9, 5], [5]));
    core.step(append(2, 5, [3, 2], [5]));
    expect(lines(settle(core))).toEqual([
      "1→2 appendAnswer t5 rejects after 9, try 4@4",
      "1→2 appendAnswer t5 rejects after 3, try 2@1",
    ]);
    expect(logOf(core)).toEqual([1, 1, 4, 4]);
  });

  // Figure 7, the leader of term 8 with [1 1 1 4 4 5 5 6 6 6].
  test.each([
    ["a", [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ["b", [1, 1, 1, 4]],
    ["c", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ["d", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ["e", [1, 1, 1, 4, 4, 4, 4]],
    ["f", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])("a leader brings follower (%s) of figure 7 to its own log, in few steps", (_, log) => {
    const lost = { voters: [1, 2, 3], term: 7 };
    let sent = 0;
    const cores = new Cores(0, (line) => void (sent += / append /.test(line) ? 1 : 0));
    cores.add({ ...lost, id: 1, log: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6] });
    cores.add({ ...lost, id: 2, log });
    cores.add({ ...lost, id: 3, log: [1] });
    cores.get(1).step(message(3, 7, { $case: "timeoutNow", value: {} }));
    cores.cut(1, 3).settle();
    if (cores.leader === 0) {
      // (d) has more: it does not vote for this leader, 3 does.
      cores.heal();
      cores.get(1).campaign();
      cores.settle();
      cores.get(1).step(message(3, cores.get(1).term, { $case: "timeoutNow", value: {} }));
    }
    cores.settle();
    expect(cores.leader).toBe(1);
    expect(logOf(cores.get(2))).toEqual(logOf(cores.get(1)));
    expect(sent).toBeLessThan(20);
  });

  test("many conflicting entries cost a probe a term, not one each (check-list 20)", () => {
    const core = aCore({ log: [...Array(50).fill(1), ...Array(50).fill(3)] });
    elect(core);
    core.step(rejection(2, 4, 100, [90, 2]));
    expect(lines(settle(core))[0]).toMatch(/^1→2 append t4 after 50@1/);
  });

  test("an old message shortens nothing: entries that are there stay, and so do those after them (check-list 15)", () => {
    const core = aCore({ log: [1], term: 2 });
    core.step(append(2, 2, [1, 1], [2, 2, 2]));
    settle(core);
    core.step(append(2, 2, [1, 1], [2]));
    core.step(append(2, 2, [0, 0]));
    settle(core);
    expect(logOf(core)).toEqual([1, 2, 2, 2]);
  });

  test("a conflicting entry goes with all that follow it", () => {
    const core = aCore({ log: [1, 1, 2, 2, 2] });
    core.step(append(2, 3, [2, 1], [3]));
    settle(core);
    expect(logOf(core)).toEqual([1, 1, 3]);
  });

  test("a conflict within what is just being written is replaced by the next write", () => {
    const core = aCore({ log: [1] });
    core.step(append(2, 1, [1, 1], [1, 1]));
    core.ready();
    core.step(append(3, 2, [1, 1], [2]));
    core.advance({ kind: "persisted" });
    const next = core.ready();
    expect(next?.persist?.entries.map(({ index, term }) => `${index}@${term}`)).toEqual(["2@2"]);
    expect(next?.send).toEqual([]);
    core.advance({ kind: "persisted" });
    expect(lines(settle(core))).toEqual(["1→3 appendAnswer t2 has 2"]);
  });

  test("entries that are not consecutive never get into a log (check-list 16)", () => {
    const core = aCore();
    const value = { prevIndex: 0, prevTerm: 0, commit: 0, entries: [entry(1, 1), entry(3, 1)] };
    expect(() => core.step(message(2, 1, { $case: "append", value }))).toThrow("consecutive");
  });

  test("an append before the committed part is answered with what is committed; a stale one panics nobody (check-list 21)", () => {
    const core = aCore({
      snapshot: { position: { index: 10, term: 2 }, membership: { voters: [1, 2, 3], learners: [] } },
      log: [2, 2],
    });
    core.step(append(2, 2, [3, 1], [1, 1]));
    core.step(append(2, 2, [0, 0]));
    expect(lines(settle(core))).toEqual(["1→2 appendAnswer t2 has 10"]);
  });

  test("a leader repeats what was lost, for as long as it takes", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.cut(1, 3);
    for (let at = 0; at < 20; at++) {
      cores.get(1).propose(Buffer.from(`p${at}`));
      cores.settle();
    }
    cores.heal();
    cores.tick(3);
    expect(cores.applied.get(3)).toEqual(cores.applied.get(1));
    expect(cores.applied.get(3)).toHaveLength(20);
  });

  test("a follower learns the commit index with the appends, and never beyond what the message covers", () => {
    const core = aCore({ log: [1, 1, 1] });
    core.step(append(2, 1, [1, 1], [1], 3));
    expect(core.status.commit).toBe(2);
  });

  test("a leader never replaces its own entries", () => {
    const core = aCore({ log: [1, 1] });
    elect(core);
    core.step(rejection(2, 2, 2, [0, 0]));
    settle(core);
    expect(logOf(core)).toEqual([1, 1, 2]);
  });
});

describe("§5.4 safety", () => {
  test.each([
    ["the same log", [2, 3], true],
    ["a longer log", [9, 3], true],
    ["a later last term, though shorter (check-list 6)", [1, 4], true],
    ["a shorter log", [1, 3], false],
    ["an earlier last term, though longer", [9, 2], false],
  ] as const)("§5.4.1: asked with %s, the answer to vote and pre-vote is the same: %j → %s", (_, last, isGranted) => {
    const asked = aCore({ log: [3, 3] });
    asked.step(vote(2, 4, last));
    const wondered = aCore({ log: [3, 3] });
    wondered.step(preVote(2, 4, last));
    const yes = isGranted ? "yes" : "no";
    expect(lines(settle(asked))).toEqual([`1→2 voteAnswer t4 ${yes}`]);
    expect(lines(settle(wondered))).toEqual([`1→2 preVoteAnswer t${isGranted ? 4 : 3} ${yes}`]);
  });

  test("§5.4.2: entries of earlier terms do not commit by counting, only under one of the own term (figure 8)", () => {
    const core = aCore({ log: [1, 2] });
    elect(core);
    core.step(appendAnswer(2, 3, 2));
    expect(core.status.commit).toBe(0);
    core.step(appendAnswer(2, 3, 3));
    expect(core.status.commit).toBe(3);
  });

  test("§5.4.3: what is committed is never replaced: a leader that would is a bug that stops the member", () => {
    const core = aCore({ log: [1, 1], commit: 2 });
    core.step(append(2, 2, [2, 1], [2], 3));
    expect(() => core.step(append(2, 2, [3, 2], [2]))).not.toThrow();
    const broken = aCore({ log: [1, 1], commit: 1 });
    broken.step(append(2, 3, [1, 1], [3]));
    expect(() => broken.step(append(2, 3, [1, 1], [2]))).toThrow("invariant");
  });

  test("§5.2: two leaders in one term are a bug that stops the member (check-list 4)", () => {
    const core = aCore();
    core.step(heartbeat(2, 1));
    expect(() => core.step(heartbeat(3, 1))).toThrow("one leader in a term");
  });
});

describe("§6 and thesis §4 membership", () => {
  function aLeader(setting: Parameters<typeof aCore>[0] = {}): ReturnType<typeof aCore> {
    const core = aCore(setting);
    elect(core, [2, 3]);
    for (const from of [2, 3]) core.step(appendAnswer(from, core.term, core.status.lastIndex));
    settle(core);
    return core;
  }

  test("a change takes effect when it is applied, and the new member is spoken to", () => {
    const core = aLeader();
    expect(core.proposeConfChange(change("ADD_LEARNER", 4))).toBe(2);
    settle(core);
    expect(core.status.membership.learners).toEqual([]);
    core.step(appendAnswer(2, 1, 2));
    expect(kinds(settle(core))).toContain("append to 4");
    expect(core.status.membership).toEqual({ voters: [1, 2, 3], learners: [4] });
  });

  test("§4.1: one at a time: the next is refused until the first is applied (check-list 34)", () => {
    const core = aLeader();
    core.proposeConfChange(change("ADD_LEARNER", 4));
    settle(core);
    expect(core.proposeConfChange(change("ADD_LEARNER", 5))).toBe("another change is under way");
    core.step(appendAnswer(2, 1, 2));
    settle(core);
    expect(core.proposeConfChange(change("ADD_LEARNER", 5))).toBe(3);
  });

  test("§4.1 as corrected in 2015: none before an entry of the own term is applied (check-list 34)", () => {
    const core = aCore({ log: [1, 1] });
    elect(core);
    expect(core.proposeConfChange(change("ADD_LEARNER", 4))).toBe("no entry of this term is applied yet");
    core.step(appendAnswer(2, 2, 3));
    settle(core);
    expect(core.proposeConfChange(change("ADD_LEARNER", 4))).toBe(4);
  });

  test("who has a change in its log knows all earlier ones to be committed, after a restart too (C1)", () => {
    const core = aCore({ log: [1] });
    core.step(append(2, 1, [1, 1], [1, 1], 2));
    // 2 was committed when 3 could be proposed: both are in this batch, and so is the commit index.
    expect(core.ready()?.persist?.hardState.commit).toBe(2);
  });

  test.each([
    ["REMOVE", 9, "it changes nothing"],
    ["ADD_VOTER", 2, "it changes nothing"],
  ] as const)("%s %d is refused: %s", (kind, member, refusal) => {
    expect(aLeader().proposeConfChange(change(kind, member))).toBe(refusal);
  });

  test("§4.2.1: nobody votes before it has an entry of this term, and so all before it", () => {
    const core = aLeader({ learners: [4] });
    expect(core.proposeConfChange(change("ADD_VOTER", 5))).toBe("it has not caught up");
    expect(core.proposeConfChange(change("ADD_VOTER", 4))).toBe("it has not caught up");
    core.step(appendAnswer(4, 1, 1));
    expect(core.proposeConfChange(change("ADD_VOTER", 4))).toBe(2);
  });

  test("the last voter is not removed", () => {
    const core = aCore({ voters: [1] });
    core.campaign();
    settle(core);
    expect(core.proposeConfChange(change("REMOVE", 1))).toBe("no voter would be left");
    expect(core.proposeConfChange(change("ADD_LEARNER", 1))).toBe("no voter would be left");
  });

  test("§4.2.1: a learner is brought up to date and counts for nothing, not as a voter and not as a copy (check-list 10, 17)", () => {
    const core = aLeader({ learners: [4] });
    core.propose(Buffer.from("x"));
    settle(core);
    core.step(appendAnswer(4, 1, 2));
    expect(core.status.commit).toBe(1);
    const learner = aCore({ id: 4, learners: [4] });
    for (let tick = 0; tick < 100; tick++) learner.tick();
    learner.campaign();
    learner.step(message(1, 0, { $case: "timeoutNow", value: {} }, 4));
    expect([learner.role, settle(learner)]).toEqual(["follower", []]);
  });

  test("who may not stand forgets a leader it hears no more of: nobody is to ask it for ever (cluster simulator, seed 273)", () => {
    const learner = aCore({ id: 4, learners: [4] });
    learner.step({ ...append(1, 1, [0, 0]), to: 4 });
    expect(learner.status.leader).toBe(1);
    for (let tick = 0; tick < 100; tick++) learner.tick();
    expect([learner.role, learner.status.leader]).toEqual(["follower", 0]);
  });

  test("§4.2.2: a leader that is removed leads on until that is applied, tells the others, and goes", () => {
    const core = aLeader();
    core.proposeConfChange(change("REMOVE", 1));
    settle(core);
    expect(core.role).toBe("leader");
    core.step(appendAnswer(2, 1, 2));
    core.step(appendAnswer(3, 1, 2));
    expect(lines(settle(core))).toEqual([
      "1→2 append t1 after 2@1: nothing, commit 2",
      "1→3 append t1 after 2@1: nothing, commit 2",
    ]);
    expect(core.role).toBe("follower");
    for (let tick = 0; tick < 100; tick++) core.tick();
    expect(settle(core)).toEqual([]);
  });

  test("a leader that goes takes nothing more, so that of two the other can have its vote (simulator, seed 183)", () => {
    const cores = new Cores(2);
    cores.get(1).campaign();
    cores.settle();
    cores.get(1).proposeConfChange(change("REMOVE", 1));
    expect(cores.get(1).propose(Buffer.from("too late"))).toBeUndefined();
    for (const sent of settle(cores.get(1))) cores.get(2).step(sent);
    for (const sent of settle(cores.get(2))) cores.get(1).step(sent);
    // 2 has the change and hears nothing of its being committed.
    settle(cores.get(1));
    expect([cores.membership(1).voters, cores.membership(2).voters]).toEqual([[2], [1, 2]]);
    cores.tick(40);
    expect([cores.leader, cores.membership(2).voters]).toEqual([2, [2]]);
  });

  test("who was removed says so to who asks for its vote, though it has more of the log (simulator, seed 258774)", () => {
    const cores = new Cores(2);
    const [one, two] = [cores.get(1), cores.get(2)];
    one.campaign();
    cores.settle();
    one.proposeConfChange(change("REMOVE", 2));
    const sent = settle(one);
    one.propose(Buffer.from("never durable at 1"));
    for (const message of [...sent, ...(one.ready()?.send ?? [])]) two.step(message);
    for (const answer of settle(two)) one.step(answer);
    // 1 tells 2 what is committed, and before it has written that or its last entry the power goes.
    for (const message of one.ready()?.send ?? []) two.step(message);
    settle(two);
    expect([two.membership.voters, two.lastIndex, two.commit]).toEqual([[1], 3, 2]);
    const durable = { hardState: { term: 1, vote: 1, commit: 1 }, entries: one.entriesFrom(1).slice(0, 2) };
    const nothing = { base: { index: 0, term: 0 }, applied: 0, snapshot: undefined };
    const membership = { voters: [1, 2], learners: [] };
    const again = new RaftCore({ ...coreOptions, id: 1 }, new SeededRandom(1), { ...durable, ...nothing, membership });
    cores.cores.set(1, again);
    cores.tick(60);
    expect([cores.leader, again.membership.voters, again.term]).toEqual([1, [1], 2]);
  });

  test("who was made a voter learns it from who asks for its vote, though it has more of the log (simulator, seed 271795)", () => {
    const cores = new Cores(1);
    const one = cores.get(1);
    const two = cores.add({ id: 2, voters: [1] });
    one.campaign();
    cores.settle();
    one.proposeConfChange(change("ADD_LEARNER", 2));
    cores.settle();
    cores.tick(1);
    one.proposeConfChange(change("ADD_VOTER", 2));
    // Alone it needs nobody for that; and before it has written that it is so, or the next entry, the power goes.
    const sent = settle(one);
    const index = one.lastIndex;
    one.propose(Buffer.from("never durable at 1"));
    for (const message of [...sent, ...(one.ready()?.send ?? [])]) {
      const { body } = message;
      if (body?.$case === "append") two.step({ ...message, body: { ...body, value: { ...body.value, commit: 0 } } });
    }
    settle(two);
    expect([one.membership.voters, two.membership.voters, two.lastIndex]).toEqual([[1, 2], [1], index + 1]);
    const durable = {
      hardState: { term: 1, vote: 1, commit: index },
      entries: one.entriesFrom(1).slice(0, index),
    };
    const nothing = { base: { index: 0, term: 0 }, applied: 0, snapshot: undefined };
    const membership = { voters: [1], learners: [] };
    const again = new RaftCore({ ...coreOptions, id: 1 }, new SeededRandom(1), { ...durable, ...nothing, membership });
    cores.cores.set(1, again);
    cores.tick(80);
    expect([cores.leader, two.membership.voters, again.membership.voters]).toEqual([2, [1, 2], [1, 2]]);
  });

  test("what a member says to be committed counts only where the same entry is, and for no leader", () => {
    const learned = (core: RaftCore, index: number, term: number, from = 2): number => {
      const body = { $case: "preVoteAnswer", value: { isGranted: false, commit: { index, term } } } as const;
      core.step(message(from, 1, body));
      return core.commit;
    };
    const core = aCore({ log: [1, 2, 2], term: 3, commit: 1 });
    expect(learned(core, 3, 2, 4)).toBe(1);
    expect([
      learned(core, 2, 1),
      learned(core, 4, 2),
      learned(core, 0, 0),
      learned(core, 3, 2),
      learned(core, 2, 2),
    ]).toEqual([1, 1, 1, 3, 3]);
    const leader = aLeader();
    leader.propose(Buffer.from("x"));
    expect(learned(leader, 2, leader.term)).toBe(leader.commit);
  });

  test("who stands and learns of a change does not go on with the old majority (C1)", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.get(1).proposeConfChange(change("REMOVE", 3));
    for (const sent of settle(cores.get(1))) if (sent.to === 2) cores.get(2).step(sent);
    const core = cores.get(2);
    settle(core);
    core.forgetLeader();
    core.campaign();
    settle(core);
    expect(core.role).toBe("pre-candidate");
    const body = { $case: "preVoteAnswer", value: { isGranted: true, commit: { index: 2, term: 1 } } } as const;
    core.step(message(3, 2, body, 2));
    expect([core.role, core.commit, core.term]).toEqual(["follower", 2, 1]);
  });

  test("an applied change is made durable at once: who restarts must not wait for one that was removed (simulator, seed 202)", () => {
    const core = aLeader();
    core.proposeConfChange(change("REMOVE", 3));
    settle(core);
    core.step(appendAnswer(2, 1, 2));
    const ready = core.ready();
    core.advance({ kind: "applied", index: 2 });
    expect([ready?.persist, core.isMembershipDurable]).toEqual([undefined, false]);
    expect(core.ready()?.persist?.hardState.commit).toBe(2);
    core.advance({ kind: "persisted" });
    expect(core.isMembershipDurable).toBe(true);
  });

  test("a removed follower hears no more, and a smaller majority commits at once", () => {
    const cores = new Cores(4);
    cores.get(1).campaign();
    cores.settle();
    cores.isolate(4);
    cores.get(1).proposeConfChange(change("REMOVE", 4));
    cores.settle();
    expect(cores.membership(2).voters).toEqual([1, 2, 3]);
    cores.isolate(3);
    cores.get(1).propose(Buffer.from("two of three"));
    cores.settle();
    cores.tick(1);
    expect(cores.applied.get(2)).toEqual(["two of three"]);
    expect(cores.get(1).progress.map(({ member }) => member)).toEqual([2, 3]);
  });

  test("§4.2.3: a member that was removed or cut off cannot disturb a leader that works (check-list 36)", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    const { term } = cores.get(1);
    cores.cut(1, 3);
    cores.tick(100);
    cores.heal();
    cores.tick(100);
    expect([cores.leader, cores.get(1).term]).toEqual([1, term]);
  });

  test("§4.2.3: even a vote of a later term is not looked at while a leader is heard of", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.step(vote(3, 9, [9, 9]));
    expect([core.term, settle(core)]).toEqual([1, []]);
    for (let tick = 0; tick < 10; tick++) core.tick();
    core.step(vote(3, 9, [9, 9]));
    expect(core.term).toBe(9);
  });

  test("a change that is committed and not applied keeps a member from standing (C1)", () => {
    const core = aCore({ applyEntriesMax: 1 });
    core.step(append(2, 1, [0, 0], [1], 1));
    settle(core);
    const data = Buffer.from([]);
    const body = {
      $case: "append" as const,
      value: {
        ...{ prevIndex: 1, prevTerm: 1, commit: 2 },
        entries: [{ index: 2, term: 1, kind: EntryKind.CONF_CHANGE, data }],
      },
    };
    core.step(message(2, 1, body));
    core.campaign();
    expect(core.role).toBe("follower");
    settle(core);
    core.campaign();
    expect(core.role).toBe("pre-candidate");
  });
});

describe("§7 snapshots", () => {
  const meta = { position: { index: 10, term: 2 }, membership: { voters: [1, 2, 3], learners: [] } };
  const snapshot = (from: number, term: number): ReturnType<typeof message> =>
    message(from, term, { $case: "snapshot", value: { meta } });

  test("a follower that needs what is compacted away is sent the snapshot, and then the rest", () => {
    const core = aCore({ snapshot: meta, log: [2, 2] });
    elect(core);
    core.step(rejection(2, 3, 12, [4, 1]));
    expect(lines(settle(core))).toEqual(["1→2 snapshot t3 at 10@2"]);
    core.propose(Buffer.from("x"));
    core.step(heartbeatAnswer(2, 3));
    expect(settle(core).filter(({ to }) => to === 2)).toEqual([]);
    core.step(appendAnswer(2, 3, 10));
    expect(lines(settle(core).filter(({ to }) => to === 2))).toEqual([
      "1→2 append t3 after 10@2: 11@2 12@2 13@3 14@3, commit 0".replace("commit 0", "commit 10"),
    ]);
  });

  test("one that was lost on the way is sent again, once its receiver is heard of", () => {
    const core = aCore({ snapshot: meta, log: [2, 2] });
    elect(core);
    core.step(rejection(2, 3, 12, [4, 1]));
    settle(core);
    core.reportSnapshot(2, false);
    expect(settle(core)).toEqual([]);
    core.step(heartbeatAnswer(2, 3));
    expect(lines(settle(core))).toEqual(["1→2 snapshot t3 at 10@2"]);
  });

  test("rules 6 and 7: it becomes the state, and the log goes unless it has the snapshot's last entry (check-list 26)", () => {
    const behind = aCore({ log: [1, 1, 1] });
    behind.step(snapshot(2, 2));
    const conflicting = aCore({ log: Array(12).fill(1) });
    conflicting.step(snapshot(2, 2));
    for (const core of [behind, conflicting]) {
      expect(lines(settle(core))).toEqual(["1→2 appendAnswer t2 has 10"]);
      expect(core.status).toMatchObject({ commit: 10, applied: 10, firstIndex: 11, lastIndex: 10 });
    }
    const ahead = aCore({ log: Array(12).fill(2) });
    ahead.step(snapshot(2, 2));
    expect(lines(settle(ahead))).toEqual(["1→2 appendAnswer t2 has 10"]);
    expect(ahead.status).toMatchObject({ commit: 10, firstIndex: 1, lastIndex: 12 });
  });

  test("it is begun only when term and log are at rest, and until it is in, nothing else is taken (check-list 27, 28)", () => {
    const core = aCore({ log: [1] });
    core.step(snapshot(2, 2));
    const first = core.ready();
    expect([first?.install, first?.persist?.hardState.term]).toEqual([undefined, 2]);
    core.advance({ kind: "persisted" });
    expect(core.ready()?.install).toEqual(meta);
    core.step(append(2, 2, [1, 1], [2]));
    core.step(snapshot(2, 2));
    core.campaign();
    core.step(heartbeat(2, 2, 1));
    expect(kinds(settleMessages(core))).toEqual(["heartbeatAnswer to 2"]);
    expect(core.status).toMatchObject({ commit: 0, lastIndex: 1, role: "follower" });
    core.advance({ kind: "installed" });
    expect(core.status).toMatchObject({ commit: 10, lastIndex: 10 });
  });

  function settleMessages(core: ReturnType<typeof aCore>): ReturnType<typeof settle> {
    const ready = core.ready();
    return [...(ready?.send ?? []), ...(ready?.sendAfterPersist ?? [])];
  }

  test("an old one changes nothing", () => {
    const core = aCore({ snapshot: { ...meta, position: { index: 20, term: 2 } } });
    core.step(snapshot(2, 2));
    expect(lines(settle(core))).toEqual(["1→2 appendAnswer t2 has 20"]);
    expect(core.status.commit).toBe(20);
  });

  test("the membership travels with it (check-list 30)", () => {
    const core = aCore({ id: 1, voters: [] });
    core.step(snapshot(2, 2));
    settle(core);
    expect(core.status.membership).toEqual(meta.membership);
  });

  test("a member that is not heard of is not sent one", () => {
    const core = aCore({ snapshot: meta });
    elect(core, [3]);
    core.step(rejection(3, 3, 10, [0, 0]));
    expect(kinds(settle(core))).toEqual(["snapshot to 3"]);
    for (let tick = 0; tick < 9; tick++) {
      core.tick();
      core.step(heartbeatAnswer(3, 3));
    }
    expect(kinds(settle(core))).not.toContain("snapshot to 2");
  });
});

describe("§8 and thesis §6.4 clients", () => {
  test("a new leader opens its term with an entry of its own, so that it learns what is committed (check-list 19)", () => {
    const core = aCore({ log: [1, 1] });
    const sent = elect(core);
    expect(lines(sent)).toContain("1→2 append t2 after 2@1: 3@2, commit 0");
  });

  test("a read waits until the leader knows what is committed, and until a majority still follows it", () => {
    const core = aCore({ log: [1, 1] });
    elect(core);
    core.readIndex(77);
    expect(kinds(settle(core))).not.toContain("heartbeat to 2");
    core.step(appendAnswer(2, 2, 3));
    const ready = core.ready();
    expect(ready?.reads).toEqual([]);
    expect(lines([...(ready?.send ?? [])])).toContain("1→2 heartbeat t2 commit 3, round 1");
    core.step(heartbeatAnswer(2, 2, 0));
    core.step(heartbeatAnswer(3, 1, 1));
    expect(core.ready()?.reads ?? []).toEqual([]);
    core.step(heartbeatAnswer(3, 2, 1));
    expect(core.ready()?.reads).toEqual([{ context: 77, index: 3 }]);
  });

  test("a round begun before a read does not answer it (check-list 40)", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    const core = cores.get(1);
    core.readIndex(1);
    core.ready();
    core.readIndex(2);
    core.ready();
    core.step(heartbeatAnswer(2, core.term, 1));
    expect(core.ready()?.reads).toMatchObject([{ context: 1 }]);
    core.step(heartbeatAnswer(2, core.term, 2));
    expect(core.ready()?.reads).toMatchObject([{ context: 2 }]);
  });

  test("a leader that is cut off answers no read, however long it believes to lead", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.isolate(1);
    cores.get(1).readIndex(5);
    cores.tick(9);
    expect(cores.reads).toEqual([]);
  });

  test("a follower asks its leader", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.get(1).propose(Buffer.from("x"));
    cores.settle();
    expect(cores.get(3).readIndex(9)).toBe(true);
    cores.settle();
    expect(cores.reads).toEqual([{ context: 9, index: 2, at: 3 }]);
    expect(aCore().readIndex(1)).toBe(false);
  });

  test("alone, a read needs nobody", () => {
    const core = aCore({ voters: [1] });
    core.campaign();
    settle(core);
    core.readIndex(3);
    expect(core.ready()?.reads).toEqual([{ context: 3, index: 1 }]);
  });
});

describe("thesis §3.10 leadership transfer", () => {
  test("the leader brings its successor up to date, takes no proposals meanwhile, and asks it to stand", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.cut(1, 3);
    cores.get(1).propose(Buffer.from("x"));
    cores.settle();
    cores.heal();
    expect(cores.get(1).transferLeader(3)).toBe(true);
    expect(cores.get(1).propose(Buffer.from("y"))).toBeUndefined();
    expect(cores.get(1).proposeConfChange(change("REMOVE", 2))).toBe("leadership is being handed over");
    cores.tick(2);
    expect(cores.leader).toBe(3);
    expect(cores.applied.get(3)).toEqual(["x"]);
  });

  test("it ends after an election timeout, and the leader leads on (check-list 39)", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.isolate(3);
    cores.get(1).transferLeader(3);
    cores.tick(10);
    expect(cores.get(1).status).toMatchObject({ role: "leader", transferee: 0 });
    expect(cores.get(1).propose(Buffer.from("x"))).toBeDefined();
  });

  test("it ends with leading (check-list 39)", () => {
    const core = aCore();
    elect(core);
    core.transferLeader(2);
    core.step(heartbeat(3, 5));
    settle(core);
    core.campaign();
    core.step(preVoteAnswer(2, 6));
    settle(core);
    core.step(voteAnswer(2, 6));
    expect(core.status).toMatchObject({ role: "leader", transferee: 0 });
  });

  test.each([1, 4, 9])("not to member %d: itself, a learner, a stranger", (to) => {
    const core = aCore({ learners: [4] });
    elect(core);
    expect(core.transferLeader(to)).toBe(false);
  });

  test("a candidate or follower hands over nothing (check-list 39)", () => {
    const core = aCore();
    expect(core.transferLeader(2)).toBe(false);
    core.campaign();
    expect(core.transferLeader(2)).toBe(false);
  });

  test("voters do not cling to the leader that asked for it", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.step(vote(3, 2, [0, 0], { isTransfer: true }));
    expect(lines(settle(core))).toEqual(["1→3 voteAnswer t2 yes"]);
  });
});

describe("thesis §6.2 check-quorum", () => {
  test("a leader that a majority does not answer for an election timeout steps down", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.isolate(1);
    cores.tick(20, [1]);
    expect(cores.get(1).role).not.toBe("leader");
  });

  test("one that a majority answers stays, though the others are gone", () => {
    const cores = new Cores(5);
    cores.get(1).campaign();
    cores.settle();
    cores.isolate(4);
    cores.isolate(5);
    cores.tick(100);
    expect(cores.get(1).role).toBe("leader");
  });

  test("a leader whose disk hangs steps down, and does not stand while it hangs", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.slow.add(1);
    cores.get(1).propose(Buffer.from("x"));
    cores.tick(40);
    expect(cores.leader).not.toBe(1);
    expect(cores.leader).not.toBe(0);
  });

  test("alone, a hanging disk is no reason", () => {
    const core = aCore({ voters: [1] });
    core.campaign();
    settle(core);
    core.propose(Buffer.from("x"));
    core.ready();
    for (let tick = 0; tick < 100; tick++) core.tick();
    expect(core.role).toBe("leader");
  });
});

describe("thesis §9.6 pre-vote", () => {
  test("asking changes no term and no vote, at either side", () => {
    const core = aCore({ term: 3, vote: 2, log: [3] });
    core.campaign();
    expect(lines(settle(core))).toEqual(["1→2 preVote t4 last 1@3", "1→3 preVote t4 last 1@3"]);
    expect(core.term).toBe(3);
    core.step(preVoteAnswer(2, 3, false));
    core.step(preVoteAnswer(3, 3, false));
    expect(core.status).toMatchObject({ role: "follower", term: 3 });
    const asked = aCore({ term: 3, vote: 2, log: [3] });
    asked.step(preVote(3, 4, [1, 3]));
    expect(asked.ready()?.persist).toBeUndefined();
  });

  test("who hears of a leader refuses – but not the leader that stepped down itself (check-list 8)", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.step(preVote(3, 2, [0, 0]));
    core.step(preVote(2, 2, [0, 0]));
    expect(lines(settle(core))).toEqual(["1→3 preVoteAnswer t1 no", "1→2 preVoteAnswer t2 yes"]);
  });

  test("a member that was cut off and is of a later term gets a leader again (check-list 9)", () => {
    const cores = new Cores(0);
    const voters = [1, 2, 3];
    cores.add({ voters, id: 1, log: [1], term: 1 });
    cores.add({ voters, id: 2, log: [1], term: 1 });
    cores.add({ voters, id: 3, log: [1], term: 8 });
    cores.tick(60);
    expect(cores.leader).not.toBe(0);
    expect(new Set([...cores.cores.values()].map(({ term }) => term)).size).toBe(1);
  });

  test("of two that ask one another the better log goes on, then the lower id; the other yields (no split vote)", () => {
    const cores = new Cores(0);
    for (const id of [2, 3]) cores.add({ voters: [1, 2, 3], id });
    cores.get(3).campaign();
    cores.get(2).campaign();
    cores.settle();
    expect([cores.leader, cores.get(2).term]).toEqual([2, 1]);
    const better = new Cores(0);
    for (const id of [2, 3]) better.add({ voters: [1, 2, 3], id, log: id === 3 ? [1, 1] : [1], term: 1 });
    better.get(2).campaign();
    better.get(3).campaign();
    better.settle();
    expect([better.leader, better.get(3).term]).toEqual([3, 2]);
  });
});

describe("the leader's process is gone (docs/raft.md)", () => {
  function aDeadLeader(probe: "gone" | "alive" | "unknown"): Cores {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.tick();
    cores.isolate(1);
    cores.probes.set(1, probe);
    return cores;
  }

  test("one follower notices, the other probes before it answers, and a leader is there without a tick", () => {
    const cores = aDeadLeader("gone");
    cores.get(3).suspect(1);
    cores.settle();
    expect(cores.leader).toBe(3);
  });

  test("both notice at once: still one election", () => {
    const cores = aDeadLeader("gone");
    cores.get(3).suspect(1);
    cores.get(2).suspect(1);
    cores.settle();
    expect([cores.leader, cores.get(2).term]).toEqual([2, 2]);
  });

  test.each(["alive", "unknown"] as const)("a broken connection to a leader that is %s elects nobody", (outcome) => {
    const cores = aDeadLeader(outcome);
    cores.heal();
    for (let at = 0; at < 50; at++) {
      cores.get(2).suspect(1);
      cores.get(3).suspect(1);
      cores.settle();
    }
    expect([cores.leader, cores.get(1).term]).toEqual([1, 1]);
  });

  test("a voter that finds the leader alive refuses who says it is gone", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.step(preVote(3, 2, [0, 0], 2));
    const ready = core.ready();
    expect([ready?.probe, ready?.send]).toEqual([2, []]);
    core.reportProbe(2, "alive");
    expect(lines(settle(core))).toEqual(["1→3 preVoteAnswer t1 no"]);
  });

  test("what it had sent before comes too late for who stands, and for no other: the election goes on", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.suspect(2);
    settle(core);
    core.reportProbe(2, "gone");
    settle(core);
    core.step(heartbeat(2, 1));
    core.step(append(2, 1, [0, 0], [1]));
    expect(core.status).toMatchObject({ role: "pre-candidate", lastIndex: 0 });
    core.step(preVoteAnswer(3, 2));
    settle(core);
    expect(core.role).toBe("candidate");
  });

  test("a leader that answers all the same is followed again", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.suspect(2);
    settle(core);
    core.reportProbe(2, "gone");
    settle(core);
    for (const from of [2, 3]) core.step(preVoteAnswer(from, 1, false));
    core.step(heartbeat(2, 1));
    expect(core.status).toMatchObject({ role: "follower", leader: 2 });
  });

  test("a member that never led there is nothing to suspect", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.suspect(3);
    expect(core.ready()).toBeUndefined();
  });
});

describe("who is not what it was (check-list 23, 38)", () => {
  test("a member that knows of no members gives no vote: it lost its log, or was never asked to vote", () => {
    const core = aCore({ voters: [] });
    core.step(preVote(2, 5, [9, 4]));
    core.step(vote(3, 5, [9, 4]));
    expect(lines(settle(core))).toEqual(["1→2 preVoteAnswer t0 no", "1→3 voteAnswer t5 no"]);
  });

  test("a member that is said to have acknowledged what it does not have ends, and says so", () => {
    const core = aCore({ log: [1], term: 1 });
    expect(() => core.step(heartbeat(2, 1, 7))).toThrow("ends at entry 1, and it had acknowledged entry 7");
  });

  test("a follower that lost its log is no reason to end, and counts for nothing new", () => {
    const core = aCore();
    elect(core);
    for (const from of [2, 3]) core.step(appendAnswer(from, 1, 1));
    settle(core);
    core.propose(Buffer.from("x"));
    settle(core);
    core.step(appendAnswer(2, 1, 2));
    settle(core);
    expect(core.commit).toBe(2);
    for (const prev of [2, 1, 0]) core.step(rejection(2, 1, prev, [0, 0]));
    core.step(appendAnswer(2, 1, 0));
    core.propose(Buffer.from("y"));
    settle(core);
    for (const prev of [2, 3]) core.step(rejection(2, 1, prev, [0, 0]));
    for (let tick = 0; tick < 5; tick++) core.tick();
    expect(
      lines(settle(core))
        .filter((sent) => sent.includes("heartbeat"))
        .at(-2),
    ).toBe("1→2 heartbeat t1 commit 2, round 0");
    expect([core.commit, core.role]).toEqual([2, "leader"]);
  });

  test("the only voter hears nobody but its learners, whatever their term: nobody else can lead", () => {
    const core = aCore({ voters: [1], learners: [4], log: [1], term: 1 });
    core.campaign();
    settle(core);
    core.step(append(2, 9, [1, 1], [9]));
    core.step(vote(3, 9, [9, 9]));
    core.step(heartbeat(2, 9));
    expect(settle(core)).toEqual([]);
    expect(core.status).toMatchObject({ role: "leader", term: 2, lastIndex: 2 });
    core.step(appendAnswer(4, 2, 2));
    expect(core.progress).toMatchObject([{ member: 4, match: 2 }]);
  });
});

describe("resigning", () => {
  test("the voter that is there and has most is told to stand, and the leader follows at once", () => {
    const core = aCore({ voters: [1, 2, 3, 4], learners: [5] });
    elect(core, [2, 3]);
    core.step(appendAnswer(2, 1, 0));
    core.step(appendAnswer(3, 1, 1));
    core.step(appendAnswer(5, 1, 1));
    settle(core);
    core.resign();
    expect(core.role).toBe("follower");
    expect(lines(settle(core))).toEqual(["1→3 timeoutNow t1"]);
  });

  test("alone it goes on", () => {
    const core = aCore({ voters: [1] });
    core.campaign();
    settle(core);
    core.resign();
    expect(core.role).toBe("leader");
  });
});

describe("forgetting the leader", () => {
  test("lets a member vote at once, and is undone by the leader's next word", () => {
    const core = aCore({ term: 1 });
    core.step(heartbeat(2, 1));
    settle(core);
    core.forgetLeader();
    expect(core.status.leader).toBe(0);
    core.step(preVote(3, 2, [0, 0]));
    expect(lines(settle(core))).toEqual(["1→3 preVoteAnswer t2 yes"]);
    core.step(heartbeat(2, 1));
    expect(core.status.leader).toBe(2);
  });
});

describe("flow control (thesis §10.2)", () => {
  function aLeader(): ReturnType<typeof aCore> {
    const core = aCore({ inFlightMessagesMax: 3, inFlightBytesMax: 100, appendBytesMax: 40 });
    elect(core);
    for (const from of [2, 3]) core.step(appendAnswer(from, 1, 1));
    settle(core);
    return core;
  }
  const toTwo = (sent: ReturnType<typeof settle>): string[] => lines(sent.filter(({ to }) => to === 2));

  test("a probe is one message, until its answer or a heartbeat's", () => {
    const core = aCore();
    expect(kinds(elect(core))).toEqual(["append to 2", "append to 3"]);
    core.propose(Buffer.from("x"));
    expect(settle(core)).toEqual([]);
    core.step(heartbeatAnswer(2, 1));
    expect(toTwo(settle(core))).toEqual(["1→2 append t1 after 0@0: 1@1 2@1, commit 0"]);
  });

  test("appends follow one another up to the number of messages, and go on with each acknowledgement", () => {
    const core = aLeader();
    const sent: string[] = [];
    for (let at = 0; at < 5; at++) {
      core.propose(Buffer.from("x"));
      sent.push(...toTwo(settle(core)));
    }
    expect(sent).toHaveLength(3);
    core.step(appendAnswer(2, 1, 2));
    expect(toTwo(settle(core)).at(0)).toBe("1→2 append t1 after 4@1: 5@1 6@1, commit 2");
  });

  test("and up to the bytes; nothing leaks (check-list 22)", () => {
    const core = aLeader();
    for (let round = 0; round < 50; round++) {
      for (let at = 0; at < 8; at++) core.propose(Buffer.alloc(40));
      const from = core.status.lastIndex - 8;
      expect(toTwo(settle(core)).filter((line) => !line.includes("nothing"))).toHaveLength(3);
      for (let has = from + 1; has <= core.status.lastIndex; has++) {
        core.step(appendAnswer(2, 1, has));
        settle(core);
      }
    }
    expect(core.progress[0]).toMatchObject({ state: "replicate", match: core.status.lastIndex });
  });

  test("a lost append is noticed by the next heartbeat, however full the flight (check-list 22)", () => {
    const cores = new Cores(2);
    cores.get(1).campaign();
    cores.settle();
    cores.cut(1, 2);
    for (let at = 0; at < 10; at++) {
      cores.get(1).propose(Buffer.from(`p${at}`));
      cores.settle();
    }
    cores.heal();
    cores.tick(2);
    expect(cores.applied.get(2)).toHaveLength(10);
  });

  test("lost appends that were compacted away meanwhile: the follower gets the snapshot (simulator, seed 298)", () => {
    const cores = new Cores(3);
    cores.get(1).campaign();
    cores.settle();
    cores.isolate(3);
    for (let at = 0; at < 10; at++) {
      cores.get(1).propose(Buffer.from(`p${at}`));
      cores.settle();
    }
    const { applied, membership } = cores.get(1).status;
    cores.get(1).snapshotted({ position: { index: applied, term: 1 }, membership });
    cores.get(1).compact(applied);
    cores.heal();
    cores.tick(2);
    expect(cores.get(3).status).toMatchObject({ applied, firstIndex: applied + 1 });
  });

  test("a member reported unreachable is probed instead of flooded", () => {
    const core = aLeader();
    core.propose(Buffer.from("x"));
    settle(core);
    core.reportUnreachable(2);
    expect(core.progress[0]).toMatchObject({ state: "probe", next: 2 });
    core.propose(Buffer.from("y"));
    expect(toTwo(settle(core))).toEqual(["1→2 append t1 after 1@1: 2@1 3@1, commit 1"]);
  });

  test("an old rejection of what was acknowledged since changes nothing (check-list 20)", () => {
    const core = aLeader();
    core.step(rejection(2, 1, 1, [0, 0]));
    expect(core.progress[0]).toMatchObject({ state: "replicate", match: 1 });
  });

  test("an acknowledgement of more than the log holds is somebody else's, and counts for nothing (check-list 23)", () => {
    const core = aLeader();
    core.step(appendAnswer(2, 1, 99));
    expect([core.progress[0]?.match, core.status.commit]).toEqual([1, 1]);
  });
});
