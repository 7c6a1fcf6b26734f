// A leader that cannot go on: it never acknowledges what is not durable, and others need not wait for its silence.

import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/base/index.js";
import { NotLeaderError, UnknownOutcomeError } from "../../src/raft/index.js";
import { Lines, line } from "../support/raft_member.js";
import { aSwarm, type Swarm } from "../support/raft_swarm.js";

const outcomeOf = (write: Promise<void>): Promise<unknown> =>
  write.then(
    () => "acknowledged",
    (error: unknown) => error,
  );

/** The member with the best log and the lowest id of those that are left. */
async function successor(swarm: Swarm, withinMs: number): Promise<number> {
  const isLed = (): boolean => [2, 3].some((id) => swarm.get(id).leadingTerm() !== undefined);
  await swarm.clock.runUntil(isLed, withinMs, "a successor");
  return [2, 3].find((id) => swarm.get(id).leadingTerm() !== undefined) ?? 0;
}

/** Fails for entries that say so. */
class Poisoned extends Lines {
  override apply(entry: Parameters<Lines["apply"]>[0]): void {
    if (Buffer.from(entry.data).toString() === "poison") throw new Error("poison");
    super.apply(entry);
  }
}

class Broken extends Lines {
  override snapshot(): Iterable<Uint8Array> {
    return (function* (): Generator<Uint8Array> {
      yield Buffer.from("[]");
      throw new InvariantError("the state is impossible");
    })();
  }
}

describe("a leader ends, and its last word makes its best follower stand", () => {
  test.each([
    ["its disk is full", (swarm: Swarm) => void (swarm.diskOf(1).capacityBytes = 0)],
    ["its disk fails in a write", (swarm: Swarm) => swarm.diskOf(1).crashAfter(1)],
    ["its disk fails in a sync", (swarm: Swarm) => swarm.diskOf(1).crashAfter(2)],
  ])("when %s: nothing is acknowledged, and within 20 ms another leads", async (_case, breakIt) => {
    // Every batch needs a segment of its own, so a full disk shows at once.
    const swarm = aSwarm({ segmentBytes: 300 });
    await swarm.start(3);
    await swarm.write(1, ["before"]);
    breakIt(swarm);
    const outcome = outcomeOf(swarm.get(1).propose(line("x".repeat(400)), swarm.get(1).status.term));
    const next = await successor(swarm, 20);
    expect(await outcome).toBeInstanceOf(UnknownOutcomeError);
    expect([...swarm.failures.keys()]).toEqual([1]);
    expect(swarm.sent.findLast(({ from }) => from === 1)?.body?.$case).toBe("timeoutNow");
    await swarm.write(next, ["after"]);
    expect([swarm.linesOf(next)[0], swarm.linesOf(next).at(-1)]).toEqual(["before", "after"]);
  });

  test("when its state machine throws", async () => {
    const swarm = aSwarm({ machine: (id) => (id === 1 ? new Poisoned() : new Lines()) });
    await swarm.start(3);
    const outcome = outcomeOf(swarm.get(1).propose(line("poison"), swarm.get(1).status.term));
    const next = await successor(swarm, 20);
    expect(await outcome).toBeInstanceOf(UnknownOutcomeError);
    await swarm.clock.advance(10);
    expect(swarm.linesOf(next)).toEqual(["poison"]);
  });

  test("when a bug shows while it makes a snapshot", async () => {
    const swarm = aSwarm({ snapshotEntries: 40, machine: (id) => (id === 1 ? new Broken() : new Lines()) });
    await swarm.start(3);
    const { term } = swarm.get(1).status;
    const writes = Array.from({ length: 60 }, (_, at) => outcomeOf(swarm.get(1).propose(line(`${at}`), term)));
    await successor(swarm, 20);
    await Promise.all(writes);
    expect([...swarm.failures].map(([id, error]) => [id, error.message])).toEqual([[1, "the state is impossible"]]);
  });

  test("a follower says nothing", async () => {
    const swarm = aSwarm({ machine: (id) => (id === 3 ? new Poisoned() : new Lines()) });
    await swarm.start(3);
    await swarm.write(1, ["poison"]);
    await swarm.clock.advance(500);
    expect([...swarm.failures.keys()]).toEqual([3]);
    expect(swarm.sent.some(({ body }) => body?.$case === "timeoutNow")).toBe(false);
    await swarm.write(1, ["after"]);
  });
});

describe("a leader whose write hangs", () => {
  test("steps down after an election timeout, and another one leads at once; its disk back, it follows", async () => {
    const swarm = aSwarm();
    await swarm.start(3);
    swarm.diskOf(1).delayMs.sync = 10_000;
    const outcome = outcomeOf(swarm.get(1).propose(line("x"), swarm.get(1).status.term));
    await swarm.clock.advance(900);
    expect(swarm.get(1).leadingTerm()).toBeDefined();
    const next = await successor(swarm, 300);
    expect(await outcome).toBeInstanceOf(UnknownOutcomeError);
    await swarm.write(next, ["y"]);
    swarm.diskOf(1).delayMs.sync = 0;
    await swarm.clock.advance(12_000);
    expect(swarm.linesOf(1)).toEqual(["x", "y"]);
  });

  test("goes on alone", async () => {
    const swarm = aSwarm();
    await swarm.start(1);
    swarm.diskOf(1).delayMs.sync = 10_000;
    const outcome = outcomeOf(swarm.get(1).propose(line("x"), swarm.get(1).status.term));
    await swarm.clock.advance(15_000);
    expect(await outcome).toBe("acknowledged");
  });
});

describe("a leader whose loop stood still", () => {
  const pausedFor = async (ms: number): Promise<Swarm> => {
    const swarm = aSwarm();
    await swarm.start(3);
    swarm.lives.get(1)?.pause();
    await swarm.clock.advance(ms);
    swarm.lives.get(1)?.resume();
    return swarm;
  };

  test("for less than half an election timeout goes on", async () => {
    const swarm = await pausedFor(500);
    expect(swarm.get(1).leadingTerm()).toBe(2);
    await swarm.clock.advance(1000);
    expect(swarm.get(1).leadingTerm()).toBe(2);
  });

  test("for longer is not sure that it leads, before any tick or message: nothing is read in its name until a majority says so", async () => {
    const swarm = await pausedFor(700);
    const leader = swarm.get(1);
    expect(leader.leadingTerm()).toBe(undefined);
    expect(leader.status.role).toBe("leader");
    const write = leader.propose(line("x"), 2);
    await swarm.clock.runUntil(() => leader.leadingTerm() === 2, 10, "a majority has answered");
    await write;
    await swarm.clock.advance(3000);
    expect(leader.leadingTerm()).toBe(2);
  });

  test("and nobody answers is not sure for ever, and steps down when a majority was silent for an election timeout", async () => {
    const swarm = await pausedFor(700);
    swarm.down.add(1);
    for (let ms = 0; ms < 4000; ms += 10) {
      expect(swarm.get(1).leadingTerm()).toBe(undefined);
      await swarm.clock.advance(10);
    }
    expect(swarm.get(1).status.role).not.toBe("leader");
  });

  test("whose question was lost asks again", async () => {
    const swarm = await pausedFor(700);
    expect(swarm.get(1).leadingTerm()).toBe(undefined);
    swarm.down.add(1);
    await swarm.clock.advance(300);
    swarm.down.delete(1);
    await swarm.clock.runUntil(() => swarm.get(1).leadingTerm() === 2, 200, "a majority has answered");
  });

  test("again and again, where every member does: leads on each time, so that nobody is elected without end", async () => {
    const swarm = aSwarm();
    await swarm.start(3);
    for (let round = 0; round < 20; round++) {
      for (const life of swarm.lives.values()) life.pause();
      await swarm.clock.advance(900);
      for (const life of swarm.lives.values()) life.resume();
      await swarm.clock.runUntil(() => swarm.get(1).leadingTerm() === 2, 100, "a majority has answered");
    }
  });

  test("for more than an election timeout soon after its election does not step down by itself", async () => {
    const swarm = await pausedFor(1050);
    expect(swarm.get(1).leadingTerm()).toBe(undefined);
    expect(swarm.get(1).status.role).toBe("leader");
  });

  test("for more than an election timeout when it has led for ten of them steps down, and another leads at once", async () => {
    const swarm = aSwarm();
    await swarm.start(3);
    await swarm.clock.advance(10_000);
    for (const life of swarm.lives.values()) life.pause();
    await swarm.clock.advance(1100);
    for (const id of [2, 3, 1]) swarm.lives.get(id)?.resume();
    expect(swarm.get(1).leadingTerm()).toBe(undefined);
    expect(swarm.get(1).status.role).toBe("follower");
    await expect(swarm.get(1).propose(line("x"), 2)).rejects.toThrow(NotLeaderError);
    const next = await successor(swarm, 20);
    await swarm.write(next, ["y"]);
  });

  test("has been replaced meanwhile, and follows", async () => {
    const swarm = await pausedFor(5000);
    const next = await successor(swarm, 1);
    expect(swarm.get(1).leadingTerm()).toBe(undefined);
    await swarm.write(next, ["y"]);
    expect(swarm.get(1).leadingTerm()).toBe(undefined);
    await swarm.clock.advance(300);
    expect(swarm.linesOf(1)).toEqual(["y"]);
    expect(swarm.get(next).leadingTerm()).toBe(3);
  });

  test("and has nobody else leads on", async () => {
    const swarm = aSwarm();
    await swarm.start(1);
    swarm.lives.get(1)?.pause();
    await swarm.clock.advance(60_000);
    swarm.lives.get(1)?.resume();
    expect(swarm.get(1).leadingTerm()).toBe(2);
    await swarm.write(1, ["x"]);
  });
});

describe("a leader that is cut off", () => {
  test("leads no more when a successor can have been elected: what it answers is at most a tick or two old", async () => {
    const swarm = aSwarm();
    await swarm.start(3);
    let [stale, staleMax] = [0, 0];
    for (let round = 0; round < 5; round++) {
      const old = swarm.leader() ?? 0;
      await swarm.clock.advance(37 * round);
      swarm.down.add(old);
      for (let ms = 0; ms < 4000; ms += 10) {
        await swarm.clock.advance(10);
        const isReplaced = [1, 2, 3].some((id) => id !== old && swarm.get(id).leadingTerm() !== undefined);
        stale = isReplaced && swarm.get(old).leadingTerm() !== undefined ? stale + 10 : 0;
        staleMax = Math.max(staleMax, stale);
      }
      swarm.down.delete(old);
      await swarm.clock.advance(3000);
    }
    expect(staleMax).toBeLessThanOrEqual(200);
  });
});

describe("what a member says of its leader", () => {
  test("how long there was none, and when a leader heard of each of the others", async () => {
    const swarm = aSwarm();
    await swarm.start(3);
    swarm.down.add(2);
    await swarm.clock.advance(1000);
    expect(
      swarm.get(1).peers.map(({ member, isActive, lastHeardTicks }) => [member, isActive, lastHeardTicks]),
    ).toEqual([
      [2, false, 10],
      [3, true, 0],
    ]);
    expect(swarm.get(3).status.noLeaderForMs).toBe(0);
    swarm.down.add(1);
    await swarm.clock.advance(6000);
    const { leader, noLeaderForMs } = swarm.get(3).status;
    expect(leader).toBe(undefined);
    expect(noLeaderForMs).toBeGreaterThanOrEqual(5900);
    expect(noLeaderForMs).toBeLessThanOrEqual(6100);
  });

  test("the counts of ticks are the operator's: a longer timeout notices later", async () => {
    const swarm = aSwarm({ electionTicks: 30, heartbeatTicks: 3 });
    await swarm.start(3);
    const before = swarm.sent.length;
    await swarm.clock.advance(3000);
    const beats = swarm.sent.slice(before).filter(({ body }) => body?.$case === "heartbeat");
    expect(beats).toHaveLength(20);
    swarm.down.add(1);
    await swarm.clock.advance(2900);
    expect([swarm.get(2).status.leader, swarm.get(3).status.leader]).toEqual([1, 1]);
    await successor(swarm, 4000);
  });

  test("counts that the state itself asks for are in force from the start on, as far as they make sense", async () => {
    const ticks = () => ({ electionTicks: 4, heartbeatTicks: 3 });
    const swarm = aSwarm({ ticks });
    await swarm.start(3);
    const before = swarm.sent.length;
    await swarm.clock.advance(3000);
    const beats = swarm.sent.slice(before).filter(({ body }) => body?.$case === "heartbeat");
    expect(beats).toHaveLength(20);
    expect(swarm.leader()).toBe(1);
    swarm.down.add(1);
    await swarm.clock.advance(500);
    expect(swarm.leader()).toBe(undefined);
    await successor(swarm, 1500);
  });
});
