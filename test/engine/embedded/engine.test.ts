import { beforeEach, describe, expect, test } from "vitest";
import { type CreateContainer, EmbeddedEngine, type EmbeddedOptions, engineBounds } from "../../../src/engine/index.js";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";

const signal = new AbortController().signal;
let clock: VirtualClock;
let engine: EmbeddedEngine;

beforeEach(() => open({}));

function open(options: EmbeddedOptions): void {
  clock = new VirtualClock();
  engine = new EmbeddedEngine(options, { clock, random: new SeededRandom(1) });
  engine.addImage("app");
}

function aContainer(sim: string, more: Partial<CreateContainer> = {}): CreateContainer {
  return { Image: "app", Labels: { "skep.sim": sim }, HostConfig: {}, ...more };
}

async function started(name: string, config: CreateContainer): Promise<string> {
  const id = await engine.create(name, config, signal);
  await engine.start(id, signal);
  return id;
}

/** Runs a story; all of its time is virtual. */
async function run<T>(story: () => Promise<T>): Promise<T> {
  return await clock.finish(story(), 3_600_000);
}

async function tookMs(act: () => Promise<unknown>): Promise<number> {
  const startMs = clock.monotonic();
  await run(async () => {
    await act();
  });
  return clock.monotonic() - startMs;
}

async function stateOf(id: string): Promise<unknown> {
  return (await engine.inspect(id, signal))?.state;
}

describe("what an embedded engine takes", () => {
  test("options are for all, a label adds for one", async () => {
    open({ pullMs: 1000, createMs: 100, startMs: 200, stopMs: 50 });
    expect(await tookMs(() => engine.pull("app:2", "", () => {}, signal))).toBe(1000);
    expect(await tookMs(() => engine.create("plain", aContainer(""), signal))).toBe(100);
    expect(await tookMs(() => engine.create("slow", aContainer("pull=3s start=1s"), signal))).toBe(3100);
    expect(await tookMs(() => engine.start("plain", signal))).toBe(200);
    expect(await tookMs(() => engine.start("slow", signal))).toBe(1200);
    expect(await tookMs(() => engine.stop("plain", 10, signal))).toBe(50);
  });

  test("a rate is a rate, however many start at once", async () => {
    open({ startsPerSecond: 10, startMs: 200 });
    for (let n = 0; n < 20; n++) await engine.create(`web-${n}`, aContainer(""), signal);
    const ends: number[] = [];
    const start = async (n: number): Promise<void> => {
      await engine.start(`web-${n}`, signal);
      ends.push(clock.monotonic());
    };
    await run(() => Promise.all([...Array(20).keys()].map(start)));
    expect(ends.slice(0, 4)).toEqual([200, 200, 300, 400]);
    expect(ends.at(-1)).toBe(2000);
  });
});

describe("what a label does", () => {
  test("exit=1@10s ends it then, and an event tells", async () => {
    const events: string[] = [];
    void (async () => {
      for await (const { action } of engine.events({}, signal)) events.push(`${action}@${clock.monotonic()}`);
    })();
    await clock.settle();
    const id = await run(() => started("web", aContainer("exit=1@10s")));
    await clock.advance(10_000);
    expect(events).toEqual(["create@0", "start@0", "die@10000"]);
    expect(await stateOf(id)).toMatchObject({ kind: "exited", exitCode: 1, oomKilled: false });
  });

  test("exit=oom is a kill for its memory", async () => {
    const id = await run(() => started("web", aContainer("exit=oom@1s")));
    await clock.advance(1000);
    expect(await stateOf(id)).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  test("hang=stop needs the kill; a server without it ends when asked, with 0", async () => {
    const deaf = await run(() => started("deaf", aContainer("hang=stop")));
    const polite = await run(() => started("polite", aContainer("")));
    expect(await tookMs(() => engine.stop(polite, 7, signal))).toBe(0);
    expect(await tookMs(() => engine.stop(deaf, 7, signal))).toBe(7000);
    expect([await stateOf(polite), await stateOf(deaf)]).toMatchObject([{ exitCode: 0 }, { exitCode: 137 }]);
  });

  test("hang=start never starts, until the caller gives up", async () => {
    const id = await engine.create("web", aContainer("hang=start"), signal);
    const stop = new AbortController();
    const failed = expect(engine.start(id, stop.signal)).rejects.toThrow("enough");
    await clock.advance(3_600_000);
    stop.abort(new Error("enough"));
    await failed;
    expect(await stateOf(id)).toEqual({ kind: "created" });
  });

  test("health=bad@10s: healthy first, then three failed probes", async () => {
    const id = await run(() => started("web", aContainer("health=bad@10s")));
    const seen: string[] = [];
    for (let second = 0; second <= 12; second++) {
      const state = await stateOf(id);
      seen.push(`${second}:${(state as { health: string }).health}`);
      await clock.advance(1000);
    }
    expect(seen.filter((each, at) => each.split(":")[1] !== seen[at - 1]?.split(":")[1])).toEqual([
      "0:starting",
      "1:healthy",
      "12:unhealthy",
    ]);
  });

  test("fail=create and fail=start are refusals; a label nobody understands too", async () => {
    await expect(engine.create("web", aContainer("fail=create"), signal)).rejects.toMatchObject({ kind: "Unknown" });
    await expect(engine.create("web", aContainer("fial=x"), signal)).rejects.toMatchObject({ kind: "InvalidArgument" });
    await expect(run(() => started("web", aContainer("fail=start")))).rejects.toMatchObject({ kind: "Unknown" });
  });
});

describe("healthcheck periods", () => {
  const second = 1e9;
  for (const [title, check, expected] of [
    ["the defaults: every 30 s, three tries", {}, { at: 90, health: "unhealthy" }],
    ["its own interval and retries", { Interval: 2 * second, Retries: 2 }, { at: 4, health: "unhealthy" }],
    [
      "a start period longer than that",
      { Interval: second, StartPeriod: 60 * second },
      { at: 62, health: "unhealthy" },
    ],
    [
      "a probe that outlasts its timeout",
      { Test: ["CMD", "sleep", "5"], Interval: second, Timeout: second },
      { at: 3, health: "unhealthy" },
    ],
    [
      "a probe nobody understands passes",
      { Test: ["CMD", "curl", "x"], Interval: second },
      { at: 1, health: "healthy" },
    ],
  ] as const) {
    test(title, async () => {
      const Healthcheck = { Test: ["CMD", "false"], ...check };
      const id = await run(() => started("web", aContainer("", { Cmd: ["sleep", "infinity"], Healthcheck })));
      await clock.advance(expected.at * 1000 - 1);
      expect(await stateOf(id)).toMatchObject({ health: "starting" });
      await clock.advance(1);
      expect(await stateOf(id)).toMatchObject({ health: expected.health });
    });
  }
});

describe("faults", () => {
  test("a frozen engine leaves callers waiting up to the bound, then is silent to them", async () => {
    const id = await run(() => started("web", aContainer("exit=3@20s")));
    engine.freeze();
    expect(await tookMs(() => expect(engine.info(signal)).rejects.toMatchObject({ kind: "Unavailable" }))).toBe(
      engineBounds.answerMs,
    );
    const late = engine.info(signal);
    await clock.advance(1000);
    engine.recover();
    await late;
    await clock.advance(20_000);
    expect(await stateOf(id)).toMatchObject({ kind: "exited", exitCode: 3 });
  });

  test("a crash can take the containers with it", async () => {
    const id = await run(() => started("web", aContainer("")));
    engine.crash();
    await expect(engine.inspect(id, signal)).rejects.toMatchObject({ kind: "Unavailable" });
    engine.recover({ killed: true });
    expect(await stateOf(id)).toMatchObject({ kind: "exited", exitCode: 137 });
  });

  test("a stream from before the crash does not go on after it", async () => {
    const stream = engine.events({}, signal)[Symbol.asyncIterator]();
    await engine.create("web", aContainer(""), signal);
    await engine.create("web-2", aContainer(""), signal);
    expect((await stream.next()).done).toBe(false);
    engine.crash();
    engine.recover();
    await expect(stream.next()).rejects.toMatchObject({ kind: "Unavailable" });
  });

  test("a lost answer: the change is made, the caller is not told", async () => {
    engine.loseAnswers(1);
    await expect(engine.create("web", aContainer(""), signal)).rejects.toMatchObject({ kind: "Unavailable" });
    await expect(engine.create("web", aContainer(""), signal)).rejects.toMatchObject({ kind: "AlreadyExists" });
  });

  test("pulls fail with given words, or never move, or work again", async () => {
    const pull = (): Promise<void> => engine.pull("shop/web:1", "", () => {}, signal);
    engine.failPull("shop/web:1", { message: "toomanyrequests: slow down" });
    await expect(pull()).rejects.toThrow("toomanyrequests: slow down");
    engine.failPull("docker.io/shop/web:1", { hangs: true });
    const stalled = tookMs(() => expect(pull()).rejects.toMatchObject({ kind: "DeadlineExceeded" }));
    expect(await stalled).toBe(engineBounds.pullStallMs);
    engine.failPull("shop/web:1", undefined);
    await pull();
    expect(await engine.hasImage("shop/web:1", signal)).toBe(true);
  });

  for (const [image, words] of [
    ["shop/missing:1", "manifest for shop/missing:1 not found: manifest unknown"],
    ["host:5000/denied/web", "pull access denied for host:5000/denied/web:latest"],
  ] as const) {
    test(`the registry lacks ${image}`, async () => {
      await expect(engine.pull(image, "", () => {}, signal)).rejects.toThrow(words);
    });
  }

  test("a process killed from outside", async () => {
    const id = await run(() => started("web", aContainer("")));
    engine.killProcess("web", { oom: true });
    expect(await stateOf(id)).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  test("a removal under way frees a stop that waits", async () => {
    const id = await run(() => started("web", aContainer("hang=stop")));
    const stopping = engine.stop(id, 600, signal);
    await clock.settle();
    await engine.remove(id, signal);
    await stopping;
    expect(clock.pending).toBe(0);
  });
});

test("closed, it holds nobody's clock: a daemon that stops really ends", async () => {
  await run(() => started("web", aContainer("exit=0@1h")));
  expect(clock.pending).toBe(1);
  engine.close();
  expect(clock.pending).toBe(0);
});

test("the same seed gives the same engine", async () => {
  const ids = async (): Promise<string> => {
    open({});
    return `${engine.id} ${await engine.create("web", aContainer(""), signal)}`;
  };
  expect(await ids()).toBe(await ids());
});
