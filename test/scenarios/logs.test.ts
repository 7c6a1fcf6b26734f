// Service logs over a whole simulated swarm: engines, workers, lines that take time or are cut, the leader's broker.

import { describe, expect, test } from "vitest";
import type { LogReadOptions } from "../../src/gen/skep/v1/logs.js";
import type { LogPart } from "../../src/manager/logs/index.js";
import { SimCluster } from "../../src/sim/cluster/index.js";

const missing = "warning: incomplete log stream. some logs could not be retrieved for the following reasons: ";

describe("without following", () => {
  test("every task's lines come in the order of time, and the stream ends", async () => {
    const { cluster, serviceId } = await withService(
      6,
      "echo one; sleep 1; echo two >&2; sleep 1; echo three; sleep 600",
    );
    await cluster.advance(5_000);
    const reader = readLogs(cluster, serviceId);
    await reader.toTheEnd(2_000);
    expect(reader.texts.toSorted()).toEqual(["one", "three", "two"].flatMap((text) => Array(6).fill(text)));
    expect(reader.times).toEqual(reader.times.toSorted());
    expect(reader.streams).toEqual(new Set(["stdout one", "stderr two", "stdout three"]));
    expect(Object.keys(reader.byTask)).toHaveLength(6);
  });

  test.each<[string, Partial<LogReadOptions>, string[]]>([
    ["tail counts for each task, over both streams", { tail: 2 }, ["three", "three", "two", "two"]],
    ["nothing of the past", { tail: 0 }, []],
    ["one stream only, after the tail was counted", { tail: 2, stderr: false }, ["three", "three"]],
    ["errors only", { stdout: false }, ["two", "two"]],
  ])("%s", async (_, options, texts) => {
    const { cluster, serviceId } = await withService(
      2,
      "echo one; sleep 1; echo two >&2; sleep 1; echo three; sleep 600",
    );
    await cluster.advance(5_000);
    const reader = readLogs(cluster, serviceId, options);
    await reader.toTheEnd(2_000);
    expect(reader.texts.toSorted()).toEqual(texts);
  });

  test("since a time", async () => {
    const { cluster, serviceId } = await withService(2, "echo one; sleep 5; echo two; sleep 600");
    await cluster.advance(7_000);
    const reader = readLogs(cluster, serviceId, { since: ((cluster.clock.now() - 4_000) / 1000).toFixed(9) });
    await reader.toTheEnd(2_000);
    expect(reader.texts).toEqual(["two", "two"]);
  });

  test("a host that is cut off is named within 6 s, before it counts as down and after", async () => {
    const { cluster, serviceId } = await withService(3, "echo one; sleep 600");
    await cluster.advance(1_000);
    const { nodeId } = cluster.host("w2");
    cluster.host("w2").cutLine();
    for (const isDown of [false, true]) {
      const reader = readLogs(cluster, serviceId);
      await reader.toTheEnd(6_000);
      expect(reader.texts.slice(0, -1).every((text) => text === "one")).toBe(true);
      expect(reader.texts.length).toBeGreaterThanOrEqual(3);
      expect(reader.texts.at(-1)).toBe(`${missing}node ${nodeId} is not available`);
      if (!isDown) await cluster.eventually("it is down", () => !cluster.isReady("w2"));
    }
  });

  test("an engine that is silent is told of in its own words, and the stream ends", async () => {
    const { cluster, serviceId } = await withService(3, "echo one; sleep 600");
    await cluster.advance(1_000);
    cluster.host("w2").freezeEngine();
    const reader = readLogs(cluster, serviceId);
    await reader.toTheEnd(16_000);
    expect(reader.texts.slice(0, 2)).toEqual(["one", "one"]);
    expect(reader.texts.at(-1)).toMatch(missing);
  });
});

describe("following", () => {
  const script = "echo begins; sleep 3; echo later; sleep 600";

  test("tasks that come later join with all they say, those that end leave", async () => {
    const { cluster, serviceId } = await withService(2, script);
    await cluster.advance(1_000);
    const reader = readLogs(cluster, serviceId, { follow: true, tail: 0 });
    await cluster.advance(1_000);
    await cluster.do(cluster.user.scale("web", 5));
    await cluster.advance(8_000);
    expect(reader.texts.toSorted()).toEqual([...Array(3).fill("begins"), ...Array(5).fill("later")]);
    await cluster.do(cluster.user.scale("web", 1));
    await cluster.advance(8_000);
    expect(reader.isOver).toBe(false);
    await cluster.do(cluster.user.remove("web"));
    await reader.toTheEnd(10_000);
  });

  test("a lost host is told of, its replacement is followed, and once back it is read on without a repetition", async () => {
    const { cluster, serviceId } = await withService(3, script);
    await cluster.advance(5_000);
    const reader = readLogs(cluster, serviceId, { follow: true });
    await cluster.advance(1_000);
    expect(reader.texts).toHaveLength(6);
    const lost = cluster.host("w3");
    lost.cutLine();
    await cluster.advance(10_000);
    expect(reader.texts.filter((text) => text === `${missing}node ${lost.nodeId} is not available`)).toHaveLength(1);
    const lines = (): readonly string[] => reader.texts.filter((text) => !text.startsWith(missing));
    expect(lines()).toHaveLength(8);
    lost.healLine();
    await cluster.advance(10_000);
    expect(lines()).toHaveLength(8);
    reader.leave();
  });

  test("a daemon that is killed and comes back goes on where it was", async () => {
    const { cluster, serviceId } = await withService(
      3,
      "echo 1; sleep 5; echo 2; sleep 5; echo 3; sleep 5; echo 4; sleep 600",
    );
    const reader = readLogs(cluster, serviceId, { follow: true });
    await cluster.advance(3_000);
    cluster.host("w1").killDaemon();
    await cluster.advance(1_000);
    cluster.host("w1").startDaemon();
    await cluster.advance(15_000);
    const ofTasks = Object.values(reader.byTask).map((texts) => texts.filter((text) => !text.startsWith(missing)));
    expect(ofTasks).toEqual(Array(3).fill(["1", "2", "3", "4"]));
    reader.leave();
  });

  test("who reads slowly gets everything in the end, and holds up nobody else", async () => {
    const many = Array.from({ length: 300 }, (_, at) => `echo ${"x".repeat(100)}${at}`).join("; ");
    const { cluster, serviceId } = await withService(12, `${many}; sleep 600`);
    const slow = readLogs(cluster, serviceId, { follow: true }, 500);
    const quick = readLogs(cluster, serviceId, { follow: true });
    await cluster.advance(2_000);
    expect(quick.texts).toHaveLength(3_600);
    expect(slow.texts.length).toBeLessThan(2_500);
    await cluster.advance(120_000);
    expect(slow.texts).toHaveLength(3_600);
    expect(Object.values(slow.byTask).every((texts) => texts.every((text, at) => text.endsWith(`x${at}`)))).toBe(true);
  });
});

async function withService(replicas: number, script: string) {
  const cluster = await SimCluster.start();
  const command = ["sh", "-c", script];
  const wish = { name: "web", image: "busybox:latest", replicas, command, stopGraceMs: 1_000 };
  const serviceId = await cluster.do(cluster.user.create(wish));
  await cluster.eventually("all run", () => cluster.running("web").length === replicas, 10_000);
  return { cluster, serviceId };
}

function readLogs(
  cluster: SimCluster,
  serviceId: string,
  options: Partial<LogReadOptions> = {},
  pauseMs?: number,
): Reader {
  const read = { follow: false, since: "", stdout: true, stderr: true, ...options };
  const gone = new AbortController();
  const broker = cluster.leading?.logs;
  if (!broker) throw new Error("nobody leads");
  return new Reader(cluster, broker.subscribe({ kind: "service", id: serviceId }, read, gone.signal), {
    gone,
    pauseMs,
  });
}

class Reader {
  readonly texts: string[] = [];
  readonly times: string[] = [];
  readonly streams = new Set<string>();
  readonly byTask: Record<string, string[]> = {};
  isOver = false;
  readonly #cluster: SimCluster;
  readonly #gone: AbortController;

  constructor(
    cluster: SimCluster,
    parts: AsyncIterable<LogPart>,
    { gone, pauseMs }: { readonly gone: AbortController; readonly pauseMs: number | undefined },
  ) {
    this.#cluster = cluster;
    this.#gone = gone;
    this.#read(parts, pauseMs).catch(() => undefined);
  }

  leave(): void {
    this.#gone.abort(new Error("the client is gone"));
  }

  toTheEnd(withinMs: number): Promise<number> {
    return this.#cluster.eventually("the stream ends", () => this.isOver, withinMs);
  }

  async #read(parts: AsyncIterable<LogPart>, pauseMs: number | undefined): Promise<void> {
    for await (const part of parts) {
      if (part.kind === "incomplete") this.texts.push(part.text);
      else
        for (const { said, taskId } of part.lines) {
          const text = said.$case === "line" ? said.line.data.toString() : said.text;
          this.texts.push(text);
          (this.byTask[taskId] ??= []).push(text);
          if (said.$case !== "line") continue;
          this.times.push(said.line.timestamp);
          this.streams.add(`${said.line.isStderr ? "stderr" : "stdout"} ${text}`);
        }
      if (pauseMs !== undefined) await new Promise<void>((resolve) => this.#cluster.clock.after(pauseMs, resolve));
    }
    this.isOver = true;
  }
}
