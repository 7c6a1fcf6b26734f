import { describe, expect, it } from "vitest";
import type { Service, Task, TaskState } from "../../../src/api/types.js";
import { runCli } from "../../../src/cli/index.js";
import { aNode, aService, aTask } from "../support/objects.js";
import { answer, daemon, fakeWorld } from "../support/world.js";

interface Scene {
  readonly service?: Partial<Service>;
  readonly tasks: readonly Task[];
  /** Instead of an answer. */
  readonly trouble?: { readonly status: number; readonly message: string };
}

/** One scene a look; the last one stays. */
function play(
  scenes: readonly Scene[],
  options: { isTerminal?: boolean; columns?: number; onLook?: (look: number) => void } = {},
) {
  let look = -1;
  const scene = (): Scene => scenes[Math.min(Math.max(look, 0), scenes.length - 1)] ?? { tasks: [] };
  const world = fakeWorld({
    ...options,
    transport: daemon((request, path) => {
      if (request.method === "POST") return answer(200, { Warnings: null });
      if (path.startsWith("/services/")) {
        if (path.startsWith("/services/service1?")) {
          look += 1;
          options.onLook?.(look);
        }
        const { trouble } = scene();
        if (trouble !== undefined && look >= 0) return answer(trouble.status, { message: trouble.message });
        return answer(200, aService(scene().service));
      }
      return answer(200, path.startsWith("/tasks") ? scene().tasks : [aNode(1), aNode(2), aNode(3)]);
    }),
  });
  return world;
}

const all = (state: TaskState): Task[] => [1, 2, 3].map((slot) => aTask(slot, state));
const update = ["service", "update", "--force", "web"];

describe("waiting for a service to converge", () => {
  it("tells what changes, then verifies, then says so in docker's words", async () => {
    const world = play([{ tasks: [] }, { tasks: all("preparing") }, { tasks: all("running") }]);
    expect(await runCli(update, world)).toBe(0);
    expect(world.out()).toBe(
      [
        "web",
        "overall progress: 0 out of 3 tasks",
        "1/3: preparing on h1",
        "2/3: preparing on h2",
        "3/3: preparing on h3",
        "overall progress: 3 out of 3 tasks",
        "1/3: running on h1",
        "2/3: running on h2",
        "3/3: running on h3",
        "verify: Waiting 1 seconds to verify that tasks are stable...",
        "verify: Service web converged",
        "",
      ].join("\n"),
    );
    expect(world.elapsedMs()).toBe(2 * 200 + 1000);
  });

  it("starts to verify anew after a failure in that time", async () => {
    const world = play([{ tasks: all("running") }, { tasks: [aTask(1, "failed")] }, { tasks: all("running") }]);
    expect(await runCli(update, world)).toBe(0);
    expect(world.out()).toContain("verify: Detected task failure\n");
    expect(world.elapsedMs()).toBe(2 * 200 + 1000);
  });

  it.each<[string, Partial<Service>, number, string, string]>([
    [
      "paused",
      { UpdateStatus: { State: "paused", Message: "failure of task x" } },
      1,
      "web\n",
      "service update paused: failure of task x\n",
    ],
    [
      "rollback paused",
      { UpdateStatus: { State: "rollback_paused", Message: "m" } },
      1,
      "web\n",
      "service rollback paused: m\n",
    ],
    ["completed before it was seen", { UpdateStatus: { State: "completed" } }, 0, "web\n", ""],
    [
      "rolled back",
      { UpdateStatus: { State: "rollback_completed", Message: "rollback completed" } },
      0,
      "web\nrollback: rollback completed\n",
      "",
    ],
  ])("ends when the update is %s", async (_, service, exit, out, err) => {
    const world = play([{ service, tasks: [] }]);
    expect({ exit: await runCli(update, world), out: world.out(), err: world.err() }).toEqual({ exit, out, err });
  });

  it("says once that it rolls back", async () => {
    const service = { UpdateStatus: { State: "rollback_started", Message: "update rolled back due to x" } } as const;
    const world = play([
      { service, tasks: [] },
      { service, tasks: [] },
      { service, tasks: all("running") },
    ]);
    expect(await runCli(update, world)).toBe(0);
    expect(world.out()).toContain(
      "web\nrollback: update rolled back due to x\noverall progress: rolling back update: 0 out of 3",
    );
    expect(world.out().match(/due to x/g)).toHaveLength(1);
  });

  it("tells after a second what a task waits for, and not again every second", async () => {
    const pending = aTask(1, "pending");
    const stuck = { ...pending, Status: { ...pending.Status, Err: "no suitable node (x)" } };
    const world = play([...Array.from({ length: 20 }, () => ({ tasks: [stuck] })), { tasks: all("running") }]);
    expect(await runCli(update, world)).toBe(0);
    expect(world.out().match(/1\/3: pending.*\n/g)).toEqual([
      "1/3: pending on h1\n",
      "1/3: pending on h1 (no suitable node (x))\n",
    ]);
  });

  it("leaves it to go on at Ctrl-C, and exits 0", async () => {
    const world = play([{ tasks: [] }], { onLook: (look) => look === 3 && world.interrupt() });
    expect(await runCli(update, world)).toBe(0);
    expect(world.out()).toBe(
      "web\noverall progress: 0 out of 3 tasks\nOperation continuing in background.\nUse `skep service ps web` to check progress.\n",
    );
  });

  it("outlives an election, and says what it waits for", async () => {
    const trouble = { status: 500, message: "rpc error: The swarm does not have a leader." };
    const world = play([{ tasks: [] }, { tasks: [], trouble }, { tasks: [], trouble }, { tasks: all("running") }]);
    expect(await runCli(update, world)).toBe(0);
    expect(world.out().match(/waiting: .*/g)).toEqual([`waiting: Error response from daemon: ${trouble.message}`]);
  });

  it("gives up after thirty seconds without an answer", async () => {
    const world = play([{ tasks: [], trouble: { status: 503, message: "no leader" } }]);
    expect(await runCli(update, world)).toBe(1);
    expect(world.err()).toBe("Error response from daemon: no leader\n");
    expect(world.elapsedMs()).toBeGreaterThan(30_000);
    expect(world.elapsedMs()).toBeLessThan(31_000);
  });

  it("ends at once when the service is gone", async () => {
    const world = play([{ tasks: [], trouble: { status: 404, message: "service service1 not found" } }]);
    expect(await runCli(update, world)).toBe(1);
    expect(world.err()).toBe("Error response from daemon: service service1 not found\n");
  });

  it.each([["--detach"], ["-d"], ["--detach=true"]])("does not look at all with %s", async (flag) => {
    const world = play([{ tasks: [] }]);
    expect(await runCli(["service", "update", flag, "--force", "web"], world)).toBe(0);
    expect(world.out()).toBe("web\n");
  });

  it("waits silently with --quiet", async () => {
    const world = play([{ tasks: [] }, { tasks: all("running") }]);
    expect(await runCli(["service", "update", "--quiet", "--force", "web"], world)).toBe(0);
    expect(world.out()).toBe("web\n");
    expect(world.elapsedMs()).toBe(1200);
  });

  it("draws bars over one another on a terminal, and the seconds of a wait", async () => {
    const waiting = aTask(3, "pending", {
      Wait: { Stage: "scheduler", Reason: "no suitable node", Since: "2026-11-20T12:00:00Z" },
    });
    const world = play(
      [...Array.from({ length: 6 }, () => ({ tasks: [aTask(1, "running"), waiting] })), { tasks: all("running") }],
      { isTerminal: true, columns: 120 },
    );
    expect(await runCli(update, world)).toBe(0);
    const frames = world.out().split("\x1b[J");
    expect(frames[0]).toBe(
      "web\n\x1b[2Koverall progress: 1 out of 3 tasks\n" +
        `\x1b[2K1/3: running   on h1                     [${"=".repeat(50)}>]\n` +
        "\x1b[2K3/3: pending   no suitable node\n",
    );
    expect(frames[5]).toContain("\x1b[3A\x1b[2Koverall progress");
    expect(frames[5]).toContain("no suitable node   (1 s)\n");
    expect(world.out()).toContain("verify: Service web converged");
  });
});
