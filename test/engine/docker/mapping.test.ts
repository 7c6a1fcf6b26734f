import { describe, expect, test } from "vitest";
import { containerOf, eventOf, summaryOf } from "../../../src/engine/docker/container.js";
import { infoOf } from "../../../src/engine/docker/info.js";
import { framedLines, rawLines } from "../../../src/engine/docker/logs.js";
import type { LogLine } from "../../../src/engine/index.js";

describe("container states", () => {
  const ended = { ExitCode: 0, OOMKilled: false, Error: "", FinishedAt: "f" };
  const running = { Pid: 7, StartedAt: "s" };
  for (const [title, state, expected] of [
    ["created", { Status: "created" }, { kind: "created" }],
    ["running", { Status: "running", ...running }, { kind: "running", pid: 7, startedAt: "s", health: "none" }],
    [
      "running, without a result of its healthcheck yet",
      { Status: "running", ...running, Health: { Status: "starting" } },
      { kind: "running", pid: 7, startedAt: "s", health: "starting" },
    ],
    [
      "running, with a healthcheck switched off",
      { Status: "running", ...running, Health: { Status: "none" } },
      { kind: "running", pid: 7, startedAt: "s", health: "none" },
    ],
    [
      "paused and unhealthy",
      { Status: "paused", ...running, Health: { Status: "unhealthy" } },
      { kind: "paused", pid: 7, startedAt: "s", health: "unhealthy" },
    ],
    ["restarting", { Status: "restarting", ...running }, { kind: "restarting" }],
    ["removing", { Status: "removing" }, { kind: "removing" }],
    [
      "exited",
      { Status: "exited", ...ended, ExitCode: 3 },
      { kind: "exited", exitCode: 3, oomKilled: false, error: "", finishedAt: "f" },
    ],
    [
      "killed for its memory",
      { Status: "exited", ...ended, ExitCode: 137, OOMKilled: true },
      { kind: "exited", exitCode: 137, oomKilled: true, error: "", finishedAt: "f" },
    ],
    [
      "dead, in the engine's words",
      { Status: "dead", ...ended, ExitCode: 128, Error: "no such device" },
      { kind: "dead", exitCode: 128, oomKilled: false, error: "no such device", finishedAt: "f" },
    ],
    ["of a kind nobody knows", { Status: "dreaming" }, { kind: "created" }],
    ["absent", undefined, { kind: "created" }],
  ] as const) {
    test(title, () => {
      expect(containerOf({ Id: "x", Name: "/web", State: state }).state).toEqual(expected);
    });
  }
});

describe("published ports", () => {
  const v4 = (HostPort: string): object => ({ HostIp: "0.0.0.0", HostPort });
  const v6 = (HostPort: string): object => ({ HostIp: "::", HostPort });
  for (const [title, json, expected] of [
    ["both families are one port", { "80/tcp": [v4("8080"), v6("8080")] }, [["tcp", 80, 8080]]],
    ["families that differ: IPv4's", { "80/tcp": [v4("32768"), v6("32769")] }, [["tcp", 80, 32768]]],
    ["IPv6 alone", { "80/tcp": [v6("8080")] }, [["tcp", 80, 8080]]],
    [
      "one target published twice",
      { "53/udp": [v4("53"), v4("54")] },
      [
        ["udp", 53, 53],
        ["udp", 53, 54],
      ],
    ],
    ["exposed only", { "80/tcp": null, "81/tcp": [] }, []],
    ["nonsense", { x: [v4("1")], "80/tcp": [v4("")], "81/tcp": "?" }, []],
    ["none", null, []],
  ] as const) {
    test(title, () => {
      const { ports } = containerOf({ NetworkSettings: { Ports: json } });
      expect(ports.map((port) => [port.protocol, port.targetPort, port.publishedPort])).toEqual(expected);
    });
  }
});

test("a list entry, and garbage in its place", () => {
  expect(summaryOf({ Id: "x", Names: ["/web"], Labels: { a: "1", b: 2 }, State: "running" })).toEqual({
    id: "x",
    name: "web",
    labels: { a: "1" },
    state: "running",
  });
  for (const garbage of [null, 7, "x", [], { Names: 3, Labels: [] }]) {
    expect(summaryOf(garbage)).toEqual({ id: "", name: "", labels: {}, state: "" });
  }
});

describe("events", () => {
  for (const [action, expected] of [
    ["create", "create"],
    ["start", "start"],
    ["die", "die"],
    ["destroy", "destroy"],
    ["oom", "oom"],
    ["health_status: unhealthy", "health"],
    ["pause", "other"],
    ["rename", "other"],
  ] as const) {
    test(`${action} is ${expected}`, () => {
      expect(eventOf({ Type: "container", Action: action, Actor: { ID: "x" } })?.action).toBe(expected);
    });
  }
});

describe("info", () => {
  for (const [state, inSwarm] of [
    [undefined, false],
    ["", false],
    ["inactive", false],
    ["active", true],
    ["pending", true],
    ["error", true],
    ["locked", true],
  ] as const) {
    test(`an engine whose swarm is ${state} is ${inSwarm ? "" : "not "}in one`, () => {
      expect(infoOf({ Swarm: { LocalNodeState: state } }, "1.41").inSwarm).toBe(inSwarm);
    });
  }

  test("the rest", () => {
    const json = {
      ID: "i",
      Name: "host",
      ServerVersion: "28.2.2",
      Architecture: "x86_64",
      OSType: "linux",
      NCPU: 2,
      MemTotal: 1024,
      Labels: ["a=1=2", "flag"],
      Plugins: { Volume: ["local", "local"], Authorization: null },
      GenericResources: [
        { NamedResourceSpec: { Kind: "GPU", Value: "uuid-1" } },
        { DiscreteResourceSpec: { Kind: "SSD", Value: 3 } },
        {},
      ],
    };
    expect(infoOf(json, "1.50")).toEqual({
      id: "i",
      hostname: "host",
      version: "28.2.2",
      apiVersion: "1.50",
      architecture: "x86_64",
      os: "linux",
      nanoCpus: 2e9,
      memoryBytes: 1024,
      labels: { a: "1=2", flag: "" },
      plugins: [{ type: "Volume", name: "local" }],
      genericResources: [
        { kind: "GPU", named: "uuid-1" },
        { kind: "SSD", discrete: 3 },
      ],
      inSwarm: false,
    });
  });
});

describe("logs", () => {
  const frame = (stream: number, text: string): number[] => [
    stream,
    0,
    0,
    0,
    0,
    0,
    text.length >> 8,
    text.length & 255,
    ...Buffer.from(text),
  ];
  const both = [
    ...frame(1, "t1 one\n"),
    ...frame(2, "t2 oops\n"),
    ...frame(1, "t3 long "),
    ...frame(2, "t4 between\n"),
    ...frame(1, "t5 line\n"),
    ...frame(1, "t6 \n"),
    ...frame(1, "t7 no end"),
  ];
  const expected = [
    "stdout t1 one",
    "stderr t2 oops",
    "stderr t4 between",
    "stdout t3 long line",
    "stdout t6 ",
    "stdout t7 no end",
  ];

  for (const size of [1, 3, 8, 9, 1000]) {
    test(`frames in chunks of ${size} bytes`, async () => {
      expect(await shown(framedLines(chunks(Uint8Array.from(both), size)))).toEqual(expected);
    });
    test(`a terminal's bytes in chunks of ${size}`, async () => {
      const bytes = Buffer.from("t1 one\r\nt2 two\r\nt3 rest");
      expect(await shown(rawLines(chunks(bytes, size)))).toEqual(["stdout t1 one", "stdout t2 two", "stdout t3 rest"]);
    });
  }

  test("the driver's details stand between time and text, of each piece; a carriage return is a terminal's alone", async () => {
    const bytes = Uint8Array.from([
      ...frame(1, "t1 a=1,b=x+y one "),
      ...frame(1, "t2 a=1,b=x+y more\r\n"),
      ...frame(2, "t3  none\n"),
    ]);
    const lines: LogLine[] = [];
    for await (const line of framedLines(chunks(bytes, 7), true)) lines.push(line);
    expect(lines.map(({ details, line }) => [details, Buffer.from(line).toString()])).toEqual([
      ["a=1,b=x+y", "one more\r"],
      ["", "none"],
    ]);
  });

  test("no frame where one must be is a broken stream", async () => {
    const bytes = Uint8Array.from([...frame(1, "t1 one\n"), ...Buffer.from("<html>...")]);
    await expect(shown(framedLines(chunks(bytes, 100)))).rejects.toMatchObject({ kind: "Unavailable" });
  });
});

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function shown(lines: AsyncIterable<LogLine>): Promise<string[]> {
  const all: string[] = [];
  for await (const { stream, timestamp, line } of lines)
    all.push(`${stream} ${timestamp} ${Buffer.from(line).toString()}`);
  return all;
}
