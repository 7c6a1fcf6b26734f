// docs/behaviour.md R-1001, R-1009, R-1011, R-1013 – R-1018 (swarm-semantics §6.6, 6.7): what an agent does, with a leader or without one.

import { describe, expect, test } from "vitest";
import { Queue, SwarmError, silentLog, silentMetrics } from "../../src/base/index.js";
import { EmbeddedEngine } from "../../src/engine/index.js";
import {
  type AgentMessage,
  type ManagerMessage,
  Refusal,
  RefusalKind,
  SessionState,
} from "../../src/gen/skep/v1/dispatcher.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { type LocalState, MemoryState, Worker } from "../../src/worker/index.js";
import { stateName } from "../support/memory.js";
import { Bench } from "../worker/bench.js";
import { anAssignment } from "../worker/support.js";

const { FAILED, READY, RUNNING, SHUTDOWN } = TaskState;

type Said<T extends { readonly message?: unknown }> = NonNullable<T["message"]>;

/** A leader that answers as the test lets it, and what it heard. */
class FakeLeader {
  readonly heard: Said<AgentMessage>[] = [];
  readonly #says = new Queue<ManagerMessage>("leader", 1_000);
  answers: readonly string[] = ["heartbeat", "statuses"];
  isClosed = false;

  readonly connection = {
    send: async ({ message }: AgentMessage): Promise<void> => {
      if (this.isClosed) throw new SwarmError("Unavailable", "closed");
      if (message === undefined) return;
      this.heard.push(message);
      if (!this.answers.includes(message.$case)) return;
      if (message.$case === "heartbeat") this.say(message);
      if (message.$case === "statuses") this.acknowledge(message.value.number);
    },
    messages: this.#says,
    close: (): void => {
      this.isClosed = true;
      this.#says.end();
    },
  };

  say(message: Said<ManagerMessage>): void {
    this.#says.push({ message });
  }

  acknowledge(number: number): void {
    this.say({ $case: "statuses", value: { number } });
  }

  welcome(): void {
    const state = SessionState.fromPartial({});
    this.say({ $case: "welcome", value: { sessionId: "x", clusterId: "cluster1", state } });
  }

  assign(number: number, ...ids: readonly string[]): void {
    const update = ids.map((id) => anAssignment({ id }));
    this.say({ $case: "assignments", value: { number, update, remove: [], firstSetComplete: true } });
  }

  refuse(kind: RefusalKind, leaderAddr = ""): void {
    this.say({ $case: "refusal", value: Refusal.fromPartial({ kind, message: "because", leaderAddr }) });
  }

  /** Each report as `t1 RUNNING, t2 FAILED`. */
  get reports(): string[] {
    return this.heard.flatMap((message) =>
      message.$case === "statuses"
        ? [message.value.tasks.map(({ taskId, status }) => `${taskId} ${stateName(status?.state)}`).join(", ")]
        : [],
    );
  }
}

/** An agent, and the leaders it found one after the other. */
function anAgent({ isReachable = true } = {}) {
  const clock = new VirtualClock();
  const engine = new EmbeddedEngine({}, { clock, random: new SeededRandom(1) });
  engine.addImage("busybox");
  const leaders: FakeLeader[] = [];
  const triedMs: number[] = [];
  const sentTo: string[] = [];
  const removed: string[] = [];
  const worker = new Worker(
    { nodeId: "node1", clusterId: "cluster1", bootId: "boot1", advertiseAddr: "" },
    {
      ...{ engine, clock, state: new MemoryState(), random: new SeededRandom(2), log: silentLog },
      metrics: silentMetrics,
      connect: async () => {
        triedMs.push(clock.monotonic());
        if (!isReachable) throw new SwarmError("Unavailable", "nobody there");
        const leader = new FakeLeader();
        leaders.push(leader);
        return leader.connection;
      },
      daemonFacts: () => ({ skepVersion: "1", level: 1 }),
      stateChanged: () => undefined,
      leaderIs: (addr) => sentTo.push(addr),
      removed: (message) => removed.push(message),
    },
  );
  worker.run(new AbortController().signal).catch(() => undefined);
  const found = async (number: number): Promise<FakeLeader> => {
    await clock.runUntil(() => (leaders[number - 1]?.heard.length ?? 0) > 0, 60_000, `session ${number}`);
    const leader = leaders[number - 1];
    if (!leader) throw new Error("no session");
    return leader;
  };
  return { clock, engine, leaders, triedMs, sentTo, removed, found };
}

describe("R-1001 a node that is refused", () => {
  test.each([
    ["because nobody knows it runs on and asks again", RefusalKind.NODE_UNKNOWN, 1],
    ["because it was removed stops and removes its containers and does not come back", RefusalKind.NODE_REMOVED, 0],
  ])("%s", async (_, kind, containers) => {
    const { clock, engine, found, leaders, removed } = anAgent();
    const first = await found(1);
    first.welcome();
    first.assign(1, "t1");
    await clock.advance(1_000);
    expect(engine.machines).toHaveLength(1);
    first.refuse(kind);
    await clock.advance(60_000);
    expect(engine.machines).toHaveLength(containers);
    expect([leaders.length > 1, removed.length]).toEqual([containers === 1, 1 - containers]);
  });
});

test("R-1011 a gap in the assignments ends the session, and the next begins with what is held", async () => {
  const { clock, found, engine } = anAgent();
  const first = await found(1);
  first.welcome();
  first.assign(1, "t1");
  first.assign(3, "t3");
  const second = await found(2);
  expect(first.isClosed).toBe(true);
  expect(second.heard[0]).toMatchObject({ $case: "open", value: { tasks: [{ id: "t1", version: RUNNING }] } });
  await clock.advance(1_000);
  expect(engine.machines).toHaveLength(1);
});

describe("R-1013 reports", () => {
  test("begin anew with each leader: the last status of every task", async () => {
    const { clock, found, engine } = anAgent();
    const first = await found(1);
    first.welcome();
    first.assign(1, "t1", "t2");
    await clock.advance(5_000);
    engine.killProcess(engine.machines.find(({ name }) => name.endsWith("t2"))?.id ?? "");
    await clock.advance(5_000);
    expect(first.reports.at(-1)).toBe("t2 FAILED");
    first.connection.close();
    const second = await found(2);
    second.welcome();
    await clock.advance(1_000);
    expect(second.reports).toEqual(["t1 RUNNING, t2 FAILED"]);
  });

  test("go one at a time, with the newest status only", async () => {
    const { clock, found, engine } = anAgent();
    const leader = await found(1);
    leader.answers = ["heartbeat"];
    leader.welcome();
    leader.assign(1, "t1");
    await clock.advance(5_000);
    leader.assign(2, "t2");
    await clock.advance(5_000);
    engine.killProcess(engine.machines.find(({ name }) => name.endsWith("t2"))?.id ?? "");
    await clock.advance(5_000);
    expect(leader.reports).toEqual(["t1 RUNNING"]);
    leader.acknowledge(1);
    await clock.settle();
    expect(leader.reports).toEqual(["t1 RUNNING", "t2 FAILED"]);
  });
});

describe("R-1014 a session", () => {
  test("that is not welcome within 5 s is over", async () => {
    const { clock, found } = anAgent();
    await found(1);
    const openedMs = clock.monotonic();
    await found(2);
    expect(clock.monotonic() - openedMs).toBeGreaterThanOrEqual(5_000);
    expect(clock.monotonic() - openedMs).toBeLessThan(5_200);
  });

  test("that leaves two beats unanswered is over before the third", async () => {
    const { clock, found } = anAgent();
    const first = await found(1);
    first.answers = [];
    first.welcome();
    const welcomeMs = clock.monotonic();
    await found(2);
    expect(first.heard.filter(({ $case }) => $case === "heartbeat")).toHaveLength(2);
    expect(clock.monotonic() - welcomeMs).toBeLessThan(2_200);
  });

  test("is tried again after waits from 100 ms to 3 s", async () => {
    const { clock, triedMs } = anAgent({ isReachable: false });
    await clock.advance(60_000);
    const waits = triedMs.slice(1).map((at, index) => at - (triedMs[index] ?? 0));
    expect(waits[0]).toBeLessThanOrEqual(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_000);
    expect(Math.min(...waits.slice(10))).toBeGreaterThan(1_200);
  });

  test("is asked at once of the leader that another manager names", async () => {
    const { found, sentTo, triedMs } = anAgent();
    (await found(1)).refuse(RefusalKind.NOT_LEADER, "10.0.0.2:2377");
    await found(2);
    expect(sentTo).toEqual(["10.0.0.2:2377"]);
    expect(triedMs[1]).toBe(triedMs[0]);
  });
});

const sim = (id: string, script: string) =>
  anAssignment({ id, spec: { container: { image: "busybox", labels: { "skep.sim": script } } } });

/** The same host after its daemon ended, or, with another boot, after a reboot. */
async function after(life: Bench, awayMs = 0, bootId = "boot1"): Promise<Bench> {
  await life.end();
  await life.clock.advance(awayMs);
  return Bench.start({ clock: life.clock, engine: life.engine, state: life.state, tasks: { bootId } });
}

test("R-1009 a task does not fail by a silent engine; it is as it really is when the engine is back", async () => {
  const bench = await Bench.start();
  await bench.assign(anAssignment(), sim("t2", "exit=5@10s"));
  await bench.until(RUNNING, "t1", "t2");
  const told = bench.told.length;
  bench.engine.crash();
  await bench.clock.advance(60_000);
  expect(bench.told.slice(told)).toEqual([]);
  bench.engine.recover();
  await bench.until(FAILED, "t2");
  expect(bench.told.slice(told)).toEqual(["t2 FAILED started task: non-zero exit (5)"]);
  expect(bench.containers("running")).toEqual(["web.1.t1"]);
});

describe("R-1015 a node's memory", () => {
  test("has a status before a leader hears it", async () => {
    const memory = new MemoryState();
    let store: () => void = () => {};
    const state: LocalState = {
      load: () => memory.load(),
      write: async (changes) => {
        if (changes.some(({ kind }) => kind === "status")) await new Promise<void>((done) => (store = done));
        return memory.write(changes);
      },
    };
    const bench = await Bench.start({ state });
    await bench.assign(anAssignment());
    await bench.clock.advance(10_000);
    expect(bench.told).toEqual([]);
    store();
    await bench.clock.settle();
    expect(bench.told).toEqual(["t1 ACCEPTED accepted"]);
  });

  test("lets a daemon that comes back adopt its containers as they really are", async () => {
    const first = await Bench.start();
    await first.assign(anAssignment(), sim("t2", "exit=7@30s"));
    await first.until(RUNNING, "t1", "t2");
    const before = first.engine.machines.map(({ id }) => id);
    const second = await after(first, 60_000);
    await second.until(FAILED, "t2");
    await second.clock.advance(10_000);
    expect(second.statuses.get("t1")?.state).toBe(RUNNING);
    expect(second.engine.machines.map(({ id }) => id)).toEqual(before);
    expect(second.containers("running")).toEqual(["web.1.t1"]);
  });

  test.each([
    ["pulls", { pullMs: 5_000 }, 0],
    ["starts", { startMs: 5_000 }, 1],
  ])("lets nothing that still %s begin before a leader's first set", async (_, embedded, created) => {
    const first = await Bench.start({ embedded });
    await first.assign(anAssignment());
    await first.clock.advance(1_000);
    const second = await after(first);
    await second.clock.advance(120_000);
    expect(second.engine.machines).toHaveLength(created);
    expect(second.containers("running")).toEqual([]);
    await second.assign(anAssignment());
    await second.until(RUNNING, "t1");
  });
});

describe("R-1016 a container", () => {
  test("goes when its task is removed", async () => {
    const bench = await Bench.start();
    await bench.assign(anAssignment());
    await bench.until(RUNNING, "t1");
    await bench.remove("t1");
    await bench.clock.advance(15_000);
    expect(bench.engine.machines).toEqual([]);
    expect((await bench.state.load()).tasks).toEqual([]);
  });

  test("that belongs to no task goes after a leader's first set, not before", async () => {
    const first = await Bench.start();
    await first.assign(anAssignment(), anAssignment({ id: "t2" }));
    await first.until(RUNNING, "t1", "t2");
    await first.end();
    const { clock, engine } = first;
    const second = await Bench.start({ clock, engine, state: new MemoryState() });
    await clock.advance(120_000);
    expect(second.containers("running")).toHaveLength(2);
    await second.assign(anAssignment({ status: { state: RUNNING, message: "started" } }));
    await clock.advance(30_000);
    expect(second.containers("running")).toEqual(["web.1.t1"]);
    expect(engine.machines).toHaveLength(1);
  });

  test("of another node or cluster is left alone", async () => {
    const other = await Bench.start({ tasks: { nodeId: "node2" } });
    await other.assign(anAssignment());
    await other.until(RUNNING, "t1");
    const { clock, engine } = other;
    for (const whose of [{ nodeId: "node1" }, { nodeId: "node2", clusterId: "cluster2" }]) {
      const mine = await Bench.start({ clock, engine, tasks: whose });
      await mine.assign();
      await clock.advance(60_000);
      expect(mine.containers("running")).toEqual(["web.1.t1"]);
    }
  });
});

test.each([
  ["by a leader's word", true, 0],
  ["without one after 5 s", false, 5_000],
])("R-1017 after a reboot what ran is started again in its old container, %s", async (_, hasLeader, waitMs) => {
  const first = await Bench.start();
  await first.assign(anAssignment());
  await first.until(RUNNING, "t1");
  const [before] = first.engine.machines.map(({ id }) => id);
  first.engine.crash();
  first.engine.recover({ killed: true });
  const second = await after(first, 0, "boot2");
  const bootedMs = second.clock.monotonic();
  expect(second.containers("running")).toEqual([]);
  if (hasLeader) await second.assign(anAssignment());
  await second.clock.runUntil(() => second.containers("running").length === 1, 10_000);
  expect(second.clock.monotonic() - bootedMs).toBe(waitMs);
  expect(second.engine.machines.map(({ id }) => id)).toEqual([before]);
  await second.clock.advance(1_000);
  expect(second.told.filter((told) => told.includes("FAILED"))).toEqual([]);
});

describe("R-1018 of an assigned task", () => {
  test("the agent's own status counts, not a later one of the leader's", async () => {
    const bench = await Bench.start();
    await bench.assign(anAssignment());
    await bench.until(RUNNING, "t1");
    const told = bench.told.length;
    await bench.assign(anAssignment({ status: { state: FAILED, message: "not so" } }));
    await bench.clock.advance(10_000);
    expect(bench.told.slice(told)).toEqual([]);
    expect(bench.containers("running")).toEqual(["web.1.t1"]);
  });

  test("the leader's status counts when it is seen first: what is over is not begun again", async () => {
    const bench = await Bench.start();
    await bench.assign(anAssignment({ status: { state: FAILED, message: "failed elsewhere" } }));
    await bench.clock.advance(10_000);
    expect(bench.engine.machines).toEqual([]);
    expect(bench.told).toEqual([]);
  });

  test("an earlier wish is ignored: what is to run does not stop at READY", async () => {
    const bench = await Bench.start({ embedded: { pullMs: 5_000 } });
    await bench.assign(anAssignment());
    await bench.clock.advance(1_000);
    await bench.assign(anAssignment({ desiredState: READY }));
    await bench.until(RUNNING, "t1");
  });

  test("an earlier wish is ignored: what is to stop does", async () => {
    const bench = await Bench.start({ embedded: { stopMs: 2_000 } });
    await bench.assign(anAssignment());
    await bench.until(RUNNING, "t1");
    await bench.assign(anAssignment({ desiredState: SHUTDOWN }));
    await bench.assign(anAssignment());
    await bench.until(SHUTDOWN, "t1");
    await bench.clock.advance(30_000);
    expect(bench.containers("running")).toEqual([]);
  });
});
