import { describe, expect, it } from "vitest";
import type { Task } from "../../../src/api/types.js";
import { observe } from "../../../src/cli/progress/observe.js";
import { aNode, aService, aTask } from "../support/objects.js";

const nodes = [aNode(1), aNode(2), aNode(3)];
const at = Date.UTC(2026, 10, 20, 12);

function look(tasks: readonly Task[], service = aService()) {
  return observe({ service, tasks, nodes, isRollback: false });
}

describe("a replicated service", () => {
  it("counts the slots that run and shows each with its node", () => {
    expect(look([aTask(1, "running"), aTask(3, "preparing")])).toEqual({
      summary: ["overall progress: 1 out of 3 tasks"],
      lines: [
        { label: "1/3", state: "running", node: "h1", sinceMs: at },
        { label: "3/3", state: "preparing", node: "h3", sinceMs: at },
      ],
      isConverged: false,
      isJob: false,
    });
  });

  it("has converged when every slot runs", () => {
    expect(look([1, 2, 3].map((slot) => aTask(slot, "running"))).isConverged).toBe(true);
  });

  it("is spoken for by the task that is furthest from its end", () => {
    const old = aTask(1, "running", { ID: "old", DesiredState: "shutdown" });
    expect(look([old, aTask(1, "preparing")]).lines[0]?.state).toBe("preparing");
  });

  it.each([
    ["on a node that is down", aTask(1, "running", { NodeID: "gone" })],
    ["that is being removed", aTask(1, "remove")],
    ["that is orphaned", aTask(1, "orphaned")],
    ["that is to shut down", aTask(1, "running", { DesiredState: "shutdown" })],
  ])("does not count a task %s", (_, task) => {
    const seen = observe({
      service: aService(),
      tasks: [task],
      nodes: [{ ...aNode(9, "down"), ID: "gone" }],
      isRollback: false,
    });
    expect(seen.summary).toEqual(["overall progress: 0 out of 3 tasks"]);
  });

  it("shows why a task waits: the engine's error, or what only Skep tells", () => {
    const failed = aTask(1, "failed");
    const waiting = aTask(2, "pending", {
      Wait: { Stage: "scheduler", Reason: "no suitable node", Since: "2026-11-20T12:00:05Z" },
    });
    const seen = look([{ ...failed, Status: { ...failed.Status, Err: "task: non-zero exit (1)" } }, waiting]);
    expect(seen.lines.map(({ reason, sinceMs }) => [reason, sinceMs - at])).toEqual([
      ["task: non-zero exit (1)", 0],
      ["no suitable node", 5000],
    ]);
  });

  it("keeps a slot's number while an update goes through them, and finds one for a slot beyond the count", () => {
    expect(look([aTask(2, "running")]).lines.map(({ label }) => label)).toEqual(["2/3"]);
    expect(look([aTask(2, "running"), aTask(7, "running")]).lines.map(({ label }) => label)).toEqual(["1/3", "2/3"]);
  });

  it("shows only the count when there are more than twenty", () => {
    const service = aService();
    const many = { ...service, Spec: { ...service.Spec, Mode: { Replicated: { Replicas: 21 } } } };
    expect(look([aTask(1, "running")], many).lines).toEqual([]);
  });

  it("says when it rolls back", () => {
    expect(observe({ service: aService(), tasks: [], nodes, isRollback: true }).summary).toEqual([
      "overall progress: rolling back update: 0 out of 3 tasks",
    ]);
  });
});

describe("the other modes", () => {
  const inMode = (mode: object, fields = {}) => {
    const service = aService(fields);
    return { ...service, Spec: { ...service.Spec, Mode: mode } };
  };

  it("a global service waits for tasks, then counts nodes", () => {
    const service = inMode({ Global: {} });
    expect(look([], service).summary).toEqual(["overall progress: waiting for new tasks"]);
    const { Slot: _, ...task } = aTask(1, "running");
    expect(look([task], service)).toEqual({
      summary: ["overall progress: 1 out of 1 tasks"],
      lines: [{ label: "h1", state: "running", sinceMs: at }],
      isConverged: true,
      isJob: false,
    });
  });

  it("a job counts its completions of this iteration", () => {
    const service = inMode(
      { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 4 } },
      { JobStatus: { JobIteration: { Index: 7 } } },
    );
    const { Slot: _, ...first } = aTask(0, "complete", { JobIteration: { Index: 7 } });
    const tasks = [first, aTask(1, "running", { JobIteration: { Index: 7 } }), aTask(2, "complete")];
    const seen = look(tasks, service);
    expect(seen.summary).toEqual(["job progress: 1 out of 4 complete", "active tasks: 1 out of 2 tasks"]);
    expect(seen.lines.map(({ label, state }) => `${label} ${state}`)).toEqual(["1/4 complete", "2/4 running"]);
  });

  it("a global job is over when it completed on every node", () => {
    const service = inMode({ GlobalJob: {} });
    expect(look([aTask(1, "complete"), aTask(2, "running")], service).isConverged).toBe(false);
    expect(look([aTask(1, "complete"), aTask(2, "complete")], service)).toMatchObject({
      isConverged: true,
      isJob: true,
    });
  });
});
