// The stock docker CLI against our socket, each version there is on this machine.

import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiFixture, type Fixture, workerId } from "./fixture.js";
import { playTasks } from "./puppet.js";

const binaries = ["/usr/local/bin/docker", "/usr/bin/docker"].flatMap((path) => {
  const version = versionOf(path);
  return version === undefined ? [] : [{ path, version }];
});

if (binaries.length === 0)
  test.skip("no docker CLI on this machine: install one to try it against the API", () => undefined);

describe.each(binaries)("docker $version", { timeout: 30_000 }, ({ path }) => {
  let fixture: Fixture;
  const over = new AbortController();
  const home = mkdtempSync(join(tmpdir(), "skep-cli-home-"));

  beforeAll(async () => {
    fixture = await apiFixture();
    playTasks(fixture.store, fixture.writer, workerId, over.signal).catch(() => undefined);
  });
  afterAll(async () => {
    over.abort();
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

  test("node ls, inspect, update, ps", async () => {
    const list = await docker("node", "ls");
    expect(list).toMatchObject({ code: 0, err: "" });
    expect(
      list.out
        .split("\n")
        .slice(0, 3)
        .map((line) => line.split(/\s{2,}/)),
    ).toEqual([
      ["ID", "HOSTNAME", "STATUS", "AVAILABILITY", "MANAGER STATUS", "ENGINE VERSION"],
      ["manager000000000000000000 *", "h1", "Ready", "Active", "Leader", "20.10.24"],
      ["worker0000000000000000000", "h2", "Ready", "Active", "20.10.24"],
    ]);
    expect(await docker("node", "update", "--availability", "drain", "--label-add", "disk=ssd", "h2")).toMatchObject({
      code: 0,
      out: "h2\n",
    });
    const pretty = await docker("node", "inspect", "--pretty", "h2");
    expect(pretty.out).toContain("- disk=ssd");
    expect(pretty.out).toMatch(/Availability:\s+Drain/);
    expect(await docker("node", "update", "--availability", "active", "h2")).toMatchObject({ code: 0 });
    expect(await docker("node", "promote", "h2")).toMatchObject({ code: 0 });
    expect(await docker("node", "demote", "h2")).toMatchObject({ code: 0 });
    expect(await docker("node", "inspect", "nope")).toMatchObject({ code: 1, out: "[]\n" });
  });

  test("service create waits until converged, in the CLI's own words", async () => {
    const created = await docker(
      "service",
      "create",
      "--name",
      "web",
      "--replicas",
      "3",
      "--update-monitor",
      "1ms",
      "--no-resolve-image",
      "busybox:1",
      "sleep",
      "9",
    );
    expect(created).toMatchObject({ code: 0 });
    expect(created.out).toMatch(/^[0-9a-z]{25}\n/);
    expect(created.out).toMatch(/verify: Service (converged|[0-9a-z]{25} converged)/);
  });

  test("service ls, ps, inspect", async () => {
    expect((await docker("service", "ls")).out).toMatch(/web\s+replicated\s+3\/3\s+busybox:1/);
    expect((await docker("service", "ls", "-q")).out).toMatch(/^[0-9a-z]{12}\n$/);
    const tasks = await docker("service", "ps", "web");
    expect(tasks.out).toMatch(/web\.1\s+busybox:1\s+h2\s+Running\s+Running/);
    expect(tasks.out.trim().split("\n")).toHaveLength(4);
    expect((await docker("node", "ps", "h2")).out).toContain("web.3");
    expect((await docker("service", "inspect", "--pretty", "web")).out).toMatch(/Replicas:\s+3/);
    expect((await docker("service", "inspect", "--format", "{{.Spec.Name}}", "web")).out).toBe("web\n");
    expect(await docker("service", "ps", "nope")).toMatchObject({ code: 1, err: "no such service: nope\n" });
  });

  test("scale, update --image, rollback, rm", async () => {
    expect((await docker("service", "scale", "web=5")).out).toMatch(/web scaled to 5[\s\S]*converged/);
    const ids = fixture.store.table("task");
    const before = [...ids.all()].map((task) => task.id);
    expect(before).toHaveLength(5);
    expect((await docker("service", "update", "--image", "busybox:2", "--no-resolve-image", "web")).out).toContain(
      "converged",
    );
    expect((await docker("service", "ls")).out).toContain("busybox:2");
    expect([...ids.all()].every((task) => !before.includes(task.id))).toBe(true);
    // The puppet writes no update status, so only the request is looked at.
    expect(await docker("service", "rollback", "-d", "web")).toMatchObject({ code: 0 });
    expect((await docker("service", "ls")).out).toContain("busybox:1");
    expect(await docker("service", "rm", "web")).toMatchObject({ code: 0, out: "web\n" });
    expect((await docker("service", "ls")).out.trim().split("\n")).toHaveLength(1);
  });

  test("what a spec loses on its way through inspect and update is nothing: scaling keeps all tasks", async () => {
    const args = [
      "--env",
      "A=1",
      "--label",
      "l=1",
      "--constraint",
      "node.role==worker",
      "--restart-condition",
      "on-failure",
      "--limit-memory",
      "64M",
      "--mount",
      "type=tmpfs,target=/t",
      "--health-cmd",
      "true",
      "--publish",
      "mode=host,published=8080,target=80",
      "--network",
      "host",
      "--stop-grace-period",
      "1s",
    ];
    expect(
      await docker("service", "create", "-d", "--name", "rich", ...args, "--no-resolve-image", "busybox:1"),
    ).toMatchObject({ code: 0 });
    const revision = () =>
      [...fixture.store.table("revision").all()].find((each) => each.spec?.annotations?.name === "rich");
    const task = revision()?.spec?.task;
    expect(await docker("service", "scale", "-d", "rich=2")).toMatchObject({ code: 0 });
    const both = [...fixture.store.table("revision").all()].filter((each) => each.spec?.annotations?.name === "rich");
    expect(both).toHaveLength(2);
    expect(both[1]?.spec?.task).toEqual(task);
    expect(both[1]?.spec?.endpoint).toEqual(both[0]?.spec?.endpoint);
    await docker("service", "rm", "rich");
  });

  test("what is not built says what works", async () => {
    const published = await docker("service", "create", "-d", "--publish", "80:80", "--no-resolve-image", "busybox");
    expect(published).toMatchObject({ code: 1 });
    expect(published.err).toContain("publish with mode=host");
    expect((await docker("network", "create", "-d", "overlay", "net")).err).toContain(
      "overlay networks are not built yet",
    );
    expect((await docker("secret", "ls")).err).toContain("secrets are not built yet");
  });

  test("swarm join-token, update, leave; info", async () => {
    expect((await docker("swarm", "join-token", "worker", "-q")).out).toMatch(/^SWMTKN-1-/);
    expect((await docker("swarm", "join-token", "worker")).out).toContain("docker swarm join --token SWMTKN-1-");
    expect(await docker("swarm", "update", "--task-history-limit", "7")).toMatchObject({
      code: 0,
      out: "Swarm updated.\n",
    });
    expect(fixture.store.cluster?.spec?.orchestration?.taskHistoryRetentionLimit).toBe(7);
    expect(fixture.store.cluster?.spec?.dispatcher?.heartbeatPeriod).toBeUndefined();
    expect(
      (await docker("info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Name}}")).out,
    ).toBe("active true h1\n");
    expect((await docker("swarm", "leave")).err).toContain(
      "Removing the last manager erases all current state of the swarm",
    );
    expect(await docker("swarm", "leave", "--force")).toMatchObject({ code: 0, out: "Node left the swarm.\n" });
    expect(fixture.node.calls).toContainEqual(["leave", true]);
  });
});

function versionOf(path: string): string | undefined {
  try {
    return /version ([\d.]+)/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}
