import { describe, expect, it } from "vitest";
import { sinceStamp } from "../../src/cli/commands/service/logs.js";
import { runCli } from "../../src/cli/index.js";
import { aService, aTask } from "./support/objects.js";
import { answer, chunks, daemon, fakeWorld } from "./support/world.js";

const details = "com.docker.swarm.node.id=node1,com.docker.swarm.service.id=service1,com.docker.swarm.task.id=task1";

function frame(stream: number, text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const header = new Uint8Array(8);
  header[0] = stream;
  new DataView(header.buffer).setUint32(4, payload.length);
  return new Uint8Array([...header, ...payload]);
}

function logWorld(parts: readonly Uint8Array[], tty = false) {
  const asked: string[] = [];
  const service = aService();
  const spec = {
    ...service.Spec,
    TaskTemplate: { ContainerSpec: { TTY: tty } },
    Mode: { Replicated: { Replicas: 10 } },
  };
  const world = fakeWorld({
    transport: daemon((_, path) => {
      asked.push(path);
      if (path.includes("/logs")) return { status: 200, headers: {}, body: chunks(parts) };
      if (path.startsWith("/services/")) return answer(200, { ...service, Spec: spec });
      if (path.startsWith("/nodes/")) return answer(200, { Spec: {}, Description: { Hostname: "h1" } });
      return answer(200, aTask(1, "running"));
    }),
  });
  return { world, asked };
}

describe("service logs", () => {
  it("puts the task before each line, asks for each name once, and keeps both streams apart", async () => {
    const whole = Buffer.concat([
      frame(1, `${details} one\n`),
      frame(2, `${details} two three\n`),
      frame(1, `${details} \n`),
    ]);
    const { world, asked } = logWorld([whole.subarray(0, 5), whole.subarray(5, 120), whole.subarray(120)]);
    expect(await runCli(["service", "logs", "web"], world)).toBe(0);
    expect(world.out()).toBe("web.1.task1@h1     | one\nweb.1.task1@h1     | \n");
    expect(world.err()).toBe("web.1.task1@h1     | two three\n");
    expect(asked).toEqual([
      "/services/web?insertDefaults=false",
      "/services/web/logs?details=1&stderr=1&stdout=1&tail=all",
      "/nodes/node1",
      "/services/service1?insertDefaults=false",
      "/tasks/task1",
    ]);
  });

  it.each([
    [["--timestamps"], "2026-11-20T12:00:00.000000000Z ", "2026-11-20T12:00:00.000000000Z web.1.task1@h1     | x\n"],
    [["--no-task-ids"], "", "web.1@h1     | x\n"],
    [["--no-resolve"], "", "service1.1.task1@node1     | x\n"],
  ])("%j", async (flags, before, line) => {
    const { world } = logWorld([frame(1, `${before}${details} x\n`)]);
    expect(await runCli(["service", "logs", ...flags, "web"], world)).toBe(0);
    expect(world.out()).toBe(line);
  });

  it("shows what the logger added with --details, the ids left out", async () => {
    const { world } = logWorld([frame(1, `${details},tag=a%20b x\n`)]);
    expect(await runCli(["service", "logs", "--details", "web"], world)).toBe(0);
    expect(world.out()).toBe("web.1.task1@h1     | tag=a b x\n");
  });

  it.each([
    [
      "trouble in the stream",
      [frame(3, "Error grabbing logs: gone\n")],
      "error from daemon in stream: Error grabbing logs: gone\n",
    ],
    ["a stream that is none", [new TextEncoder().encode("hello, this is text")], /^the log stream is broken/],
    ["a line without its ids", [frame(1, "plain text\n")], /^missing context in log line/],
  ])("fails at %s", async (_, parts, text) => {
    const { world } = logWorld(parts);
    expect(await runCli(["service", "logs", "web"], world)).toBe(1);
    expect(world.err()).toMatch(text);
  });

  it("goes on when a task was forgotten meanwhile, and ends the stream when it fails", async () => {
    let stream: AbortSignal | undefined;
    const broken = [frame(1, `${details} one\n`), new TextEncoder().encode("no frame, no ids at all")];
    const world = fakeWorld({
      transport: async (_, { path, signal }) => {
        if (path === "/_ping")
          return { status: 200, headers: { "api-version": "1.50", "skep-version": "1" }, body: chunks([]) };
        if (path.includes("/logs")) stream = signal;
        if (path.includes("/logs")) return { status: 200, headers: {}, body: chunks(broken) };
        if (path.includes("/tasks/")) return answer(404, { message: "task task1 not found" });
        if (path.includes("/nodes/")) return answer(200, { Spec: {}, Description: { Hostname: "h1" } });
        return answer(200, aService());
      },
    });
    expect(await runCli(["service", "logs", "-f", "web"], world)).toBe(1);
    expect(world.out()).toMatch(/^web\.\?\.task1@h1 +\| one\n$/);
    expect(world.err()).toMatch(/the log stream is broken/);
    expect(stream?.aborted).toBe(true);
  });

  it("refuses to format a terminal's output, and copies it with --raw", async () => {
    const { world } = logWorld([new TextEncoder().encode("raw\r\n")], true);
    expect(await runCli(["service", "logs", "web"], world)).toBe(1);
    expect(world.err()).toBe("tty service logs only supported with --raw\n");
    expect(await runCli(["service", "logs", "--raw", "web"], world)).toBe(0);
    expect(world.out()).toBe("raw\r\n");
  });
});

it.each([
  ["1763640000", "1763640000"],
  ["10m", "1795175400.000000000"],
  ["2026-11-20T12:00:00Z", "1795176000.000000000"],
])("--since %s is asked as %s", (since, stamp) => {
  expect(sinceStamp(since, Date.UTC(2026, 10, 20, 12))).toBe(stamp);
});
