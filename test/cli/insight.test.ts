// `service explain` and `service plan` as a person reads them, and what they ask of the daemon.

import { describe, expect, it } from "vitest";
import type { Explanation, Plan } from "../../src/api/types.js";
import { statusText } from "../../src/cli/commands/system/status.js";
import { runCli } from "../../src/cli/index.js";
import { aService, aTask } from "./support/objects.js";
import { answer, daemon, type FakeWorldOptions, fakeWorld } from "./support/world.js";

const at = "2026-11-20T12:00:41Z";

const explanation: Explanation = {
  ...{ At: at, ID: "service1", Name: "web", Mode: "replicated", Running: 1, Desired: 3 },
  Waits: [
    {
      ...{
        Stage: "scheduler",
        State: "pending",
        Since: "2026-11-20T12:00:00Z",
        Tasks: ["web.2", "web.3"],
        TaskCount: 2,
      },
      Reason: "no suitable node (max replicas per node limit exceed; scheduling constraints not satisfied on 1 node)",
      Nodes: [
        {
          ...{ ID: "n2", Hostname: "h2" },
          Checks: [
            { Filter: "node", Passes: true, Says: "ok" },
            { Filter: "constraint", Passes: true, Says: "ok" },
            { Filter: "port", Passes: false, Says: "8080/tcp is held by old-web.1" },
          ],
        },
        {
          ...{ ID: "n3", Hostname: "host3" },
          Checks: [
            { Filter: "node", Passes: true, Says: "ok" },
            { Filter: "constraint", Passes: false, Says: 'node.labels.disk is "hdd", wanted "ssd"' },
            { Filter: "port", Passes: true, Says: "ok" },
          ],
        },
      ],
      NodesLeftOut: 0,
    },
  ],
  Failures: [],
  Lacking: [],
  LeftOut: { Waits: 0, Failures: 0 },
  WouldHelp: ["'skep node update --label-add disk=ssd host3'", "'skep service rm old-web'"],
};

async function run(
  argv: readonly string[],
  answers: Readonly<Record<string, unknown>>,
  options: Partial<FakeWorldOptions> = {},
) {
  const calls: string[] = [];
  const transport = daemon((request, path) => {
    const [bare = ""] = path.split("?");
    calls.push(`${request.method} ${bare}${request.body === undefined ? "" : ` ${request.body.trim()}`}`);
    const found = answers[`${request.method} ${bare}`];
    return found === undefined ? answer(404, { message: `page not found: ${bare}` }) : answer(200, found);
  });
  // The path has no Docker version of its own, only ours.
  const own: typeof transport = (address, request) =>
    transport(address, { ...request, path: request.path.replace(/^\/skep\/v1/, "/v1/skep") });
  const world = fakeWorld({ transport: own, ...options });
  const exit = await runCli(argv, world);
  return { exit, out: world.out(), err: world.err(), calls };
}

describe("service explain", () => {
  const answers = { "GET /skep/services/web/explain": explanation };

  it("tells what waits, where it is refused, and what would help", async () => {
    const reply = await run(["service", "explain", "web"], answers);
    expect(reply).toMatchObject({ exit: 0, err: "" });
    expect(reply.out).toBe(
      [
        "web: 1 of 3 tasks runs; 2 wait.",
        "web.2, web.3 wait in the scheduler since 12:00:00 UTC (41 seconds ago): no suitable node (max replicas per node limit exceed; scheduling constraints not satisfied on 1 node).",
        "  h2      constraint ok                                         port: 8080/tcp is held by old-web.1",
        '  host3   constraint: node.labels.disk is "hdd", wanted "ssd"   port ok',
        "Would help: 'skep node update --label-add disk=ssd host3', or 'skep service rm old-web'.",
        "",
      ].join("\n"),
    );
  });

  it("paints only on a terminal, and not where colour is not wanted", async () => {
    const painted = await run(["service", "explain", "web"], answers, { isTerminal: true });
    expect(painted.out).toContain("\x1b[32mconstraint ok\x1b[0m");
    expect(painted.out).toContain("\x1b[31mport: 8080/tcp is held by old-web.1\x1b[0m");
    const plain = await run(["service", "explain", "web"], answers, { isTerminal: true, env: { NO_COLOR: "1" } });
    expect(plain.out).not.toContain("\x1b");
  });

  it("prints the daemon's answer as JSON, or a part of it", async () => {
    const json = await run(["service", "explain", "--format", "json", "web"], answers);
    expect(JSON.parse(json.out)).toEqual(explanation);
    const part = await run(["service", "explain", "-f", "{{(index .Waits 0).TaskCount}}", "web"], answers);
    expect(part.out).toBe("2\n");
  });

  it("says that there is no such service", async () => {
    expect(await run(["service", "explain", "nope"], answers)).toMatchObject({
      exit: 1,
      out: "",
      err: "no such service: nope\n",
    });
  });

  it("tells failures, updates, jobs and nodes without a task in their own words", async () => {
    const told: Explanation = {
      ...explanation,
      ...{ Waits: [], WouldHelp: [], Running: 0, Desired: 1, LeftOut: { Waits: 3, Failures: 1 } },
      Update: {
        ...{ State: "paused", Message: "update paused due to failure or early termination of task t1" },
        ...{ Total: 3, Done: 1, Failed: 1, Next: "nothing until somebody acts" },
      },
      Failures: [
        {
          ...{
            Task: "web.1",
            Node: "h1",
            State: "failed",
            Error: "task: non-zero exit (137)",
            ExitCode: 137,
            Ended: 4,
          },
          ...{ At: "2026-11-20T12:00:31Z", NextAt: "2026-11-20T12:00:49Z", AttemptsLeft: 1, GivenUp: false },
        },
        {
          ...{ Task: "web.2", Node: "h1", State: "rejected", Error: "no such image", Ended: 1 },
          ...{ At: "2026-11-19T12:00:41Z", GivenUp: true },
        },
      ],
      Lacking: [{ Reason: "its availability is drain", Nodes: ["h2", "h3"], NodeCount: 5 }],
    };
    const reply = await run(["service", "explain", "web"], { "GET /skep/services/web/explain": told });
    expect(reply.out).toBe(
      [
        "web: 0 of 1 task runs; 3 wait; 3 fail.",
        "Update paused: update paused due to failure or early termination of task t1 (1 of 3 done, 1 failed).",
        "  Next: nothing until somebody acts.",
        "… and 3 more tasks wait.",
        "web.1 failed 4 times, last on h1 at 12:00:31 UTC (10 seconds ago): task: non-zero exit (137). It is started again at 12:00:49 UTC (in 8 seconds). 1 attempt left.",
        "web.2 was rejected on h1 at 2026-11-19 12:00:41 UTC (24 hours ago): no such image. Its restart policy asks for no other: 'skep service update --force web' starts it anew.",
        "… and 1 more slot fails.",
        "No task on h2, h3 and 3 more: its availability is drain.",
        "",
      ].join("\n"),
    );
    const job: Explanation = {
      ...explanation,
      Mode: "replicated-job",
      Waits: [],
      WouldHelp: [],
      Job: { Iteration: 1, Completed: 3, Total: 10 },
    };
    const ran = await run(["service", "explain", "web"], { "GET /skep/services/web/explain": job });
    expect(ran.out).toBe("web: run 2 of the replicated-job; 3 of 10 completed; 1 runs. Nothing waits.\n");
  });
});

describe("service plan", () => {
  const plan: Plan = {
    ...{
      Action: "update",
      Name: "web",
      Mode: "replicated",
      Placed: [],
      PlacedLeftOut: 0,
      Unplaced: 0,
      Warnings: [],
      WouldHelp: [],
    },
    Changes: [
      { Field: "TaskTemplate.ContainerSpec.Image", Old: "nginx:1.27", New: `nginx:1.29@sha256:91a${"0".repeat(61)}` },
      { Field: "UpdateConfig.Order", Old: "stop-first", New: "start-first" },
      { Field: "TaskTemplate.ContainerSpec.Env", Old: ["A=1", "B=2"], New: ["B=2", "C=3"] },
      { Field: "TaskTemplate.Resources.Limits.MemoryBytes", New: 512 * 2 ** 20 },
      { Field: "UpdateConfig.Delay", Old: 5e9, New: 10e9 },
      {
        Field: "EndpointSpec.Ports",
        New: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }],
      },
      { Field: "Labels.team", New: "web" },
    ],
    Tasks: { Running: 3, Before: 3, After: 3, Added: 0, Removed: 0, Replaced: 3, Kept: 0 },
    Rollout: {
      ...{ Slots: 3, Order: "start-first", Parallelism: 1, Delay: 10e9, Monitor: 30e9, KeepsRunning: 3 },
      ...{ FailureAction: "rollback", MaxFailureRatio: 0.25 },
      Room: [
        { Hostname: "h2", Says: "memory 1.1 of 2.0 GiB free", Fits: true },
        { Hostname: "h1", Says: "memory 1.0 of 2.0 GiB free", Fits: true },
      ],
    },
  };
  const answers = { "GET /services/web": aService(), "POST /skep/services/plan": plan };

  it("says what changes, how, and how to do it", async () => {
    const reply = await run(
      ["service", "plan", "web", "--update-order", "start-first", "--no-resolve-image", "--image", "nginx:1.29"],
      answers,
    );
    expect(reply).toMatchObject({ exit: 0, err: "" });
    expect(reply.out).toBe(
      [
        "  image          nginx:1.27 → nginx:1.29 (sha256:91a…)",
        "  update-order   stop-first → start-first",
        "  env            -A=1 +C=3",
        "  limit-memory   (none) → 512MiB",
        "  update-delay   5s → 10s",
        "  publish        +8080:80/tcp (host)",
        "  label team     (none) → web",
        "3 tasks would be replaced, one at a time, 10s apart, each new one before the old one stops; at least 3 stay running. h2 has room for the extra one (memory 1.1 of 2.0 GiB free); h1 too.",
        "Rolls back by itself if more than 25 % fail within 30s of their start. Nothing was changed. Run 'skep service update …' with the same flags to do it.",
        "",
      ].join("\n"),
    );
  });

  it("asks about exactly what the update would send, and changes nothing", async () => {
    const asked = await run(["service", "plan", "--image", "nginx:2", "--no-resolve-image", "web"], answers);
    const done = await run(["service", "update", "-d", "--image", "nginx:2", "--no-resolve-image", "web"], {
      ...answers,
      "POST /services/service1/update": {},
    });
    const sent = JSON.parse(done.calls.at(-1)?.split(" ").slice(2).join(" ") ?? "");
    const wish = JSON.parse(asked.calls.at(-1)?.split(" ").slice(2).join(" ") ?? "");
    expect(wish).toEqual({ Service: "service1", Version: 11, Rollback: false, Spec: sent });
    expect(asked.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
  });

  it("of a new service: create --plan sends what create would, and creates nothing", async () => {
    const planned: Plan = {
      ...plan,
      ...{ Action: "create", Changes: [], Tasks: { ...plan.Tasks, Running: 0, Before: 0, Added: 3, Replaced: 0 } },
      Placed: [
        { NodeID: "n1", Hostname: "h1", Tasks: 2 },
        { NodeID: "n2", Hostname: "h2", Tasks: 1 },
      ],
    };
    const { Rollout: _, ...created } = planned;
    const reply = await run(
      ["service", "create", "--plan", "--no-resolve-image", "--replicas", "3", "--name", "web", "nginx"],
      {
        "POST /skep/services/plan": created,
      },
    );
    expect(reply.calls).toHaveLength(1);
    expect(reply.out).toBe(
      "web would be created with 3 tasks.\nThe new tasks would go: 2 on h1, 1 on h2.\nNothing was changed. Leave out --plan to do it.\n",
    );
  });

  it("warns of what would wait, node by node", async () => {
    const waiting: Plan = {
      ...plan,
      ...{
        Changes: [],
        Unplaced: 1,
        Warnings: ["1 new task would find no node and wait."],
        WouldHelp: ["'skep service rm old-web'"],
      },
      ...(explanation.Waits[0] === undefined ? {} : { UnplacedWhy: { ...explanation.Waits[0], TaskCount: 1 } }),
    };
    const reply = await run(["service", "plan", "--force", "web"], { ...answers, "POST /skep/services/plan": waiting });
    expect(reply.out.split("\n").slice(1, 6)).toEqual([
      "1 task would wait: no suitable node (max replicas per node limit exceed; scheduling constraints not satisfied on 1 node).",
      "  h2      constraint ok                                         port: 8080/tcp is held by old-web.1",
      '  host3   constraint: node.labels.disk is "hdd", wanted "ssd"   port ok',
      "WARNING: 1 new task would find no node and wait.",
      "Would help: 'skep service rm old-web'.",
    ]);
  });

  it("says that there is no such service, as JSON what the daemon said", async () => {
    expect(await run(["service", "plan", "nope"], answers)).toMatchObject({ exit: 1, err: "no such service: nope\n" });
    const json = await run(["service", "plan", "--force", "--format", "json", "web"], answers);
    expect(JSON.parse(json.out)).toEqual(plan);
  });
});

describe("service ps", () => {
  const waiting = aTask(1, "pending", {
    NodeID: "",
    Wait: { Stage: "scheduler", Reason: "no suitable node", Since: "2026-11-20T11:59:00Z" },
  });
  const answers = { "GET /services": [aService()], "GET /tasks": [waiting], "GET /services/service1": aService() };
  const hint = "\n'skep service explain web' says why tasks wait, and what would help.\n";

  it.each([
    ["a person at a terminal is told how to learn more", { isTerminal: true }, [], hint],
    ["a pipe is not", { isTerminal: false }, [], ""],
    ["nor who asks for a format", { isTerminal: true }, ["--format", "json"], ""],
    ["nor for a wait that has just begun", { isTerminal: true, nowMs: Date.parse("2026-11-20T11:59:02Z") }, [], ""],
  ] as const)("%s", async (_, options, flags, err) => {
    expect(await run(["service", "ps", ...flags, "web"], answers, options)).toMatchObject({ exit: 0, err });
  });

  it("shows what a task waits for where it has no error of its own", async () => {
    expect((await run(["service", "ps", "web"], answers)).out).toContain('"no suitable node"');
  });
});

describe("system status", () => {
  const Node = {
    Hostname: "h1",
    Version: "0",
    IsManager: true,
    IsWorker: true,
    State: "active",
    Engine: { Address: "e", Version: "28" },
  };
  it("tells what tasks wait for, and since when any fails", () => {
    const Waiting = [
      { Stage: "scheduler", Count: 2, OldestSince: "2026-11-20T12:00:00Z" },
      { Stage: "node", Count: 1, OldestSince: "2026-11-20T12:00:31Z" },
      { Stage: "restart", Count: 1, OldestSince: "2026-11-20T12:00:40Z" },
    ];
    const Tasks = { Running: 41, Pending: 4, Failing: 1, FailingSince: "2026-11-20T12:00:01Z", Waiting };
    expect(statusText({ Node, Tasks, Warnings: [] }, Date.parse(at)).split("\n")[1]).toBe(
      "tasks   41 running · 4 pending (2 in the scheduler, oldest 41 seconds; 1 on their nodes, oldest 10 seconds; 1 until they are started again, oldest 1 second) · 1 failing (oldest 40 seconds)",
    );
  });
});
