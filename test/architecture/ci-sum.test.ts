import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "skep-ci-sum-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the sum that CI ends with", () => {
  const good = report("good", { numPassedTests: 7, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1 });
  const red = report("red", { numPassedTests: 3, numFailedTests: 2 });
  const unloaded = report("unloaded", { testResults: [{ status: "failed", assertionResults: [] }] });

  const rows: readonly { title: string; args: readonly string[]; line: string; status: number }[] = [
    { title: "green", args: [good, good], line: "14 passed, 0 failed, 6 skipped", status: 0 },
    { title: "a failed test", args: [good, red], line: "10 passed, 2 failed, 3 skipped", status: 1 },
    { title: "a file that did not load", args: [good, unloaded], line: "7 passed, 1 failed, 3 skipped", status: 1 },
    { title: "a run that left nothing", args: [good, "/nowhere"], line: "7 passed, 1 failed, 3 skipped", status: 1 },
    {
      title: "a step that is no test",
      args: ["--failed", "1", good],
      line: "7 passed, 1 failed, 3 skipped",
      status: 1,
    },
    { title: "nothing at all", args: [], line: "0 passed, 0 failed, 0 skipped", status: 1 },
  ];

  test.each(rows)("$title", ({ args, line, status }) => {
    const run = spawnSync(process.execPath, ["scripts/ci-sum.mjs", ...args], { encoding: "utf8" });
    expect(run.stdout.trimEnd().split("\n").at(-1)).toBe(line);
    expect(run.status).toBe(status);
  });
});

function report(name: string, counts: Readonly<Record<string, unknown>>): string {
  const path = join(folder, `${name}.json`);
  const empty = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  writeFileSync(path, JSON.stringify({ ...empty, ...counts }));
  return path;
}
