import { describe, expect, test } from "vitest";
import { parseScript } from "../../../src/engine/embedded/label.js";
import { programOf } from "../../../src/engine/embedded/program.js";

describe("what a command does", () => {
  for (const [argv, expected] of [
    [[], "serves"],
    [["nginx", "-g", "daemon off;"], "serves"],
    [["sleep", "3"], "0@3000"],
    [["/bin/sleep", "1.5m"], "0@90000"],
    [["busybox", "sleep", "2h"], "0@7200000"],
    [["sleep", "infinity"], "endless"],
    [["sleep", "soon"], "1@0"],
    [["sleep"], "1@0"],
    [["true"], "0@0"],
    [["false"], "1@0"],
    [["httpd", "-f"], "endless"],
    [["httpd", "-fp", "80"], "endless"],
    [["httpd"], "0@0"],
    [["sh"], "0@0"],
    [["sh", "-c", "exit 3"], "3@0"],
    [["sh", "-c", "exit 256"], "0@0"],
    [["/bin/sh", "-c", "sleep 2; exit 4"], "4@2000"],
    [["sh", "-c", "sleep 1\nsleep 2 ; false"], "1@3000"],
    [["sh", "-c", "false && exit 9; exit 2"], "2@0"],
    [["sh", "-c", "false || exit 9; exit 2"], "9@0"],
    [["sh", "-c", "true || exit 9"], "0@0"],
    [["sh", "-c", "sleep 5 & sleep 1"], "0@1000"],
    [["sh", "-c", "sleep 5 & wait; exit 1"], "1@5000"],
    [["sh", "-c", "exec sleep 2; exit 7"], "0@2000"],
    [["sh", "-c", "httpd -f"], "endless"],
    [["sh", "-c", "echo starting; ./server --port 80"], "serves"],
    [["sh", "-c", "while true; do sleep 1; done"], "serves"],
    [["sh", "-c", "echo 'a;b' \"c && d\""], "0@0"],
    [["sh", "-c", 'echo "unfinished'], "serves"],
    [["sh", "-c", ""], "0@0"],
    [["__proto__"], "serves"],
  ] as const) {
    test(JSON.stringify(argv), () => {
      const { exit, isServer } = programOf(argv, false);
      expect(exit ? `${exit.code}@${exit.afterMs}` : isServer ? "serves" : "endless").toBe(expected);
    });
  }

  test("a shell whose input stays open waits", () => {
    expect(programOf(["sh"], true).exit).toBeUndefined();
  });

  test("writes in time, to the stream it names, quotes undone", () => {
    const { output } = programOf(["sh", "-c", `echo one two; sleep 2; echo 'a;b' >&2`], false);
    expect(output).toEqual([
      { afterMs: 0, stream: "stdout", text: "one two" },
      { afterMs: 2000, stream: "stderr", text: "a;b" },
    ]);
  });

  test("traps by name and number", () => {
    const { traps } = programOf(["sh", "-c", `trap "exit 3" TERM SIGINT 10; trap 'exit' HUP; sleep 9`], false);
    expect([...traps]).toEqual([
      [15, 3],
      [2, 3],
      [10, 3],
      [1, 0],
    ]);
  });
});

describe("label skep.sim", () => {
  for (const [label, expected] of [
    ["", {}],
    ["pull=3s start=1s", { pullMs: 3000, startMs: 1000 }],
    ["exit=1@10s", { exit: { code: 1, oom: false, afterMs: 10_000 } }],
    ["exit=0", { exit: { code: 0, oom: false, afterMs: 0 } }],
    ["exit=oom@1m30s", { exit: { code: 137, oom: true, afterMs: 90_000 } }],
    ["health=bad hang=stop", { health: { good: false, afterMs: 0 }, hang: "stop" }],
    ["health=good@5s", { health: { good: true, afterMs: 5000 } }],
    ["fail=create", { fail: "create" }],
  ] as const) {
    test(label, () => expect(parseScript(label)).toEqual(expected));
  }

  for (const label of [
    "exit",
    "exit=256",
    "exit=x@1s",
    "exit=1@soon",
    "health=maybe",
    "hang=x",
    "fail=",
    "toString=1",
    "a",
  ]) {
    test(`${label} is refused`, () => expect(() => parseScript(label)).toThrow(/invalid (label|duration)/));
  }
});
