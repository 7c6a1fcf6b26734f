import { describe, expect, test } from "vitest";
import { SwarmError } from "../../src/base/index.js";
import type { EmbeddedEngine, Engine } from "../../src/engine/index.js";
import type { TaskAssignment } from "../../src/gen/skep/v1/dispatcher.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { type LocalState, MemoryState } from "../../src/worker/state.js";
import { Bench } from "./bench.js";
import { anAssignment } from "./support.js";

const { READY, RUNNING, COMPLETE, SHUTDOWN, FAILED, REJECTED, REMOVE } = TaskState;

/** A task with this id whose container behaves by this `skep.sim` script. */
function task(id: string, sim = "", fields: Parameters<typeof anAssignment>[0] = {}): TaskAssignment {
  const labels = sim === "" ? {} : { "skep.sim": sim };
  return anAssignment({
    id,
    ...fields,
    spec: { ...fields.spec, container: { image: "busybox", labels, ...fields.spec?.container } },
  });
}

const stopped = (assignment: TaskAssignment, desiredState: TaskState = SHUTDOWN): TaskAssignment => ({
  ...assignment,
  desiredState,
  version: desiredState,
});

/** An engine seen through a wrapper that overrides some calls. */
const seen =
  (overrides: (engine: EmbeddedEngine) => Partial<Engine>) =>
  (engine: EmbeddedEngine): Engine =>
    new Proxy<Engine>(engine, {
      get: (target, key: keyof Engine) => {
        const member = overrides(engine)[key] ?? target[key];
        return typeof member === "function" ? (member as (...args: unknown[]) => unknown).bind(target) : member;
      },
    });

describe("a task's life", () => {
  test("goes through Docker's states in Docker's words", async () => {
    const bench = await Bench.start({ embedded: { pullMs: 100, createMs: 50, startMs: 100 } });
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    expect(bench.told).toEqual([
      "t1 ACCEPTED accepted",
      "t1 PREPARING preparing",
      "t1 READY prepared",
      "t1 STARTING starting",
      "t1 RUNNING started",
    ]);
    const { container, ports } = bench.statuses.get("t1") ?? {};
    expect(container?.pid).toBeGreaterThan(0);
    expect(ports).toEqual([]);
    expect(bench.containers("running")).toEqual(["web.1.t1"]);
  });

  test.each([
    ["exit=0@1s", COMPLETE, "t1 COMPLETE finished"],
    ["exit=0", COMPLETE, "t1 COMPLETE finished"],
    ["exit=3@1s", FAILED, "t1 FAILED started task: non-zero exit (3)"],
    ["exit=oom@1s", FAILED, "t1 FAILED started task: non-zero exit (137): OOM killed"],
    ["health=bad", FAILED, "t1 FAILED starting task: non-zero exit (137): dockerexec: unhealthy container"],
    ["health=bad@9s", FAILED, "t1 FAILED started task: non-zero exit (137): dockerexec: unhealthy container"],
    ["fail=start", FAILED, "t1 FAILED starting starting container failed: skep.sim: the engine fails to start it"],
    ["fail=create", REJECTED, "t1 REJECTED preparing skep.sim: the engine fails to create it"],
  ])("%s ends in %s", async (sim, state, told) => {
    const bench = await Bench.start();
    await bench.assign(task("t1", `${sim} hang=stop`));
    await bench.until(state, "t1");
    expect(bench.told.at(-1)).toBe(told);
    await bench.clock.advance(60_000);
    expect(bench.told.at(-1)).toBe(told);
    expect(bench.containers("running")).toEqual([]);
  });

  test("is RUNNING only once healthy", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1", "health=good@1500ms"));
    await bench.clock.advance(1_400);
    expect(bench.told.at(-1)).toBe("t1 STARTING starting");
    await bench.until(RUNNING, "t1");
    expect(bench.clock.monotonic()).toBeLessThan(4_000);
  });

  test("waits at READY with its container created until it is released", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1", "", { desiredState: READY }));
    await bench.until(READY, "t1");
    await bench.clock.advance(10_000);
    expect(bench.containers("created")).toEqual(["web.1.t1"]);
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
  });

  test("stops within its grace, keeps the container as history, and loses it with the assignment", async () => {
    const bench = await Bench.start();
    const running = task("t1", "hang=stop", {
      spec: {
        container: { image: "busybox", stopGracePeriod: { seconds: 3, nanos: 0 }, labels: { "skep.sim": "hang=stop" } },
      },
    });
    await bench.assign(running);
    await bench.until(RUNNING, "t1");
    const askedMs = bench.clock.monotonic();
    await bench.assign(stopped(running));
    await bench.until(SHUTDOWN, "t1");
    expect(bench.clock.monotonic() - askedMs).toBe(3_000);
    expect(bench.statuses.get("t1")?.container?.exitCode).toBe(137);
    await bench.clock.advance(60_000);
    expect(bench.containers("exited")).toEqual(["web.1.t1"]);
    await bench.remove("t1");
    await bench.clock.advance(100);
    expect(bench.engine.machines).toEqual([]);
    expect((await bench.state.load()).tasks).toEqual([]);
  });

  test("that is to be deleted needs no second word: its container goes once it stopped", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    await bench.assign(stopped(task("t1"), REMOVE));
    await bench.until(SHUTDOWN, "t1");
    await bench.clock.advance(100);
    expect(bench.engine.machines).toEqual([]);
  });

  test("never begun is shut down without a container", async () => {
    const bench = await Bench.start({ embedded: { pullMs: 60_000 } });
    await bench.assign(task("t1"));
    await bench.clock.advance(1_000);
    await bench.assign(stopped(task("t1")));
    await bench.until(SHUTDOWN, "t1");
    expect(bench.clock.monotonic()).toBeLessThan(1_100);
    await bench.clock.advance(120_000);
    expect(bench.engine.machines).toEqual([]);
  });

  test("whose start hangs is stopped all the same", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1", "hang=start"));
    await bench.clock.advance(1_000);
    expect(bench.told.at(-1)).toBe("t1 STARTING starting");
    await bench.assign(stopped(task("t1")));
    await bench.until(SHUTDOWN, "t1");
    expect(bench.clock.monotonic()).toBeLessThan(4_000);
  });

  test("that ended does not run again, whoever starts it", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1", "exit=1@1s"));
    await bench.until(FAILED, "t1");
    const { id = "" } = bench.engine.machines[0] ?? {};
    await bench.engine.start(id, new AbortController().signal);
    await bench.clock.advance(15_000);
    expect(bench.containers("running")).toEqual([]);
  });

  test("tells where its ports really are", async () => {
    const bench = await Bench.start();
    const ports = [{ targetPort: 80, publishMode: 1 as const }];
    await bench.assign(task("t1", "", { endpoint: { ports } }));
    await bench.until(RUNNING, "t1");
    expect(bench.statuses.get("t1")?.ports).toMatchObject([{ targetPort: 80, publishMode: 1 }]);
    expect(bench.statuses.get("t1")?.ports[0]?.publishedPort).toBeGreaterThan(0);
  });

  test("whose spec is broken is rejected with the reason", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1", "", { spec: { container: { mounts: [{ target: "x", source: "/a" }] } } }));
    await bench.until(REJECTED, "t1");
    expect(bench.told.at(-1)).toBe("t1 REJECTED preparing invalid mount target, must be an absolute path: x");
  });
});

describe("many tasks", () => {
  const ids = ["t1", "t2", "t3", "t4", "t5", "t6"];

  test("start in parallel up to the bound, the oldest first", async () => {
    const bench = await Bench.start({ embedded: { startMs: 1_000 }, tasks: { startsMax: 2 } });
    await bench.assign(...ids.map((id) => task(id)));
    await bench.clock.advance(1_100);
    expect(bench.containers("running").sort()).toEqual(["web.1.t1", "web.1.t2"]);
    await bench.until(RUNNING, ...ids);
    expect(bench.clock.monotonic()).toBe(3_000);
  });

  test("stop while others start", async () => {
    const bench = await Bench.start({ embedded: { startMs: 1_000, stopMs: 100 }, tasks: { startsMax: 1 } });
    await bench.assign(task("t0"));
    await bench.until(RUNNING, "t0");
    await bench.assign(...ids.map((id) => task(id)), stopped(task("t0")));
    await bench.until(SHUTDOWN, "t0");
    expect(bench.clock.monotonic()).toBeLessThan(1_200);
  });

  test("stop all at once, though each takes its whole grace", async () => {
    const bench = await Bench.start();
    await bench.assign(...ids.map((id) => task(id, "hang=stop")));
    await bench.until(RUNNING, ...ids);
    const askedMs = bench.clock.monotonic();
    await bench.assign(...ids.map((id) => stopped(task(id, "hang=stop"), REMOVE)));
    await bench.until(SHUTDOWN, ...ids);
    expect(bench.clock.monotonic() - askedMs).toBe(10_000);
  });
});

describe("whose container", () => {
  test("one that is there already under the task's name and id is adopted (W1)", async () => {
    const bench = await Bench.start();
    bench.engine.addImage("busybox");
    bench.engine.loseAnswers(1);
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    expect(bench.engine.machines).toHaveLength(1);
  });

  test("a name taken by somebody else's container rejects the task in the engine's words", async () => {
    const bench = await Bench.start();
    bench.engine.addImage("busybox");
    await bench.engine.create(
      "web.1.t1",
      { Image: "busybox", Labels: {}, HostConfig: {} },
      new AbortController().signal,
    );
    await bench.assign(task("t1"));
    await bench.until(REJECTED, "t1");
    expect(bench.told.at(-1)).toContain("already in use");
    await bench.remove("t1");
    await bench.clock.advance(60_000);
    expect(bench.engine.machines).toHaveLength(1);
  });

  test("a daemon that comes back adopts its containers with their real state, and restarts none", async () => {
    const first = await Bench.start();
    const tasks = [task("t1"), task("t2", "exit=7@30s"), task("t3", "exit=0@30s")];
    await first.assign(...tasks);
    await first.until(RUNNING, "t1", "t2", "t3");
    await first.end();
    const { clock, engine, state } = first;
    const before = engine.machines.map(({ id }) => id);
    await clock.advance(60_000);
    const second = await Bench.start({ clock, engine, state });
    await clock.advance(10_000);
    expect(second.statuses.get("t1")?.state).toBe(RUNNING);
    expect(second.told).toContain("t2 FAILED started task: non-zero exit (7)");
    expect(second.told).toContain("t3 COMPLETE finished");
    expect(engine.machines.map(({ id }) => id)).toEqual(before);
    expect(second.containers("running")).toEqual(["web.1.t1"]);
  });

  test("without a leader nothing is begun, stopped or removed (W3)", async () => {
    const first = await Bench.start({ embedded: { startMs: 5_000 } });
    await first.assign(task("t1"), task("t2"));
    await first.clock.advance(1_000);
    await first.end();
    const { clock, engine, state } = first;
    const second = await Bench.start({ clock, engine, state });
    await clock.advance(120_000);
    expect(second.containers("created").sort()).toEqual(["web.1.t1", "web.1.t2"]);
    await second.assign(task("t1"), task("t2"));
    await second.until(RUNNING, "t1", "t2");
  });

  test("containers nobody knows are kept until a leader's whole set, then stopped and removed (W4)", async () => {
    const first = await Bench.start();
    await first.assign(task("t1"), task("t2"));
    await first.until(RUNNING, "t1", "t2");
    await first.end();
    const { clock, engine } = first;
    const second = await Bench.start({ clock, engine, state: new MemoryState() });
    await clock.advance(120_000);
    expect(second.containers("running")).toHaveLength(2);
    await second.assign(task("t1", "", { status: { state: RUNNING, message: "started" } }));
    await clock.advance(30_000);
    expect(second.containers("running")).toEqual(["web.1.t1"]);
    expect(engine.machines).toHaveLength(1);
    expect(second.told).toEqual([]);
  });

  test("containers of other nodes and clusters are never touched", async () => {
    const other = await Bench.start({ tasks: { nodeId: "node2" } });
    await other.assign(task("x1"));
    await other.until(RUNNING, "x1");
    const { clock, engine } = other;
    const mine = await Bench.start({ clock, engine, tasks: { clusterId: "cluster2", nodeId: "node2" } });
    await mine.assign();
    await clock.advance(120_000);
    expect(mine.containers("running")).toEqual(["web.1.x1"]);
  });

  test("after a reboot what ran is started again: at once by a leader's word, else by itself after a while", async () => {
    for (const hasLeader of [true, false]) {
      const first = await Bench.start();
      await first.assign(task("t1"), task("t2"));
      await first.until(RUNNING, "t1", "t2");
      await first.end();
      const { clock, engine, state } = first;
      engine.crash();
      engine.recover({ killed: true });
      const second = await Bench.start({ clock, engine, state, tasks: { bootId: "boot2" } });
      const bootedMs = clock.monotonic();
      await clock.settle();
      expect(second.containers("running")).toEqual([]);
      if (hasLeader) await second.assign(task("t1"), stopped(task("t2")));
      await clock.runUntil(() => second.containers("running").includes("web.1.t1"), 10_000);
      expect(clock.monotonic() - bootedMs).toBe(hasLeader ? 0 : 5_000);
      await clock.advance(5_000);
      expect(second.containers("running").sort()).toEqual(hasLeader ? ["web.1.t1"] : ["web.1.t1", "web.1.t2"]);
      expect(second.statuses.get("t1")?.state).toBe(RUNNING);
      expect(engine.machines).toHaveLength(2);
    }
  });

  test("a node that was removed stops and removes all of its containers", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1"), task("t2", "hang=stop"));
    await bench.until(RUNNING, "t1", "t2");
    await bench.clock.finish(bench.tasks.removeAll(new AbortController().signal), 60_000);
    expect(bench.engine.machines).toEqual([]);
  });

  test("a node that leaves begins nothing more, whatever a leader that has not heard of it assigns", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    const leaving = bench.tasks.removeAll(new AbortController().signal);
    await bench.assign(task("t1"), task("t2"));
    await bench.clock.finish(leaving, 60_000);
    expect(bench.engine.machines).toEqual([]);
  });

  test("a node that dies as it leaves, and is still a member, begins no task a second time", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    await bench.clock.finish(bench.tasks.removeAll(new AbortController().signal), 60_000);
    await bench.end();
    const { clock, engine, state } = bench;
    const next = await Bench.start({ clock, engine, state });
    await next.assign(task("t1"));
    await clock.advance(10_000);
    expect(engine.machines).toEqual([]);
    expect(next.statuses.get("t1")?.state).toBeGreaterThanOrEqual(COMPLETE);
  });
});

describe("the node's memory", () => {
  test("hears of a status before any leader does (W2)", async () => {
    const memory = new MemoryState();
    let release = (): void => {};
    const state: LocalState = {
      load: () => memory.load(),
      async write(changes) {
        if (changes.some(({ kind }) => kind === "status")) {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        await memory.write(changes);
      },
    };
    const bench = await Bench.start({ state });
    await bench.assign(task("t1"));
    await bench.clock.advance(10_000);
    expect(bench.told).toEqual([]);
    expect(bench.containers("running")).toEqual(["web.1.t1"]);
    release();
    await bench.clock.settle();
    expect(bench.told).toEqual(["t1 ACCEPTED accepted"]);
  });

  test("that cannot be written ends the worker", async () => {
    const state: LocalState = {
      load: () => Promise.resolve({ bootId: "boot1", tasks: [] }),
      write: () => Promise.reject(new Error("disk full")),
    };
    const bench = await Bench.start({ state });
    await bench.assign(task("t1"));
    await expect(bench.broken).rejects.toThrow("disk full");
  });
});

describe("an engine that is away", () => {
  test("fails no task; when it is back each has its real state", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1"), task("t2", "exit=5@10s"));
    await bench.until(RUNNING, "t1", "t2");
    bench.engine.crash();
    await bench.clock.advance(60_000);
    expect(bench.statuses.get("t2")?.state).toBe(RUNNING);
    await bench.assign(task("t3"));
    await bench.clock.advance(60_000);
    bench.engine.recover();
    await bench.until(RUNNING, "t1", "t3");
    await bench.until(FAILED, "t2");
    expect(bench.engine.machines).toHaveLength(3);
  });

  test("and lost the answer to anything: still one container each", async () => {
    const bench = await Bench.start();
    bench.engine.addImage("busybox");
    bench.engine.loseAnswers(9);
    await bench.assign(task("t1"), task("t2"), task("t3"));
    await bench.until(RUNNING, "t1", "t2", "t3");
    expect(bench.engine.machines).toHaveLength(3);
  });

  test("a death whose event was lost is found by the sweep", async () => {
    const silent = seen((engine) => ({
      events: (labels, signal) => {
        const events = engine.events(labels, signal);
        return (async function* () {
          for await (const event of events) if (event.action === "oom") yield event;
        })();
      },
    }));
    const bench = await Bench.start({ seenAs: silent });
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    await bench.clock.advance(5_000);
    bench.engine.killProcess("web.1.t1");
    const killedMs = bench.clock.monotonic();
    await bench.until(FAILED, "t1");
    expect(bench.clock.monotonic() - killedMs).toBeLessThanOrEqual(30_000);
  });
});

describe("images", () => {
  test("the registry's words reject a task whose image is nowhere", async () => {
    const bench = await Bench.start();
    await bench.assign(task("t1", "", { spec: { container: { image: "missing/app:1" } } }));
    await bench.until(REJECTED, "t1");
    expect(bench.told.at(-1)).toBe(
      "t1 REJECTED preparing manifest for missing/app:1 not found: manifest unknown: manifest unknown",
    );
  });

  test("a failed pull does not matter while the image is here", async () => {
    const bench = await Bench.start();
    bench.engine.addImage("busybox");
    bench.engine.failPull("busybox", { message: "no such host" });
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    expect(bench.clock.monotonic()).toBe(0);
  });

  test("tasks of one update share one pull, and its progress is told", async () => {
    let pullsTotal = 0;
    const counting = seen((engine) => ({
      pull: (...args) => {
        pullsTotal += 1;
        return engine.pull(...args);
      },
    }));
    const bench = await Bench.start({ seenAs: counting, embedded: { pullMs: 30_000 } });
    await bench.assign(task("t1"), task("t2"), task("t3"));
    await bench.until(RUNNING, "t1", "t2", "t3");
    await bench.assign(task("t4"));
    await bench.until(RUNNING, "t4");
    expect(pullsTotal).toBe(1);
    expect(bench.told).toContain("t1 PREPARING preparing: pulling busybox: Downloading 0.0 of 0.0 MB, 50 %");
    await bench.clock.advance(20_000);
    await bench.assign(task("t5"));
    await bench.until(RUNNING, "t5");
    expect(pullsTotal).toBe(2);
  });

  test("a registry that does not answer is waited for 2 s, and not again for a while", async () => {
    const hanging = seen(() => ({ pull: () => new Promise<never>(() => {}) }));
    const bench = await Bench.start({ seenAs: hanging });
    bench.engine.addImage("busybox");
    await bench.assign(task("t1"));
    await bench.until(RUNNING, "t1");
    expect(bench.clock.monotonic()).toBe(2_000);
    await bench.clock.advance(20_000);
    await bench.assign(task("t2", "", { serviceId: "s2" }));
    await bench.until(RUNNING, "t2");
    expect(bench.clock.monotonic()).toBe(22_000);
  });

  test("a digest that is here and an image id are never pulled", async () => {
    const refusing = seen(() => ({ pull: () => Promise.reject(new SwarmError("Internal", "pulled")) }));
    const bench = await Bench.start({ seenAs: refusing });
    const pinned = `busybox@sha256:${"a".repeat(64)}`;
    bench.engine.addImage(pinned);
    await bench.assign(task("t1", "", { spec: { container: { image: pinned } } }));
    await bench.until(RUNNING, "t1");
  });
});
