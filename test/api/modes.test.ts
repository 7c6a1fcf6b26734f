// The stock docker CLI drives global services and jobs: with the leader's loops, on agents without engines.

import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "../../src/base/host/index.js";
import { Scope, silentLog, silentMetrics } from "../../src/base/index.js";
import { Allocator } from "../../src/manager/allocator/index.js";
import { Orchestrator, Reaper } from "../../src/manager/orchestrator/index.js";
import { Scheduler } from "../../src/scheduler/index.js";
import { FakeAgents } from "../support/agents.js";
import { apiFixture, type Fixture, managerId, workerId } from "./fixture.js";

const binaries = ["/usr/local/bin/docker", "/usr/bin/docker"].flatMap((path) => {
  const version = versionOf(path);
  return version === undefined ? [] : [{ path, version }];
});

if (binaries.length === 0)
  test.skip("no docker CLI on this machine: install one to try it against the API", () => undefined);

describe.each(binaries)("docker $version", { timeout: 30_000 }, ({ path }) => {
  let fixture: Fixture;
  let loops: Scope;
  const home = mkdtempSync(join(tmpdir(), "skep-cli-home-"));

  beforeAll(async () => {
    fixture = await apiFixture();
    const { store, writer } = fixture;
    const modules = { store, writer, clock: systemClock, random: systemRandom, log: silentLog, metrics: silentMetrics };
    loops = new Scope(silentLog, () => undefined);
    const agents = new FakeAgents(modules);
    // What is told to sleep runs on, what is told nothing is done at once.
    agents.fateOf = (task) => (task.jobIteration === undefined ? {} : { ends: { afterMs: 20, as: "COMPLETE" } });
    loops.start("agents", (signal) => agents.run(signal));
    loops.start("orchestrator", (signal) => new Orchestrator({}, modules).run(signal));
    loops.start("allocator", (signal) => new Allocator({}, modules).run(signal));
    loops.start("scheduler", (signal) => new Scheduler({}, modules).run(signal));
    loops.start("reaper", (signal) => new Reaper({}, modules).run(signal));
  });
  afterAll(async () => {
    await loops.stop("the test is over");
    await fixture.close();
    rmSync(home, { recursive: true, force: true });
  });

  const docker = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const env = { PATH: process.env["PATH"], HOME: home, DOCKER_HOST: `unix://${fixture.socketPath}` };
      execFile(path, args, { env, timeout: 25_000 }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
      });
    });
  const create = (name: string, mode: string, ...args: string[]) =>
    docker(...["service", "create", "--name", name, "--mode", mode, "--no-resolve-image", ...args, "busybox:1"]);
  const listed = async (name: string): Promise<string> =>
    (await docker("service", "ls", "--filter", `name=${name}`, "--format", "{{.Mode}}|{{.Replicas}}")).out.trim();
  const inspected = async (name: string, field: string): Promise<unknown> =>
    JSON.parse((await docker("service", "inspect", name, "--format", `{{json .${field}}}`)).out);

  test("a global service: create waits for every node, ls, ps, scale is refused", async () => {
    const created = await create("everywhere", "global", "--update-monitor", "1ms");
    expect(created).toMatchObject({ code: 0, err: "" });
    expect(created.out).toContain("overall progress: 2 out of 2 tasks");
    expect(await listed("everywhere")).toBe("global|2/2");
    const names = (await docker("service", "ps", "everywhere", "--format", "{{.Name}}")).out.trim().split("\n");
    expect(names.sort()).toEqual([`everywhere.${managerId}`, `everywhere.${workerId}`]);
    expect((await docker("service", "scale", "everywhere=3")).err).toContain(
      "scale can only be used with replicated or replicated-job mode",
    );
  });

  test("a replicated job: create waits until it is complete; --force executes it again", async () => {
    const created = await create("batch", "replicated-job", "--replicas", "4", "--max-concurrent", "2");
    expect(created).toMatchObject({ code: 0, err: "" });
    expect(created.out).toContain("job complete");
    expect(await listed("batch")).toBe("replicated job|0/2 (4/4 completed)");
    expect(await inspected("batch", "Spec.Mode")).toEqual({ ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 4 } });
    expect(await inspected("batch", "JobStatus.JobIteration")).toEqual({});
    const again = await docker("service", "update", "--force", "batch");
    expect(again).toMatchObject({ code: 0 });
    expect(again.out).toContain("job complete");
    expect(await inspected("batch", "JobStatus.JobIteration")).toEqual({ Index: 1 });
    expect((await docker("service", "rollback", "batch")).err).toContain("does not have a previous spec");
  });

  test("its tasks count from 0, the first is named by its node, and are wanted complete", async () => {
    await create("three", "replicated-job", "--replicas", "3");
    const rows = (await docker("service", "ps", "three", "--format", "{{.Name}} {{.DesiredState}}")).out.trim();
    const shown = rows.split("\n").map((row) => row.replace(/three\.(manager|worker)0+/, "three.NODE"));
    expect(shown.sort()).toEqual(["three.1 Complete", "three.2 Complete", "three.NODE Complete"]);
  });

  test("a global job: create waits for every node", async () => {
    const created = await create("sweep", "global-job");
    expect(created).toMatchObject({ code: 0, err: "" });
    expect(created.out).toContain("job complete");
    expect(await listed("sweep")).toBe("global job|0/0 (2/2 completed)");
  });

  test("a mode is for ever", async () => {
    await create("fixed", "global", "--detach");
    const spec = (await inspected("fixed", "Spec")) as object;
    const version = await inspected("fixed", "Version.Index");
    const refused = await fixture.ask("POST", `/v1.41/services/fixed/update?version=${String(version)}`, {
      ...spec,
      Mode: { Replicated: { Replicas: 1 } },
    });
    expect(refused).toMatchObject({ status: 501 });
    expect(refused.at("message")).toBe("rpc error: code = Unimplemented desc = service mode change is not allowed");
  });
});

function versionOf(path: string): string | undefined {
  try {
    return /version ([\d.]+)/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}
