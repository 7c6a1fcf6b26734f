import { describe, expect, test } from "vitest";
import { wallTime } from "../../../src/base/index.js";
import { acceptStatus, textLengthMax } from "../../../src/manager/dispatcher/accept-status.js";
import { aTask, type TaskOptions } from "../../support/memory.js";
import { aStatus } from "./support.js";

const now = wallTime(5_000);

describe("what an agent says of a task", () => {
  const table: readonly { task: TaskOptions | undefined; said: Parameters<typeof aStatus>[0]; answer: string }[] = [
    { task: { state: "ASSIGNED" }, said: "ACCEPTED", answer: "accepted" },
    { task: { state: "ASSIGNED" }, said: "RUNNING", answer: "accepted" },
    { task: { state: "RUNNING" }, said: "FAILED", answer: "accepted" },
    { task: { state: "RUNNING" }, said: "PREPARING", answer: "stale" },
    { task: { state: "COMPLETE" }, said: "RUNNING", answer: "stale" },
    { task: { state: "ORPHANED" }, said: "SHUTDOWN", answer: "stale" },
    { task: { state: "PENDING" }, said: "RUNNING", answer: "stale" },
    { task: { state: "RUNNING" }, said: "ORPHANED", answer: "stale" },
    { task: { state: "RUNNING" }, said: "RUNNING", answer: "same" },
    { task: { state: "RUNNING", nodeId: "m" }, said: "FAILED", answer: "foreign" },
    { task: undefined, said: "RUNNING", answer: "unknown" },
  ];
  test.each(table)("$task.state, $task.nodeId → $said is $answer", ({ task, said, answer }) => {
    const row = task && aTask({ nodeId: "n", ...task });
    const found = acceptStatus(row, "n", aStatus(said), now);
    expect(found.kind === "accepted" ? found.kind : found.why).toBe(answer);
  });

  test("is stamped with the time it is stored, whatever it said itself", () => {
    const said = aStatus("RUNNING", { timestamp: wallTime(1), appliedAt: wallTime(2) });
    const found = acceptStatus(aTask({ nodeId: "n", state: "ASSIGNED" }), "n", said, now);
    expect(found).toEqual({ kind: "accepted", status: { ...said, appliedAt: now } });
  });

  test("is accepted in the same state when it says more", () => {
    const said = aStatus("RUNNING", { container: { containerId: "c1" } });
    expect(acceptStatus(aTask({ nodeId: "n", state: "RUNNING" }), "n", said, now).kind).toBe("accepted");
  });

  test("is cut to what a list can show", () => {
    const said = aStatus("FAILED", { err: "x".repeat(100_000) });
    const found = acceptStatus(aTask({ nodeId: "n", state: "RUNNING" }), "n", said, now);
    expect(found.kind === "accepted" && found.status.err.length).toBe(textLengthMax);
  });
});
