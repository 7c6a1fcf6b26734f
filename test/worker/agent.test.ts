import { describe, expect, test } from "vitest";
import { Queue, SwarmError, silentLog, silentMetrics } from "../../src/base/index.js";
import { EmbeddedEngine } from "../../src/engine/index.js";
import {
  type AgentMessage,
  type AgentOpen,
  type DeepPartial,
  GoodbyeReason,
  type ManagerMessage,
  Refusal,
  RefusalKind,
  SessionState,
} from "../../src/gen/skep/v1/dispatcher.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { type Connection, MemoryState, Worker } from "../../src/worker/index.js";
import { anAssignment } from "./support.js";

type Says = NonNullable<ManagerMessage["message"]>;

/** The manager's end of one connection, driven by the test. */
class FakeSession {
  readonly heard: NonNullable<AgentMessage["message"]>[] = [];
  readonly #out = new Queue<ManagerMessage>("fake manager", 1_000);
  isClosed = false;
  answersBeats = true;
  answersReports = true;
  /** False: the goodbye is not stored yet. */
  answersGoodbye = true;
  #assignments = 0;

  readonly connection: Connection = {
    send: ({ message }) => {
      if (this.isClosed) return Promise.reject(new SwarmError("Unavailable", "closed"));
      if (message) this.#hear(message);
      return Promise.resolve();
    },
    messages: this.#out,
    close: () => {
      this.isClosed = true;
      this.#out.end(new SwarmError("Unavailable", "closed"));
    },
  };

  get open(): AgentOpen {
    const first = this.heard[0];
    if (first?.$case !== "open") throw new Error("the first message is no open");
    return first.value;
  }

  /** Kinds of what was heard, in order. */
  get kinds(): string[] {
    return this.heard.map(({ $case }) => $case);
  }

  say(message: Says): void {
    this.#out.push({ message });
  }

  welcome(state: DeepPartial<SessionState> = {}): void {
    this.say({
      $case: "welcome",
      value: { sessionId: "x", clusterId: "cluster1", state: SessionState.fromPartial(state as SessionState) },
    });
  }

  assign(update: ReturnType<typeof anAssignment>[], remove: string[] = [], skip = 0): void {
    this.#assignments += 1 + skip;
    this.say({ $case: "assignments", value: { number: this.#assignments, update, remove, firstSetComplete: true } });
  }

  refuse(kind: RefusalKind, leaderAddr = ""): void {
    this.say({ $case: "refusal", value: Refusal.fromPartial({ kind, message: "because", leaderAddr }) });
  }

  end(): void {
    this.#out.end();
  }

  #hear(message: NonNullable<AgentMessage["message"]>): void {
    this.heard.push(message);
    if (message.$case === "heartbeat" && this.answersBeats) this.say(message);
    if (message.$case === "statuses" && this.answersReports) {
      this.say({ $case: "statuses", value: { number: message.value.number } });
    }
    if (message.$case === "goodbye" && this.answersGoodbye) this.end();
  }
}

/** A worker and the managers it finds: each connection is a new session, or the error the test asks for. */
function aWorker(options: { readonly connects?: (tries: number) => Error | undefined } = {}) {
  const clock = new VirtualClock();
  const engine = new EmbeddedEngine({}, { clock, random: new SeededRandom(1) });
  engine.addImage("busybox");
  const abort = new AbortController();
  const sessions: FakeSession[] = [];
  const connectedAtMs: number[] = [];
  const leaders: string[] = [];
  const removed: string[] = [];
  const states: SessionState[] = [];
  const worker = new Worker(
    { nodeId: "node1", clusterId: "cluster1", bootId: "boot1", advertiseAddr: "10.0.0.7" },
    {
      engine,
      clock,
      state: new MemoryState(),
      random: new SeededRandom(2),
      log: silentLog,
      metrics: silentMetrics,
      connect: () => {
        connectedAtMs.push(clock.monotonic());
        const error = options.connects?.(connectedAtMs.length);
        if (error) return Promise.reject(error);
        const session = new FakeSession();
        sessions.push(session);
        return Promise.resolve(session.connection);
      },
      daemonFacts: () => ({ skepVersion: "1", level: 1 }),
      stateChanged: (state) => states.push(state),
      leaderIs: (addr) => leaders.push(addr),
      removed: (message) => removed.push(message),
    },
  );
  const running = worker.run(abort.signal);
  running.catch(() => undefined);
  const session = async (number: number): Promise<FakeSession> => {
    await clock.runUntil(() => sessions.length >= number && (sessions[number - 1]?.heard.length ?? 0) > 0, 60_000);
    const found = sessions[number - 1];
    if (!found) throw new Error("no session");
    return found;
  };
  return { clock, engine, abort, running, sessions, connectedAtMs, leaders, removed, states, worker, session };
}

const { FAILED, RUNNING, SHUTDOWN } = TaskState;

describe("an agent's session", () => {
  test("opens with who the node is and what it holds, and beats every period", async () => {
    const { session, clock, states } = aWorker();
    const first = await session(1);
    expect(first.open).toMatchObject({
      format: 1,
      tasks: [],
      advertiseAddr: "10.0.0.7",
      description: { platform: { os: "linux" }, skepVersion: "1", level: 1 },
      engine: { silentFor: undefined },
    });
    first.welcome({ heartbeatPeriod: { seconds: 2, nanos: 0 }, certificateGeneration: 4 });
    await clock.advance(6_000);
    expect(first.kinds.filter((kind) => kind === "heartbeat")).toHaveLength(4);
    expect(states).toMatchObject([{ certificateGeneration: 4 }]);
    first.say({ $case: "state", value: SessionState.fromPartial({ certificateGeneration: 5 }) });
    await clock.settle();
    expect(states.at(-1)).toMatchObject({ certificateGeneration: 5 });
  });

  test("reports each task's newest status, and again to the next leader", async () => {
    const { session, clock, engine } = aWorker();
    const first = await session(1);
    first.welcome();
    first.assign([anAssignment()]);
    await clock.advance(1_000);
    const reported = statesOf(first);
    expect(reported.at(-1)).toBe(RUNNING);
    expect(reported).toEqual([...reported].sort((a, b) => a - b));
    first.end();
    const second = await session(2);
    expect(second.open.tasks).toEqual([{ id: "t1", version: RUNNING }]);
    second.welcome();
    await clock.settle();
    expect(statesOf(second)).toEqual([RUNNING]);
    expect(engine.machines).toHaveLength(1);
  });

  test("holds further statuses back while a report is not acknowledged", async () => {
    const { session, clock, engine } = aWorker();
    const first = await session(1);
    first.answersReports = false;
    first.welcome();
    first.assign([anAssignment()]);
    await clock.advance(10_000);
    expect(statesOf(first)).toEqual([RUNNING]);
    engine.killProcess(engine.machines[0]?.id ?? "");
    await clock.advance(10_000);
    expect(statesOf(first)).toHaveLength(1);
    first.say({ $case: "statuses", value: { number: 1 } });
    await clock.settle();
    expect(statesOf(first)).toEqual([RUNNING, FAILED]);
  });

  test("a gap in the assignments ends it, and the next one starts from what is held", async () => {
    const { session } = aWorker();
    const first = await session(1);
    first.welcome();
    first.assign([anAssignment()]);
    first.assign([anAssignment({ id: "t2" })], [], 1);
    const second = await session(2);
    expect(first.isClosed).toBe(true);
    expect(second.open.tasks.map(({ id }) => id)).toEqual(["t1"]);
  });

  test("ends when the leader leaves two beats unanswered", async () => {
    const { session, clock } = aWorker();
    const first = await session(1);
    first.answersBeats = false;
    first.welcome();
    const welcomedMs = clock.monotonic();
    await session(2);
    expect(clock.monotonic() - welcomedMs).toBeGreaterThanOrEqual(2_000);
    expect(clock.monotonic() - welcomedMs).toBeLessThan(2_200);
  });

  test("ends when nobody welcomes the node within 5 s", async () => {
    const { session, clock } = aWorker();
    await session(1);
    const openedMs = clock.monotonic();
    await session(2);
    expect(clock.monotonic() - openedMs).toBeGreaterThanOrEqual(5_000);
  });

  test("is tried again with growing waits, at most 3 s: a new leader's grace is 5 s", async () => {
    const { clock, connectedAtMs } = aWorker({ connects: () => new SwarmError("Unavailable", "nobody there") });
    await clock.advance(120_000);
    const waits = connectedAtMs.slice(1).map((at, index) => at - (connectedAtMs[index] ?? 0));
    expect(waits[0]).toBeLessThanOrEqual(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_000);
    expect(waits.length).toBeLessThan(80);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(1_500);
  });

  test("follows a manager that does not lead to the one that does, but not round in circles", async () => {
    const { session, clock, leaders, connectedAtMs } = aWorker();
    const first = await session(1);
    first.refuse(RefusalKind.NOT_LEADER, "10.0.0.2:2377");
    const second = await session(2);
    expect(leaders).toEqual(["10.0.0.2:2377"]);
    expect(connectedAtMs[1]).toBe(connectedAtMs[0]);
    second.refuse(RefusalKind.NOT_LEADER, "10.0.0.1:2377");
    for (let number = 3; number < 8; number++) (await session(number)).refuse(RefusalKind.NOT_LEADER, "10.0.0.2:2377");
    await session(8);
    expect(clock.monotonic()).toBeGreaterThan(200);
  });

  test.each([RefusalKind.SUPERSEDED, RefusalKind.PROTOCOL, RefusalKind.NODE_UNKNOWN])(
    "refusal %s stops nothing and is tried again later",
    async (kind) => {
      const { session, clock, engine, removed } = aWorker();
      const first = await session(1);
      first.welcome();
      first.assign([anAssignment()]);
      await clock.advance(1_000);
      first.refuse(kind);
      await session(2);
      await clock.advance(60_000);
      expect(engine.machines.map(({ phase }) => phase.kind)).toEqual(["running"]);
      expect(removed).toEqual([]);
    },
  );

  test("a removed node stops and removes its containers, says so, and does not come back", async () => {
    const { session, clock, engine, removed, sessions, running } = aWorker();
    const first = await session(1);
    first.welcome();
    first.assign([anAssignment(), anAssignment({ id: "t2", slot: 2 })]);
    await clock.advance(1_000);
    expect(engine.machines).toHaveLength(2);
    first.refuse(RefusalKind.NODE_REMOVED);
    await clock.advance(60_000);
    expect(engine.machines).toEqual([]);
    expect(removed).toEqual(["because"]);
    expect(sessions).toHaveLength(1);
    void running;
  });

  test("says goodbye before the daemon ends, and containers run on", async () => {
    const { session, clock, engine, worker, abort, running, sessions } = aWorker();
    const first = await session(1);
    first.welcome();
    first.assign([anAssignment()]);
    await clock.advance(1_000);
    await clock.finish(worker.restarting(), 1_000);
    expect(first.heard.at(-1)).toEqual({ $case: "goodbye", value: { reason: GoodbyeReason.RESTART } });
    await clock.advance(5_000);
    expect(sessions).toHaveLength(1);
    abort.abort(new Error("the daemon ends"));
    await expect(running).rejects.toThrow("the daemon ends");
    expect(engine.machines.map(({ phase }) => phase.kind)).toEqual(["running"]);
  });

  test("waits until its goodbye is stored, also after an earlier session", async () => {
    const { session, clock, worker } = aWorker();
    (await session(1)).welcome();
    await clock.advance(1_000);
    (await session(1)).end();
    const second = await session(2);
    second.welcome();
    await clock.advance(1_000);
    second.answersGoodbye = false;
    let isSaid = false;
    const said = worker.restarting().then(() => (isSaid = true));
    await clock.advance(100);
    expect(isSaid).toBe(false);
    second.end();
    await clock.advance(0);
    expect(isSaid).toBe(true);
    await said;
  });

  test("tells when the engine falls silent and when it is back, also when it opens", async () => {
    const { session, clock, engine } = aWorker();
    const first = await session(1);
    first.welcome();
    await clock.advance(1_000);
    engine.crash();
    await clock.advance(1_000);
    const told = first.heard.filter(({ $case }) => $case === "engine").at(-1);
    expect(told).toMatchObject({ value: { error: "Cannot connect to the embedded engine. Is it running?" } });
    expect(told?.$case === "engine" && told.value.silentFor).toBeDefined();
    first.end();
    const second = await session(2);
    expect(second.open.engine?.silentFor).toBeDefined();
    expect(second.open.description).toBeDefined();
    second.welcome();
    engine.recover();
    await clock.advance(1_000);
    expect(second.heard.filter(({ $case }) => $case === "engine").at(-1)).toMatchObject({
      value: { silentFor: undefined },
    });
  });

  test("an engine that is back between the opening of a session and its welcome is told of at the welcome", async () => {
    const { session, clock, engine } = aWorker();
    const first = await session(1);
    first.welcome();
    engine.crash();
    await clock.advance(1_000);
    first.end();
    const second = await session(2);
    expect(second.open.engine?.silentFor).toBeDefined();
    engine.recover();
    await clock.advance(1_000);
    expect(second.kinds).toEqual(["open"]);
    second.welcome();
    await clock.advance(1_000);
    expect(second.heard.filter(({ $case }) => $case === "engine")).toMatchObject([{ value: { silentFor: undefined } }]);
  });

  test("a task told to stop while no leader is there stops when the next one says so", async () => {
    const { session, clock, engine } = aWorker();
    const first = await session(1);
    first.welcome();
    first.assign([anAssignment()]);
    await clock.advance(1_000);
    first.end();
    const second = await session(2);
    second.welcome();
    second.assign([anAssignment({ desiredState: SHUTDOWN })]);
    await clock.advance(15_000);
    expect(statesOf(second).at(-1)).toBe(SHUTDOWN);
    expect(engine.machines.map(({ phase }) => phase.kind)).toEqual(["exited"]);
  });
});

/** States reported in this session, in order. */
function statesOf(session: FakeSession): TaskState[] {
  return session.heard.flatMap((message) =>
    message.$case === "statuses" ? message.value.tasks.map(({ status }) => status?.state ?? 0) : [],
  );
}
