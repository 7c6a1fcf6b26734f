// docs/behaviour.md R-9xx (swarm-semantics §10.1, docker-api.md §1.8). Whole swarms tell the stories in
// test/scenarios/logs.test.ts, real hosts in test/e2e/logs.test.ts.

import { afterEach, describe, expect, test } from "vitest";
import { decodeLogQuery } from "../../src/api/decode/log-query.js";
import { Query } from "../../src/api/decode/query.js";
import { encodeLogLine, encodeTrouble } from "../../src/api/encode/log-lines.js";
import { SwarmError, silentLog } from "../../src/base/index.js";
import { EmbeddedEngine, type Engine } from "../../src/engine/index.js";
import type { LogBatch, LogReadOptions } from "../../src/gen/skep/v1/logs.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { ownLabels } from "../../src/worker/container/names.js";
import { LogReadings } from "../../src/worker/logs/index.js";
import { LogSwarm } from "../manager/logs/support.js";
import { aNode, aTask } from "../support/memory.js";

const missing = (why: string) =>
  `warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${why}`;
const states = ["PREPARING", "RUNNING", "FAILED", "SHUTDOWN", "ORPHANED"] as const;

describe("which tasks", () => {
  test.each([
    ["R-901 without following, of a service's tasks those that ran", {}, ["RUNNING", "FAILED", "SHUTDOWN"]],
    [
      "R-901 following, also those that have not begun",
      { follow: true },
      ["PREPARING", "RUNNING", "FAILED", "SHUTDOWN"],
    ],
  ])("%s are asked for", async (_, options, asked) => {
    const swarm = new LogSwarm();
    await swarm.service([]);
    await swarm.m.writer.update((tx) => {
      for (const state of states) {
        tx.put("node", aNode({ id: state }));
        tx.put("task", aTask({ serviceId: "web", nodeId: state, state }));
      }
    });
    swarm.subscribe(options);
    expect(states.filter((nodeId) => swarm.broker.of(nodeId).subscriptions.length > 0)).toEqual(asked);
  });
});

describe("what is missing", () => {
  test("R-905 is the last word, in Docker's words: a node that is down, one that breaks off, a task without a node", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a", "b"]);
    await swarm.down("a");
    const reader = swarm.subscribe();
    swarm.publish("b").lines(1).cut();
    await reader.over;
    expect(reader.said).toEqual(["b 1", missing("node a is not available, node b disconnected unexpectedly")]);
    const [frame, bare] = [true, false].map((framed) =>
      encodeTrouble("rpc error: …", { framed, timestamps: true, details: true }),
    );
    expect(frame?.[0]).toBe(3);
    expect(Buffer.from(bare ?? []).toString()).toBe("Error grabbing logs: rpc error: …\r\n");
  });

  test("R-906 while following it is told at once, and the node is read on where it was when it is back", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const reader = swarm.subscribe({ follow: true });
    const a = swarm.publish("a").lines(1);
    await swarm.m.clock.advance(500);
    a.cut();
    await swarm.m.clock.advance(500);
    expect(reader.said).toEqual(["a 1", missing("node a disconnected unexpectedly")]);
    expect(swarm.askedOf("a").options?.since).toBe("1795132801.000000001");
  });

  test("R-908 a node that does not answer holds a request up for 5 s", async () => {
    const swarm = new LogSwarm();
    await swarm.service(["a"]);
    const reader = swarm.subscribe();
    await swarm.m.clock.advance(5_000);
    await reader.over;
    expect(reader.said).toEqual([missing("node a is not available")]);
  });
});

test("R-904 a request that follows is joined by later tasks, and ends when the service and its tasks are gone", async () => {
  const swarm = new LogSwarm();
  await swarm.service(["a"]);
  const reader = swarm.subscribe({ follow: true });
  await swarm.m.writer.update((tx) => {
    tx.put("node", aNode({ id: "b" }));
    tx.put("task", aTask({ serviceId: "web", id: "t-b", nodeId: "b", state: "ASSIGNED" }));
  });
  await swarm.m.clock.advance(500);
  swarm.publish("b").lines(1).end();
  await swarm.m.clock.advance(5_000);
  expect(reader.said).toContain("b 1");
  expect(reader.isOver).toBe(false);
  await swarm.m.writer.update((tx) => {
    for (const id of ["t-a", "t-b"]) tx.delete("task", id);
    tx.delete("service", "web");
  });
  await swarm.m.clock.advance(500);
  await reader.over;
});

test("R-907 lines of all nodes go out in the order of time; one that comes too late goes out late", async () => {
  const swarm = new LogSwarm();
  await swarm.service(["a", "b"]);
  const reader = swarm.subscribe({ follow: true });
  const [a, b] = [swarm.publish("a").lines(3), swarm.publish("b").lines(2)];
  await swarm.m.clock.advance(1_500);
  b.lines(5);
  await swarm.m.clock.advance(100);
  a.lines(4);
  await swarm.m.clock.advance(500);
  a.lines(1);
  await swarm.m.clock.advance(500);
  expect(reader.said).toEqual(["b 2", "a 3", "a 4", "b 5", "a 1"]);
});

test("R-911 of who does not read, a node's lines are taken up to a bound; all of them go out when they are read", async () => {
  const swarm = new LogSwarm();
  await swarm.service(["a"]);
  const gone = new AbortController();
  const read = { follow: false, since: "", stdout: true, stderr: true };
  const parts = swarm.broker.subscribe({ kind: "service", id: "web" }, read, gone.signal);
  const line = { taskId: "t-a", timestamp: "2026", isStderr: false, data: Buffer.alloc(30_000), details: "" };
  let taken = 0;
  async function* published(subscriptionId: string): AsyncGenerator<LogBatch, void, void> {
    for (taken = 0; taken < 500; taken += 1) yield { subscriptionId, lines: [line], failures: [] };
  }
  void swarm.broker.publish("a", published(swarm.askedOf("a").id), gone.signal);
  await swarm.m.clock.advance(60_000);
  expect(taken).toBeLessThan(100);
  let lines = 0;
  for await (const part of parts) lines += part.kind === "lines" ? part.lines.length : 0;
  expect(lines).toBe(500);
});

test("R-912 another leader: the stream ends with a word", async () => {
  const swarm = new LogSwarm();
  await swarm.service(["a"]);
  const reader = swarm.subscribe({ follow: true });
  await swarm.unlead();
  await reader.over;
  expect(reader.said).toEqual([expect.stringContaining("another manager leads the swarm now")]);
});

test("R-909 a node publishes lines of its own tasks only", async () => {
  const swarm = new LogSwarm();
  await swarm.service(["a", "b"]);
  swarm.subscribe();
  expect(await swarm.publish("a").linesOf("t-b", 1).over).toMatchObject({ kind: "PermissionDenied" });
});

test.each([
  ["R-903 a line of a task", { framed: true, timestamps: false, details: false }, "\x01\0\0\0\0\0\0\x03hi\n"],
  ["R-903 of a terminal", { framed: false, timestamps: false, details: false }, "hi\r\n"],
  [
    "R-903 with the time first, then whose it is",
    { framed: false, timestamps: true, details: true },
    /^2026 com\S+ hi/,
  ],
])("%s", (_, format, text) => {
  const line = { timestamp: "2026", data: Buffer.from("hi"), details: "", isStderr: false };
  const bytes = encodeLogLine(line, { nodeId: "n", serviceId: "s", taskId: "t" }, format);
  const said = Buffer.from(bytes).toString();
  if (typeof text === "string") expect(said).toBe(text);
  else expect(said).toMatch(text);
});

test("R-902 what is asked wrongly is refused in Docker's words", () => {
  for (const [query, text] of [
    ["follow=1", "Bad parameters: you must choose at least one stream"],
    ["stdout=1&tail=-1", "negative tail values not supported"],
    ["stdout=1&tail=few", 'tail value must be a positive integer or "all"'],
  ] as const) {
    expect(() => decodeLogQuery(new Query(query))).toThrow(text);
  }
});

describe("a node reads", () => {
  const ended: (() => void)[] = [];
  afterEach(() => {
    for (const end of ended.splice(0)) end();
  });

  test.each<[string, Partial<LogReadOptions>, string[]]>([
    ["R-902 all lines of both streams", {}, ["one", "two", "three"]],
    ["R-902 so many from the end, over both streams", { tail: 2 }, ["two", "three"]],
    ["R-902 of the last ones, those of one stream", { tail: 2, stdout: false }, ["two"]],
    ["R-902 none of the past", { tail: 0 }, []],
    ["R-902 those since a time", { since: "2 s ago" }, ["three"]],
  ])("%s", async (_, options, texts) => {
    const { clock, engine } = await aHost("echo one; sleep 1; echo two >&2; sleep 2; echo three; sleep 600");
    await clock.advance(4_000);
    const since = options.since === undefined ? "" : String(clock.now() / 1000 - 2);
    const lines = (await read(engine, clock, { ...options, since })).flatMap((batch) => batch.lines);
    expect(lines.map(({ data }) => data.toString())).toEqual(texts);
  });

  test("R-910 a log driver that cannot be read is told of in the engine's words", async () => {
    const { clock, engine } = await aHost("sleep 600");
    const why = "configured logging driver does not support reading";
    const mute: Engine = Object.create(engine) as Engine;
    mute.list = engine.list.bind(engine);
    mute.logs = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new SwarmError("Unimplemented", why)) }),
    });
    expect((await read(mute, clock, {})).flatMap(({ failures }) => failures)).toEqual([{ taskId: "t1", message: why }]);
  });

  async function aHost(script: string) {
    const clock = new VirtualClock();
    const engine = new EmbeddedEngine({}, { clock, random: new SeededRandom(1) });
    engine.addImage("busybox:latest");
    ended.push(() => engine.close());
    const labels = { "com.docker.swarm.service.id": "web", "com.docker.swarm.task.id": "t1" };
    const { signal } = new AbortController();
    const own = ownLabels({ nodeId: "n1", clusterId: "c1" });
    const command = { Image: "busybox:latest", Cmd: ["sh", "-c", script], HostConfig: {} };
    const made = engine.create("web.1.t1", { ...command, Labels: { ...labels, ...own } }, signal);
    await clock.finish(engine.start(await clock.finish(made, 5_000), signal), 5_000);
    return { clock, engine };
  }

  async function read(engine: Engine, clock: VirtualClock, options: Partial<LogReadOptions>): Promise<LogBatch[]> {
    const batches: LogBatch[] = [];
    const readings = new LogReadings(
      { nodeId: "n1", clusterId: "c1" },
      { engine, clock, random: new SeededRandom(2), log: silentLog },
    );
    const all = { follow: false, since: "", stdout: true, stderr: true, ...options };
    const done = new Promise<void>((resolve) => {
      readings.want([{ id: "s", serviceId: "web", taskId: "", options: all }], async (published) => {
        for await (const batch of published) batches.push(batch);
        resolve();
      });
    });
    await clock.finish(done, 30_000);
    return batches;
  }
});
