// packaging/skep.service under a real systemd: ready when it says so, containers that outlive every stop of the daemon.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { which } from "./support/detect.js";
import { eventually, type Host, type Hosts, run, startHosts } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { cgroupOf } from "./support/run-folder.js";
import { hasSystemd, Systemd, unitFile } from "./support/systemd.js";

describe("packaging/skep.service", () => {
  test.skipIf(which("systemd-analyze") === undefined)("is a unit that systemd has nothing to say about", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skep-unit-"));
    try {
      const unit = join(folder, "skep.service");
      // The program it names is installed on a host, not here.
      writeFileSync(unit, readFileSync(unitFile, "utf8").replace("/usr/local/bin/skep", process.execPath));
      const { stdout, stderr } = await run(["systemd-analyze", "verify", "--man=no", unit]);
      expect(`${stdout}${stderr}`).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

onRealHosts("under systemd", () => {
  let hosts: Hosts;
  let host: Host;
  let systemd: Systemd;

  beforeAll(async () => {
    if (!hasSystemd()) return;
    hosts = await startHosts(2);
    host = hosts.host(1);
    systemd = await Systemd.start(host, cgroupOf(hosts.run, "systemd1"));
  });

  afterAll(() => hosts?.end());

  test.skipIf(!hasSystemd())("it is active when its socket answers, and its containers outlive its stop", async () => {
    await systemd.systemctl("start", "skep.service");
    expect(await systemd.show("ActiveState")).toBe("active");
    await systemd.skep("swarm", "init", "--advertise-addr", host.address);
    await systemd.skep("service", "create", "--name", "web", "busybox", "sleep", "1000");
    const [before] = await host.containers();

    await systemd.systemctl("stop", "skep.service");
    expect(await systemd.show("Result")).toBe("success");
    expect(await systemd.show("ExecMainStatus")).toBe("0");
    expect((await host.containers())[0]?.id).toBe(before?.id);

    await systemd.systemctl("start", "skep.service");
    await eventually(async () => (await systemd.skep("service", "ls", "--format", "{{.Replicas}}")) === "1/1", {
      what: "the container is adopted",
      withinMs: 10_000,
    });
    expect((await host.containers()).map(({ id }) => id)).toEqual([before?.id]);
  });

  test.skipIf(!hasSystemd())("it is started again after kill -9, and the container is still the same", async () => {
    const [before] = await host.containers();
    await systemd.crash();
    await eventually(async () => (await systemd.show("NRestarts")) === "1", {
      what: "systemd starts it again",
      withinMs: 10_000,
    });
    await eventually(async () => (await systemd.show("ActiveState")) === "active", {
      what: "it is ready again",
      withinMs: 10_000,
    });
    expect((await host.containers()).map(({ id }) => id)).toEqual([before?.id]);
  });

  // A disk that is full ends a lone manager, and then every start of it, until somebody makes room.
  test.skipIf(!hasSystemd())("however often it ends, it is not given up", { timeout: 60_000 }, async () => {
    for (let time = 2; time <= 7; time++) {
      await systemd.crash();
      await eventually(
        async () =>
          (await systemd.show("NRestarts")) === String(time) && (await systemd.show("ActiveState")) === "active",
        { what: `it is ready for the ${time}th time`, withinMs: 10_000 },
      );
    }
  });

  test.skipIf(!hasSystemd())("a machine that goes down has its tasks replaced at once", async () => {
    const [, second] = hosts.all;
    if (second === undefined) throw new Error("no second host");
    const leaving = await Systemd.start(second, cgroupOf(hosts.run, "systemd2"));
    await leaving.systemctl("start", "skep.service");
    const token = await systemd.skep("swarm", "join-token", "--quiet", "worker");
    await leaving.skep("swarm", "join", "--token", token, `${host.address}:2377`);
    await systemd.skep("service", "create", "--name", "two", "--replicas", "2", "busybox", "sleep", "1000");
    expect(await second.containers()).toHaveLength(1);

    await leaving.run(["systemctl", "--no-block", "start", "shutdown.target"]);
    const { tookMs } = await eventually(
      async () => (await host.containers(["com.docker.swarm.service.name=two"])).length === 2,
      { what: "its task runs here", withinMs: 10_000 },
    );
    // A lost node is noticed after 3 s, a restart is waited for 30 s.
    expect(tookMs).toBeLessThan(3_000);
  });
});
