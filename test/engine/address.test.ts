import { describe, expect, test } from "vitest";
import { parseEngineAddress } from "../../src/engine/index.js";

describe("engine addresses", () => {
  for (const [text, expected] of [
    ["unix:///var/run/docker.sock", { kind: "unix", path: "/var/run/docker.sock" }],
    ["tcp://127.0.0.1:2375", { kind: "tcp", host: "127.0.0.1", port: 2375 }],
    ["tcp://localhost", { kind: "tcp", host: "localhost", port: 2375 }],
    ["tcp://[::1]:99/", { kind: "tcp", host: "::1", port: 99 }],
    ["embedded:", { kind: "embedded", options: {} }],
    ["embedded:?start=200ms&rate=11", { kind: "embedded", options: { startMs: 200, startsPerSecond: 11 } }],
    ["embedded:?pull=1m30s&stop=0&cpus=2", { kind: "embedded", options: { pullMs: 90_000, stopMs: 0, cpus: 2 } }],
  ] as const) {
    test(text, () => expect(parseEngineAddress(text)).toEqual(expected));
  }

  for (const [text, why] of [
    ["", "want unix"],
    ["/var/run/docker.sock", "want unix"],
    ["unix://relative.sock", "absolute path"],
    ["unix:///", "absolute path"],
    ["tcp://10.0.0.1:2375", "loopback only"],
    ["tcp://127.0.0.1.evil.example:1", "loopback only"],
    ["tcp://127.0.0.1:0", "port"],
    ["tcp://127.0.0.1:70000", "port"],
    ["tcp://127.0.0.1:1/path", "want tcp"],
    ["tcp://user@127.0.0.1", "loopback only"],
    ["ssh://host", "want unix"],
    ["embedded:?strat=1s", "unknown key strat"],
    ["embedded:?start=1", "invalid duration"],
    ["embedded:?start=-1s", "invalid duration"],
    ["embedded:?rate=0", "above 0"],
    ["embedded:?rate=", "above 0"],
    ["embedded:?constructor=1", "unknown key constructor"],
  ] as const) {
    test(`${JSON.stringify(text)} is refused: ${why}`, () => {
      expect(() => parseEngineAddress(text)).toThrow(why);
    });
  }
});
