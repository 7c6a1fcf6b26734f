// The harness itself: hosts that are real, apart, and gone afterwards.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { busybox, dockerClis, eventually, nodeWeb, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";

onRealHosts("real hosts", () => {
  test("three hosts run containers, reach one another, and leave nothing behind", async () => {
    const from = performance.now();
    const hosts = await startHosts(3, { images: [busybox, web("1")] });
    console.log(`three hosts up in ${Math.round(performance.now() - from)} ms`);
    try {
      for (const host of hosts.all) {
        await host.docker(["run", "-d", "--name", `web-${host.name}`, "-p", "8080:80", "web:1"], { to: "engine" });
        expect((await host.containers()).map(({ name }) => name)).toEqual([`web-${host.name}`]);
      }
      expect((await hosts.host(1).exec(["hostname"])).stdout).toBe("h1\n");
      await hosts.host(1).exec(["busybox", "ping", "-c", "1", "-W", "2", hosts.host(3).address]);
      const { value } = await eventually(
        async () =>
          (await hosts.host(1).exec(["busybox", "wget", "-qO-", `http://${hosts.host(2).address}:8080/`])).stdout,
        { what: "the container on h2 answers h1", withinMs: 5_000 },
      );
      expect(value).toMatch(/^web 1 on [0-9a-f]{12}\n$/);
      await hosts.host(2).linkDown();
      expect(
        (await hosts.host(1).exec(["busybox", "ping", "-c", "1", "-W", "1", hosts.host(2).address], { mayFail: true }))
          .code,
      ).toBe(1);
      await hosts.host(2).linkUp();
      await hosts.host(1).exec(["busybox", "ping", "-c", "1", "-W", "2", hosts.host(2).address]);
    } finally {
      await hosts.end();
    }
    expect(hosts.leftovers()).toEqual([]);
  });

  test("containers outlive a killed engine, and its restart with live-restore finds them running", async () => {
    await using hosts = await startHosts(1, { isLiveRestore: true });
    const host = hosts.host(1);
    await host.docker(["run", "-d", "--name", "long", "busybox", "sleep", "1000"], { to: "engine" });
    const before = await host.engine.http.ok("GET", "/containers/long/json");
    await host.killEngine();
    expect((await host.exec(["pgrep", "-f", "^sleep 1000$"])).stdout).not.toBe("");
    await host.startEngine();
    const after = await host.engine.http.ok("GET", "/containers/long/json");
    expect(stateOf(after.json)).toEqual(stateOf(before.json));
    await host.crashContainer("long");
    await eventually(async () => (await host.containers()).length === 0, {
      what: "the crash is seen",
      withinMs: 5_000,
    });
  });

  test("an image made of this machine's Node serves, and stops when asked", async () => {
    await using hosts = await startHosts(1, { images: [nodeWeb] });
    const host = hosts.host(1);
    await host.docker(["run", "-d", "--name", "server", "-p", "8080:80", nodeWeb.name], { to: "engine" });
    const { value } = await eventually(
      async () => (await host.exec(["busybox", "wget", "-qO-", "http://127.0.0.1:8080/x"])).stdout,
      {
        what: "the server answers",
        withinMs: 5_000,
      },
    );
    expect(JSON.parse(value)).toMatchObject({ url: "/x" });
    const from = performance.now();
    await host.docker(["stop", "-t", "30", "server"], { to: "engine" });
    expect(performance.now() - from).toBeLessThan(10_000);
  });

  test("every docker command of this machine talks to a host's engine", async () => {
    await using hosts = await startHosts(1);
    const clis = await dockerClis();
    expect(clis.length).toBeGreaterThan(0);
    for (const { path, version } of clis) {
      const { stdout } = await hosts
        .host(1)
        .docker(["version", "-f", "{{.Client.Version}}"], { to: "engine", cli: path });
      expect(stdout.trim()).toContain(version);
    }
  });

  test("hosts die with the process that started them, and the next run removes what is left", async () => {
    const script = fileURLToPath(new URL("support/killed-run.ts", import.meta.url));
    const killed = spawn(process.execPath, ["scripts/run.mjs", script], { stdio: ["ignore", "pipe", "inherit"] });
    const said = await new Promise<string>((resolve) =>
      killed.stdout.once("data", (chunk: Buffer) => resolve(String(chunk))),
    );
    const { pid, id, path } = JSON.parse(said) as { pid: number; id: string; path: string };
    const { leftovers } = await import("./support/run-folder.js");
    expect(leftovers({ id, path }).some((left) => left.startsWith("process"))).toBe(true);
    process.kill(pid, "SIGKILL");
    await eventually(() => leftovers({ id, path }).every((left) => !left.startsWith("process")), {
      what: "its processes end with it",
      withinMs: 5_000,
    });
    const hosts = await startHosts(1);
    await hosts.end();
    expect(leftovers({ id, path })).toEqual([]);
  });
});

function stateOf(json: unknown): unknown {
  const { State } = json as { State: { Pid: number; StartedAt: string; Running: boolean } };
  return { pid: State.Pid, startedAt: State.StartedAt, running: State.Running };
}
