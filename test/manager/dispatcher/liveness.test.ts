import { describe, expect, test } from "vitest";
import { wallTime } from "../../../src/base/index.js";
import { NodeState } from "../../../src/gen/skep/v1/objects.js";
import { Liveness } from "../../../src/manager/dispatcher/liveness.js";
import { aNode } from "../../support/memory.js";

const periodMs = 1_000;

/** Nodes with sessions since 0. */
function liveNodes(...nodeIds: string[]): Liveness {
  const liveness = new Liveness();
  for (const nodeId of nodeIds) liveness.open(nodeId, 0, periodMs, undefined);
  return liveness;
}

function beatAll(liveness: Liveness, atMs: number, ...nodeIds: string[]): void {
  for (const nodeId of nodeIds) liveness.beat(nodeId, atMs, periodMs);
}

/** Judges at each of the times as the loop would; the time each node was first found lost. */
function lostAt(liveness: Liveness, timesMs: readonly number[]): Record<string, number> {
  const lost: Record<string, number> = {};
  for (const nowMs of timesMs) {
    for (const nodeId of liveness.judge(nowMs).changed) if (liveness.isLost(nodeId)) lost[nodeId] ??= nowMs;
  }
  return lost;
}

function every(stepMs: number, fromMs: number, toMs: number): number[] {
  const times: number[] = [];
  for (let at = fromMs; at <= toMs; at += stepMs) times.push(at);
  return times;
}

describe("a silent node", () => {
  test("is lost three periods after its last beat, not before", () => {
    const liveness = liveNodes("a");
    beatAll(liveness, 700, "a");
    expect(liveness.judge(3_699)).toEqual({ changed: [], nextMs: 3_700 });
    expect(liveness.judge(3_700).changed).toEqual(["a"]);
    expect(liveness.verdict("a", 3_700)).toEqual({
      state: NodeState.DOWN,
      message: "heartbeat failure",
      suspended: false,
    });
  });

  test("that is lost is not brought back by a late beat, but by a session", () => {
    const liveness = liveNodes("a");
    liveness.judge(3_000);
    expect(liveness.beat("a", 3_001, periodMs)).toBeUndefined();
    expect(liveness.isLost("a")).toBe(true);
    liveness.open("a", 3_002, periodMs, undefined);
    expect(liveness.verdict("a", 3_002)).toEqual({ state: NodeState.READY, message: "", suspended: false });
  });

  test("is lost three periods after whatever it said last", () => {
    const liveness = liveNodes("a");
    beatAll(liveness, 700, "a");
    liveness.heard("a", 1_200);
    expect(liveness.judge(4_199).changed).toEqual([]);
    expect(liveness.judge(4_200).changed).toEqual(["a"]);
    liveness.heard("a", 4_300);
    expect(liveness.isLost("a")).toBe(true);
  });

  test("is judged by the period of its beats", () => {
    const liveness = new Liveness();
    liveness.open("a", 0, 5_000, undefined);
    expect(lostAt(liveness, every(250, 0, 20_000))).toEqual({ a: 15_000 });
  });
});

describe("a stall of the leader", () => {
  test("moves every deadline", () => {
    const liveness = liveNodes("a");
    liveness.engine("a", 0, { silentFor: wallTime(0), error: "no answer" });
    liveness.shift(20_000);
    expect(liveness.judge(22_999).changed).toEqual([]);
    expect(liveness.judge(23_000).changed).toEqual(["a"]);
  });
});

describe("mass death", () => {
  const table: readonly {
    name: string;
    /** When each node beat last. */
    last: Record<string, number>;
    lost: Record<string, number>;
  }[] = [
    { name: "three of four at once", last: { a: 100, b: 400, c: 900 }, lost: { a: 15_250, b: 15_500, c: 16_000 } },
    { name: "two of four are half", last: { a: 100, b: 400 }, lost: { a: 3_250, b: 3_500 } },
    {
      name: "three of four, one after the other",
      last: { a: 0, b: 4_000, c: 8_000 },
      lost: { a: 3_000, b: 7_000, c: 11_000 },
    },
    { name: "all four", last: { a: 0, b: 0, c: 250, d: 500 }, lost: { a: 15_000, b: 15_000, c: 15_250, d: 15_500 } },
    {
      name: "the third within the grace of the first, already lost",
      last: { a: 0, b: 1_500, c: 1_500 },
      lost: { a: 3_000, b: 16_500, c: 16_500 },
    },
  ];
  test.each(table)("$name", ({ last, lost }) => {
    const nodeIds = ["a", "b", "c", "d"];
    const liveness = liveNodes(...nodeIds);
    const found: Record<string, number> = {};
    for (const nowMs of every(250, 0, 20_000)) {
      for (const nodeId of nodeIds) {
        const lastMs = last[nodeId] ?? Number.POSITIVE_INFINITY;
        if (nowMs <= lastMs) liveness.beat(nodeId, nowMs, periodMs);
        else if (nowMs - lastMs < 250) liveness.beat(nodeId, lastMs, periodMs);
      }
      Object.assign(found, lostAt(liveness, [nowMs]));
    }
    expect(found).toEqual(lost);
  });

  test("of three nodes is believed", () => {
    expect(lostAt(liveNodes("a", "b", "c"), every(250, 0, 4_000))).toEqual({ a: 3_000, b: 3_000, c: 3_000 });
  });

  test("is over for a node that beats again: its next silence counts as any", () => {
    const liveness = liveNodes("a", "b", "c", "d");
    lostAt(liveness, every(250, 0, 5_000));
    for (const at of every(1_000, 5_000, 20_000)) {
      beatAll(liveness, at, "b", "c", "d");
      if (at <= 8_000) beatAll(liveness, at, "a");
      const { changed } = liveness.judge(at);
      expect([at, changed]).toEqual([at, at === 11_000 ? ["a"] : []]);
    }
  });

  test("is no matter of nodes that said they go", () => {
    const liveness = liveNodes("a", "b", "c", "d");
    liveness.leave("b", 100);
    liveness.leave("c", 100);
    for (const at of every(250, 0, 4_000)) beatAll(liveness, at, "d");
    expect(lostAt(liveness, [3_000])).toEqual({ a: 3_000 });
  });
});

describe("a new leader", () => {
  const now = { ms: 1_000, wallMs: 100_000 };

  test("gives nodes it found READY the grace and two seconds, and says nothing of them before", () => {
    const liveness = new Liveness();
    liveness.expect(aNode({ id: "a" }), now, periodMs);
    expect(liveness.verdict("a", 1_000)).toBeUndefined();
    expect(lostAt(liveness, every(250, 1_000, 10_000))).toEqual({ a: 6_000 });
  });

  const table: readonly { title: string; foundMs: readonly number[]; lostMs: number }[] = [
    { title: "one that came early buys no time", foundMs: [1_500], lostMs: 6_000 },
    { title: "one that came late buys the others 3 s", foundMs: [5_500], lostMs: 8_500 },
    {
      title: "one after the other, until the 15 s of mass death",
      foundMs: every(2_000, 3_000, 15_000),
      lostMs: 16_000,
    },
    { title: "one that comes when they are lost does not help them", foundMs: [6_250], lostMs: 6_000 },
  ];
  test.each(table)("waits for those that may be waiting for their turn: $title", ({ foundMs, lostMs }) => {
    const liveness = new Liveness();
    const comers = foundMs.map((_, at) => `n${at}`);
    // So that most are always there.
    for (const id of [...comers, "a"]) liveness.expect(aNode({ id }), now, periodMs);
    for (const id of ["x", "y", "z", ...comers.map((each) => `${each}'`)]) liveness.open(id, 1_000, 20_000, undefined);
    const lost: Record<string, number> = {};
    for (const nowMs of every(250, 1_000, 20_000)) {
      for (const [at, comesMs] of foundMs.entries()) {
        if (comesMs === nowMs) liveness.open(`n${at}`, nowMs, 20_000, undefined);
      }
      Object.assign(lost, lostAt(liveness, [nowMs]));
    }
    expect(lost["a"]).toBe(lostMs);
  });

  test.each(["UNKNOWN", "DOWN"] as const)("has nothing to wait for from a node that is %s", (state) => {
    const liveness = new Liveness();
    liveness.expect(aNode({ id: "a", state }), now, periodMs);
    expect(lostAt(liveness, every(250, 1_000, 60_000))).toEqual({});
  });

  test.each([
    { sinceMs: 90_000, lostMs: 21_000, name: "ten seconds ago" },
    { sinceMs: 0, lostMs: 6_000, name: "long ago" },
    { sinceMs: 200_000, lostMs: 31_000, name: "in the future, by another clock" },
  ])("keeps a restart that began $name", ({ sinceMs, lostMs }) => {
    const liveness = new Liveness();
    const message = "daemon restarting since 1970-01-01T00:01:30.000Z";
    const status = { state: NodeState.READY, suspended: true, message, since: wallTime(sinceMs) };
    liveness.expect(aNode({ id: "a", node: { status } }), now, periodMs);
    expect(liveness.verdict("a", 1_000)?.message).toBe(message);
    expect(lostAt(liveness, every(250, 1_000, 60_000))).toEqual({ a: lostMs });
  });

  test("leaves nodes alone that have come already", () => {
    const liveness = liveNodes("a");
    liveness.expect(aNode({ id: "a", state: "READY" }), now, periodMs);
    expect(liveness.verdict("a", 1_000)?.state).toBe(NodeState.READY);
  });
});

describe("an engine that does not answer", () => {
  test("suspends its node, and after 15 s of silence counts as lost with it, while it beats", () => {
    const liveness = liveNodes("a");
    liveness.engine("a", 1_000, { silentFor: wallTime(4_000), error: "connection refused" });
    beatAll(liveness, 11_999, "a");
    const message = "engine does not answer: connection refused";
    expect(liveness.verdict("a", 11_999)).toEqual({ state: NodeState.READY, message, suspended: true });
    expect(liveness.judge(11_999)).toEqual({ changed: [], nextMs: 12_000 });
    expect(liveness.judge(12_000).changed).toEqual(["a"]);
    expect(liveness.isLost("a")).toBe(false);
    expect(liveness.verdict("a", 12_000)).toEqual({ state: NodeState.DOWN, message, suspended: false });
  });

  test("makes its node READY when it is back", () => {
    const liveness = liveNodes("a");
    liveness.engine("a", 0, { silentFor: wallTime(60_000), error: "gone" });
    liveness.engine("a", 1, { silentFor: undefined, error: "" });
    expect(liveness.verdict("a", 1)).toEqual({ state: NodeState.READY, message: "", suspended: false });
  });
});

describe("a goodbye", () => {
  test("of a daemon that restarts keeps the node for 30 s", () => {
    const liveness = liveNodes("a");
    liveness.restart("a", 1_000, Date.UTC(2026, 0, 1));
    expect(liveness.verdict("a", 1_000)).toEqual({
      state: NodeState.READY,
      message: "daemon restarting since 2026-01-01T00:00:00.000Z",
      suspended: true,
    });
    expect(lostAt(liveness, every(250, 0, 60_000))).toEqual({ a: 31_000 });
    expect(liveness.verdict("a", 31_000)?.message).toBe("daemon did not come back within 30 s of its restart");
  });

  test("of a node that leaves loses it at once", () => {
    const liveness = liveNodes("a");
    liveness.leave("a", 1_000);
    expect(liveness.verdict("a", 1_000)).toEqual({
      state: NodeState.DOWN,
      message: "node is shutting down or leaving the swarm",
      suspended: false,
    });
  });
});
