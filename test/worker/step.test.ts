import { describe, expect, test } from "vitest";
import type { Container, ContainerState, Health } from "../../src/engine/index.js";
import { TaskState, TaskStatus } from "../../src/gen/skep/v1/objects.js";
import { failure, nextStep, type Observed, type Step, type StepInput } from "../../src/worker/step.js";

const {
  ASSIGNED,
  ACCEPTED,
  PREPARING,
  READY,
  STARTING,
  RUNNING,
  COMPLETE,
  SHUTDOWN,
  FAILED,
  REJECTED,
  REMOVE,
  ORPHANED,
} = TaskState;

const messageOf: Partial<Record<TaskState, string>> = {
  [ACCEPTED]: "accepted",
  [PREPARING]: "preparing",
  [READY]: "prepared",
  [STARTING]: "starting",
  [RUNNING]: "started",
  [COMPLETE]: "finished",
  [SHUTDOWN]: "shutdown",
};

function container(state: ContainerState): Container {
  return { id: "c1", name: "web.1.t1", image: "busybox", labels: {}, state, ports: [] };
}
const running = (health: Health = "none"): Observed =>
  container({ kind: "running", pid: 7, startedAt: "2026-01-01T00:00:00Z", health });
const exited = (exitCode: number, rest: { oomKilled?: boolean; error?: string } = {}): Observed =>
  container({ kind: "exited", exitCode, oomKilled: false, error: "", finishedAt: "2026-01-01T00:00:00Z", ...rest });
const dead = container({ kind: "dead", exitCode: 137, oomKilled: false, error: "", finishedAt: "" });
const created = container({ kind: "created" });
const paused = container({ kind: "paused", pid: 7, startedAt: "", health: "none" });
const unknown: Observed = { kind: "unknown" };
const absent: Observed = { kind: "absent" };

const says = (state: TaskState): Step => ({ kind: "report", report: { state, message: messageOf[state] ?? "" } });
const fails = (state: TaskState, message: string, err: string): Step => ({
  kind: "report",
  report: { state, message, err },
});
const wait: Step = { kind: "wait" };
const look: Step = { kind: "look" };
const stop: Step = { kind: "stop", isUnhealthy: false };

interface Row {
  readonly rule: string;
  readonly desired: TaskState;
  readonly state: TaskState;
  readonly container: Observed;
  readonly but?: Partial<StepInput>;
  readonly step: Step;
}

const unconfirmed = { isConfirmed: false };
const rebooted = { isRebooted: true, isConfirmed: false };
const removed = { isRemoved: true };

const rows: readonly Row[] = [
  // R1: desired SHUTDOWN or REMOVE.
  { rule: "never begun", desired: SHUTDOWN, state: ASSIGNED, container: unknown, step: says(SHUTDOWN) },
  { rule: "a container may be there: look", desired: SHUTDOWN, state: PREPARING, container: unknown, step: look },
  { rule: "created only", desired: SHUTDOWN, state: READY, container: created, step: says(SHUTDOWN) },
  { rule: "running", desired: SHUTDOWN, state: RUNNING, container: running(), step: stop },
  { rule: "paused", desired: SHUTDOWN, state: RUNNING, container: paused, step: stop },
  { rule: "stopped", desired: SHUTDOWN, state: RUNNING, container: exited(137), step: says(SHUTDOWN) },
  { rule: "vanished", desired: SHUTDOWN, state: RUNNING, container: absent, step: says(SHUTDOWN) },
  {
    rule: "also without a leader",
    desired: SHUTDOWN,
    state: RUNNING,
    container: running(),
    but: unconfirmed,
    step: stop,
  },
  { rule: "history is kept", desired: SHUTDOWN, state: SHUTDOWN, container: exited(0), step: wait },
  { rule: "history needs no look", desired: SHUTDOWN, state: FAILED, container: unknown, step: wait },
  { rule: "history does not run", desired: SHUTDOWN, state: FAILED, container: running(), step: stop },
  { rule: "orphans stop", desired: SHUTDOWN, state: ORPHANED, container: running(), step: stop },
  { rule: "to be deleted: stop", desired: REMOVE, state: RUNNING, container: running(), step: stop },
  { rule: "to be deleted: say so", desired: REMOVE, state: RUNNING, container: exited(0), step: says(SHUTDOWN) },
  { rule: "to be deleted: remove", desired: REMOVE, state: SHUTDOWN, container: exited(0), step: { kind: "remove" } },
  { rule: "to be deleted: nothing left", desired: REMOVE, state: SHUTDOWN, container: absent, step: wait },

  // R2: nothing beyond what is wanted.
  { rule: "held at READY", desired: READY, state: READY, container: created, step: wait },
  { rule: "ended", desired: RUNNING, state: COMPLETE, container: exited(0), step: wait },
  { rule: "ended, seen by nobody", desired: RUNNING, state: FAILED, container: unknown, step: wait },
  { rule: "ended, but it runs", desired: RUNNING, state: FAILED, container: running(), step: stop },

  // R4: states passed by saying so.
  { rule: "accept", desired: RUNNING, state: ASSIGNED, container: unknown, step: says(ACCEPTED) },
  { rule: "prepare", desired: READY, state: ACCEPTED, container: unknown, step: says(PREPARING) },
  { rule: "released", desired: RUNNING, state: READY, container: created, step: says(STARTING) },

  // R3: preparing.
  { rule: "create", desired: RUNNING, state: PREPARING, container: unknown, step: { kind: "prepare" } },
  { rule: "create again", desired: RUNNING, state: PREPARING, container: absent, step: { kind: "prepare" } },
  { rule: "created", desired: RUNNING, state: PREPARING, container: created, step: says(READY) },

  // R3, R5: starting.
  { rule: "adopted while starting", desired: RUNNING, state: STARTING, container: unknown, step: look },
  { rule: "start", desired: RUNNING, state: STARTING, container: created, step: { kind: "start" } },
  { rule: "runs", desired: RUNNING, state: STARTING, container: running(), step: says(RUNNING) },
  { rule: "waits for health", desired: RUNNING, state: STARTING, container: running("starting"), step: wait },
  { rule: "healthy", desired: RUNNING, state: STARTING, container: running("healthy"), step: says(RUNNING) },
  {
    rule: "unhealthy",
    desired: RUNNING,
    state: STARTING,
    container: running("unhealthy"),
    step: { kind: "stop", isUnhealthy: true },
  },
  { rule: "quick success did start", desired: RUNNING, state: STARTING, container: exited(0), step: says(RUNNING) },
  {
    rule: "quick failure",
    desired: RUNNING,
    state: STARTING,
    container: exited(3),
    step: fails(FAILED, "starting", "task: non-zero exit (3)"),
  },
  {
    rule: "stopped for its health",
    desired: RUNNING,
    state: STARTING,
    container: exited(137),
    but: { wasUnhealthy: true },
    step: fails(FAILED, "starting", "task: non-zero exit (137): dockerexec: unhealthy container"),
  },
  {
    rule: "vanished while starting",
    desired: RUNNING,
    state: STARTING,
    container: absent,
    step: fails(FAILED, "starting", "dockerexec: container destroyed"),
  },

  // R3, R4: running.
  { rule: "runs on", desired: RUNNING, state: RUNNING, container: running("healthy"), step: wait },
  { rule: "paused runs on", desired: RUNNING, state: RUNNING, container: paused, step: wait },
  { rule: "adopted", desired: RUNNING, state: RUNNING, container: unknown, step: look },
  { rule: "ends well", desired: RUNNING, state: RUNNING, container: exited(0), step: says(COMPLETE) },
  {
    rule: "ends badly",
    desired: RUNNING,
    state: RUNNING,
    container: exited(1),
    step: fails(FAILED, "started", "task: non-zero exit (1)"),
  },
  {
    rule: "the engine knows why",
    desired: RUNNING,
    state: RUNNING,
    container: exited(127, { error: "exec: not found" }),
    step: fails(FAILED, "started", "task: non-zero exit (127): exec: not found"),
  },
  {
    rule: "out of memory",
    desired: RUNNING,
    state: RUNNING,
    container: exited(137, { oomKilled: true }),
    step: fails(FAILED, "started", "task: non-zero exit (137): OOM killed"),
  },
  {
    rule: "dead",
    desired: RUNNING,
    state: RUNNING,
    container: dead,
    step: fails(FAILED, "started", "task: non-zero exit (137)"),
  },
  {
    rule: "becomes unhealthy",
    desired: RUNNING,
    state: RUNNING,
    container: running("unhealthy"),
    step: { kind: "stop", isUnhealthy: true },
  },
  {
    rule: "unhealthy, and stopped with 0",
    desired: RUNNING,
    state: RUNNING,
    container: exited(0),
    but: { wasUnhealthy: true },
    step: fails(FAILED, "started", "dockerexec: unhealthy container"),
  },
  {
    rule: "vanished",
    desired: RUNNING,
    state: RUNNING,
    container: absent,
    step: fails(FAILED, "started", "dockerexec: container destroyed"),
  },

  // Without a leader: observed, not begun.
  { rule: "no accept", desired: RUNNING, state: ASSIGNED, container: unknown, but: unconfirmed, step: wait },
  { rule: "no create", desired: RUNNING, state: PREPARING, container: unknown, but: unconfirmed, step: wait },
  { rule: "no start", desired: RUNNING, state: STARTING, container: created, but: unconfirmed, step: wait },
  {
    rule: "but seen running",
    desired: RUNNING,
    state: STARTING,
    container: running(),
    but: unconfirmed,
    step: says(RUNNING),
  },
  {
    rule: "and seen ending",
    desired: RUNNING,
    state: RUNNING,
    container: exited(0),
    but: unconfirmed,
    step: says(COMPLETE),
  },

  // After a reboot what ran is started again, leader or not.
  { rule: "again", desired: RUNNING, state: RUNNING, container: exited(137), but: rebooted, step: { kind: "start" } },
  {
    rule: "again from starting",
    desired: RUNNING,
    state: STARTING,
    container: exited(0),
    but: rebooted,
    step: { kind: "start" },
  },
  {
    rule: "again, never run",
    desired: RUNNING,
    state: STARTING,
    container: created,
    but: rebooted,
    step: { kind: "start" },
  },
  { rule: "runs already", desired: RUNNING, state: RUNNING, container: running(), but: rebooted, step: wait },
  { rule: "not what ended before", desired: RUNNING, state: COMPLETE, container: exited(0), but: rebooted, step: wait },
  {
    rule: "not what is to stop",
    desired: SHUTDOWN,
    state: RUNNING,
    container: exited(0),
    but: rebooted,
    step: says(SHUTDOWN),
  },

  // R6: removed assignments.
  { rule: "removed, unseen", desired: RUNNING, state: RUNNING, container: unknown, but: removed, step: look },
  { rule: "removed, running", desired: RUNNING, state: RUNNING, container: running(), but: removed, step: stop },
  {
    rule: "removed, stopped",
    desired: SHUTDOWN,
    state: SHUTDOWN,
    container: exited(0),
    but: removed,
    step: { kind: "remove" },
  },
  {
    rule: "removed, gone",
    desired: SHUTDOWN,
    state: SHUTDOWN,
    container: absent,
    but: removed,
    step: { kind: "forget" },
  },
];

describe("the next step of a task", () => {
  test.each(rows)("$rule", ({ desired, state, container: observed, but, step }) => {
    const status = TaskStatus.fromPartial({ state, message: messageOf[state] ?? "" });
    const input: StepInput = {
      desired,
      status,
      container: observed,
      isConfirmed: true,
      isRebooted: false,
      wasUnhealthy: false,
      isRemoved: false,
      ...but,
    };
    expect(nextStep(input)).toEqual(step);
  });

  test("a reported state never falls, whatever is seen", () => {
    const seen = [
      unknown,
      absent,
      created,
      running(),
      running("starting"),
      running("unhealthy"),
      paused,
      exited(0),
      exited(1),
      dead,
    ];
    for (const desired of [READY, RUNNING, COMPLETE, SHUTDOWN, REMOVE]) {
      for (const state of Object.values(TaskState)) {
        for (const observed of seen) {
          for (const flags of [0, 1, 2, 3, 4, 5, 6, 7]) {
            const step = nextStep({
              desired,
              status: TaskStatus.fromPartial({ state }),
              container: observed,
              isConfirmed: (flags & 1) > 0,
              isRebooted: (flags & 2) > 0,
              wasUnhealthy: (flags & 4) > 0,
              isRemoved: false,
            });
            if (step.kind === "report") expect(step.report.state).toBeGreaterThan(state);
          }
        }
      }
    }
  });

  test.each([
    [PREPARING, REJECTED],
    [READY, REJECTED],
    [STARTING, FAILED],
    [RUNNING, FAILED],
  ])("a step that fails at %s makes the task %s", (state, failed) => {
    expect(failure(TaskStatus.fromPartial({ state, message: "m" }), "why")).toEqual({
      state: failed,
      message: "m",
      err: "why",
    });
  });
});
