// `service ls`, `service create` and `service scale` for services of every mode.

import { describe, expect, test } from "vitest";
import type { ServiceMode } from "../../src/api/types.js";
import { runCli } from "../../src/cli/index.js";
import { aService } from "./support/objects.js";
import { answer, daemon, fakeWorld } from "./support/world.js";

async function run(argv: readonly string[], service = aService()) {
  const bodies: string[] = [];
  const transport = daemon((request, path) => {
    if (request.body !== undefined) bodies.push(request.body);
    if (path.startsWith("/services?")) return answer(200, [service]);
    if (path.startsWith("/services/create")) return answer(201, { ID: "service1" });
    return answer(404, { message: `page not found: ${path}` });
  });
  const world = fakeWorld({ transport });
  const code = await runCli(argv, world);
  return { code, out: world.out(), err: world.err(), bodies };
}

describe("service ls", () => {
  const rows: readonly { mode: ServiceMode; counts: readonly [number, number, number]; shown: string }[] = [
    { mode: { Replicated: { Replicas: 3 } }, counts: [1, 3, 0], shown: "replicated 1/3" },
    { mode: { Global: {} }, counts: [2, 3, 0], shown: "global 2/3" },
    {
      mode: { ReplicatedJob: { MaxConcurrent: 3, TotalCompletions: 5 } },
      counts: [1, 3, 2],
      shown: "replicated job 1/3 (2/5 completed)",
    },
    // Desired are only those which have yet to complete.
    { mode: { GlobalJob: {} }, counts: [1, 2, 3], shown: "global job 1/2 (3/5 completed)" },
  ];
  test.each(rows)("$shown", async ({ mode, counts, shown }) => {
    const [RunningTasks, DesiredTasks, CompletedTasks] = counts;
    const service = aService({ ServiceStatus: { RunningTasks, DesiredTasks, CompletedTasks } });
    const listed = { ...service, Spec: { ...service.Spec, Mode: mode } };
    expect((await run(["service", "ls", "--format", "{{.Mode}} {{.Replicas}}"], listed)).out).toBe(`${shown}\n`);
  });
});

describe("service create", () => {
  const rows: readonly { flags: readonly string[]; mode: unknown }[] = [
    { flags: ["--mode", "global"], mode: { Global: {} } },
    {
      flags: ["--mode", "replicated-job", "--replicas", "5"],
      mode: { ReplicatedJob: { MaxConcurrent: 5, TotalCompletions: 5 } },
    },
    {
      flags: ["--mode", "replicated-job", "--replicas", "5", "--max-concurrent", "2"],
      mode: { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 5 } },
    },
    { flags: ["--mode", "global-job"], mode: { GlobalJob: {} } },
  ];
  test.each(rows)("$flags", async ({ flags, mode }) => {
    const { code, bodies, err } = await run([
      "service",
      "create",
      "--detach",
      "--no-resolve-image",
      ...flags,
      "busybox",
    ]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(bodies[0] ?? "{}")).toMatchObject({ Mode: mode });
  });

  test.each([
    { flags: ["--mode", "global", "--replicas", "2"], err: "replicas can only be used with replicated" },
    {
      flags: ["--mode", "global", "--max-concurrent", "2"],
      err: "max-concurrent can only be used with replicated-job",
    },
    {
      flags: ["--mode", "global-job", "--update-parallelism", "1"],
      err: "update and rollback configuration is not supported for jobs",
    },
    { flags: ["--mode", "swarm"], err: "Unknown mode: swarm" },
  ])("refuses $flags", async ({ flags, err }) => {
    const refused = await run(["service", "create", "--detach", ...flags, "busybox"]);
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain(err);
    expect(refused.bodies).toEqual([]);
  });
});
