import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LogPart, LogSelector } from "../../src/api/modules.js";
import { SwarmError } from "../../src/base/index.js";
import type { LogReadOptions } from "../../src/gen/skep/v1/logs.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { newTask } from "../../src/model/index.js";
import { apiFixture, type Fixture, serviceBody } from "./fixture.js";

const ids = "com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1";
const timestamp = "2026-11-20T14:43:29.777974851Z";

let fixture: Fixture;
let webId: string;
let asked: { readonly selector: LogSelector; readonly read: LogReadOptions }[];
let parts: readonly LogPart[];

beforeAll(async () => {
  fixture = await apiFixture();
  webId = String((await fixture.ask("POST", "/services/create", serviceBody("web"))).at("ID"));
  const tty = serviceBody("shell", {
    TaskTemplate: { ContainerSpec: { Image: "busybox:latest", TTY: true } },
  });
  const shellId = String((await fixture.ask("POST", "/services/create", tty)).at("ID"));
  await fixture.writer.update((tx) => {
    const now = { seconds: 1, nanos: 0 };
    for (const [id, serviceId] of [["taskofweb", webId] as const, ["taskofshell", shellId] as const]) {
      const task = newTask({ id, serviceId, revision: 1, slot: 1, now });
      tx.put("task", { ...task, desiredState: TaskState.RUNNING });
    }
  });
});
afterAll(() => fixture.close());
beforeEach(() => {
  asked = [];
  parts = [];
  fixture.node.logs = () => ({
    async *subscribe(selector, read) {
      asked.push({ selector, read });
      yield* parts;
    },
  });
});

const get = (path: string) => fixture.ask("GET", path);
const whose = { nodeId: "n1", serviceId: "s1", taskId: "t1" };
function aLine(text: string, options: { readonly isStderr?: boolean; readonly details?: string } = {}): LogPart {
  const line = { taskId: "t1", timestamp, isStderr: false, details: "", ...options, data: Buffer.from(text) };
  return { kind: "lines", lines: [{ ...whose, said: { $case: "line", line } }] };
}
const warning: LogPart = { kind: "lines", lines: [{ ...whose, said: { $case: "warning", text: "n2 is gone" } }] };

/** Stream and payload of each frame. */
function framesOf(text: string): (readonly [number, string])[] {
  const bytes = Buffer.from(text);
  const frames: (readonly [number, string])[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    expect(bytes.subarray(at + 1, at + 4)).toEqual(Buffer.alloc(3));
    frames.push([bytes[at] ?? 0, bytes.subarray(at + 8, end).toString()]);
    at = end;
  }
  return frames;
}

describe("what is asked for", () => {
  test.each([
    ["stdout=1", { stdout: true, stderr: false, follow: false, since: "", tail: undefined }],
    ["stderr=true&tail=all&since=0", { stdout: false, stderr: true, follow: false, since: "", tail: undefined }],
    ["stdout=1&stderr=1&follow=1&tail=10", { stdout: true, stderr: true, follow: true, since: "", tail: 10 }],
    ["stdout=1&tail=0", { stdout: true, stderr: false, follow: false, since: "", tail: 0 }],
    [
      "stdout=1&since=1763640000.123456789",
      { stdout: true, stderr: false, follow: false, since: "1763640000.123456789", tail: undefined },
    ],
  ])("%s", async (query, read) => {
    expect((await get(`/services/web/logs?${query}`)).status).toBe(200);
    expect(asked).toEqual([{ selector: { kind: "service", id: webId }, read }]);
  });

  test("a task's", async () => {
    await get("/tasks/taskofw/logs?stdout=1");
    expect(asked[0]?.selector).toEqual({ kind: "task", id: "taskofweb" });
  });

  test.each([
    ["/services/web/logs", 500, "Bad parameters: you must choose at least one stream"],
    ["/services/web/logs?stdout=0&stderr=no", 500, "Bad parameters: you must choose at least one stream"],
    ["/services/web/logs?stdout=1&tail=-1", 500, "negative tail values not supported"],
    ["/services/web/logs?stdout=1&tail=x", 500, 'tail value must be a positive integer or "all"'],
    ["/services/web/logs?stdout=1&since=yesterday", 500, /^could not parse since timestamp/],
    ["/services/nope/logs?stdout=1", 404, "service nope not found"],
    ["/tasks/nope/logs?stdout=1", 404, "task nope not found"],
  ])("%s is refused", async (path, status, message) => {
    const reply = await get(path);
    expect(reply.status).toBe(status);
    expect(reply.at("message")).toMatch(message);
    expect(asked).toEqual([]);
  });

  test("too many readers, and a swarm without a leader, are an answer before the first byte", async () => {
    fixture.node.logs = () => ({
      subscribe() {
        throw new SwarmError("ResourceExhausted", "too many");
      },
    });
    expect(await get("/services/web/logs?stdout=1")).toMatchObject({ status: 500, json: { message: "too many" } });
    fixture.node.logs = () => undefined;
    expect((await get("/services/web/logs?stdout=1")).status).toBe(503);
  });
});

describe("lines", () => {
  test.each([
    ["", "hello\n"],
    ["&timestamps=1", `${timestamp} hello\n`],
    ["&details=1", `${ids} hello\n`],
    ["&details=1&timestamps=1", `${timestamp} ${ids} hello\n`],
  ])("with %j", async (query, payload) => {
    parts = [aLine("hello")];
    const { text } = await get(`/services/web/logs?stdout=1${query}`);
    expect(framesOf(text)).toEqual([[1, payload]]);
  });

  test("keep their streams apart; what the driver adds stands among the ids, by key", async () => {
    parts = [aLine("one", { details: "a=1%2C2,tag=x+y" }), aLine("two", { isStderr: true })];
    const { text } = await get("/services/web/logs?stdout=1&stderr=1&details=1");
    expect(framesOf(text)).toEqual([
      [1, `a=1%2C2,${ids},tag=x+y one\n`],
      [2, `${ids} two\n`],
    ]);
  });

  test.each([
    ["/v1.41/services/web", "raw"],
    ["/v1.42/services/web", "multiplexed"],
    ["/services/web", "multiplexed"],
    ["/services/shell", "raw"],
    ["/tasks/taskofweb", "multiplexed"],
    ["/tasks/taskofshell", "raw"],
  ])("of %s are called a %s stream", async (path, kind) => {
    const { headers } = await get(`${path}/logs?stdout=1`);
    expect(headers["content-type"]).toBe(`application/vnd.docker.${kind}-stream`);
  });

  test("of a terminal are bare", async () => {
    parts = [aLine("one"), aLine("two")];
    expect((await get("/services/shell/logs?stdout=1")).text).toBe("one\r\ntwo\r\n");
  });

  test("what is missing in the end is the daemon's own word, at which a client ends", async () => {
    parts = [aLine("one"), { kind: "incomplete", text: "warning: incomplete log stream" }];
    const { text } = await get("/services/web/logs?stdout=1");
    expect(framesOf(text)[1]).toEqual([
      3,
      "Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream\n",
    ]);
  });

  test("a stream that breaks off ends with a word too, whoever gave it", async () => {
    const leading = fixture.node.leading;
    fixture.node.leading = undefined;
    fixture.node.following = {
      forward: async () => ({
        status: 200,
        headers: { "content-type": "application/vnd.docker.multiplexed-stream", "skep-log-framed": "true" },
        body: {
          kind: "stream",
          stream: (async function* () {
            yield Buffer.from("\x01\0\0\0\0\0\0\x02a\n");
            throw new SwarmError("Unavailable", "the connection broke off");
          })(),
        },
      }),
    };
    const { text } = await get("/services/web/logs?stdout=1");
    [fixture.node.leading, fixture.node.following] = [leading, undefined];
    expect(text.startsWith("\x01\0\0\0\0\0\0\x02a\n\x03\0")).toBe(true);
    expect(text).toMatch(/Error grabbing logs: .* the way to the leader broke off: ask again/);
  });

  test("what is missing from here on is a line of errors, so that the stream goes on; not for who wants none", async () => {
    parts = [warning, aLine("one")];
    const { text } = await get("/services/web/logs?stdout=1&stderr=1&follow=1&details=1");
    expect(framesOf(text)).toEqual([
      [2, `${ids} n2 is gone\n`],
      [1, `${ids} one\n`],
    ]);
    const bare = await get("/services/web/logs?stdout=1&follow=1");
    expect(framesOf(bare.text)).toEqual([[1, "one\n"]]);
  });
});
