// The stock docker command drives Skep unchanged: every docker on this machine, at Skep's socket on real hosts.

import { expect, test } from "vitest";
import { dockerClis, eventually, type Host, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { allContainers, untilRunning } from "./support/swarm.js";

const clis = await dockerClis();
const waitMs = 60_000;

onRealHosts("the stock docker CLI", () => {
  test("there is more than one version of it to try", () => {
    console.log(`docker CLIs: ${clis.map(({ path, version }) => `${version} (${path})`).join(", ")}`);
    expect(clis.length).toBeGreaterThan(0);
  });

  test.each(clis)("$version makes a swarm, runs a service and ends both", async ({ path: cli }) => {
    await using hosts = await startHosts(2, { images: [web("1"), web("2")] });
    await Promise.all(hosts.all.map((host) => host.startDaemon()));
    const docker = dockerOn(cli);
    await makesASwarm(hosts, docker);
    await runsAService(hosts, docker);
    await looksAtNodes(hosts, docker);
    await endsIt(hosts, docker);
  });
});

type Docker = (
  host: Host,
  args: readonly string[],
  mayFail?: boolean,
) => Promise<{ stdout: string; stderr: string; code: number }>;

function dockerOn(cli: string): Docker {
  return (host, args, mayFail = false) => host.docker(args, { to: "skep", cli, mayFail, timeoutMs: waitMs });
}

async function makesASwarm(hosts: Hosts, docker: Docker): Promise<void> {
  const [first, second] = [hosts.host(1), hosts.host(2)];
  const outside = await docker(first, ["node", "ls"], true);
  expect(outside.code).toBe(1);
  expect(outside.stderr).toBe(
    'Error response from daemon: This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.\n',
  );
  const init = (await docker(first, ["swarm", "init", "--advertise-addr", first.address])).stdout;
  expect(init).toMatch(/^Swarm initialized: current node \([0-9a-z]{25}\) is now a manager\.\n/);
  const [, token = ""] = /docker swarm join --token (\S+) 10\.30\.0\.1:2377/.exec(init) ?? [];
  expect((await docker(first, ["swarm", "join-token", "-q", "worker"])).stdout).toBe(`${token}\n`);
  expect((await docker(second, ["swarm", "join", "--token", token, `${first.address}:2377`])).stdout).toBe(
    "This node joined a swarm as a worker.\n",
  );
  const again = await docker(second, ["swarm", "join", "--token", token, `${first.address}:2377`], true);
  expect(again.stderr).toContain("This node is already part of a swarm.");
  const rotated = (await docker(first, ["swarm", "join-token", "--rotate", "-q", "worker"])).stdout.trim();
  expect(rotated).not.toBe(token);
  expect((await docker(first, ["swarm", "update", "--task-history-limit", "3"])).stdout).toBe("Swarm updated.\n");
  expect((await docker(first, ["info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.Nodes}}"])).stdout).toBe(
    "active 2\n",
  );
  expect((await docker(first, ["version", "--format", "{{.Server.Version}}"])).stdout).toMatch(/^\d/);
}

async function runsAService(hosts: Hosts, docker: Docker): Promise<void> {
  const manager = hosts.host(1);
  const create = ["service", "create", "--name", "web", "--replicas", "3", "--stop-grace-period", "1s"];
  const publish = ["--publish", "mode=host,published=8080,target=80"];
  expectConverged(await docker(manager, [...create, "--env", "A=1", "--label", "tier=front", "web:1"]));
  await untilRunning(hosts, "web", 3, 1_000);
  const ls = (await docker(manager, ["service", "ls"])).stdout;
  expect(ls).toMatch(/^ID +NAME +MODE +REPLICAS +IMAGE +PORTS\n[0-9a-z]{12} +web +replicated +3\/3 +web:1 *\n$/);
  const ps = (await docker(manager, ["service", "ps", "web"])).stdout;
  expect(ps.split("\n").filter((line) => / Running +Running .* ago/.test(line))).toHaveLength(3);
  const [inspected] = JSON.parse((await docker(manager, ["service", "inspect", "web"])).stdout) as [
    { Spec: { TaskTemplate: { ContainerSpec: { Env: string[] } }; Labels: Record<string, string> } },
  ];
  expect(inspected.Spec.TaskTemplate.ContainerSpec.Env).toEqual(["A=1"]);
  expect(inspected.Spec.Labels).toEqual({ tier: "front" });
  expect((await docker(manager, ["service", "inspect", "--pretty", "web"])).stdout).toContain("Replicas:\t3");
  expectConverged(await docker(manager, ["service", "scale", "web=4"]));
  await untilRunning(hosts, "web", 4, 1_000);
  expectConverged(await docker(manager, ["service", "update", "--image", "web:2", "--update-parallelism", "2", "web"]));
  const { containers } = await untilRunning(hosts, "web", 4, 1_000);
  expect(new Set(containers.map(({ image }) => image))).toEqual(new Set(["web:2"]));
  const twice = await docker(manager, [...create, "web:1"], true);
  expect(twice.stderr).toContain("name conflicts with an existing object: service web already exists");
  const one = [
    "service",
    "create",
    "--name",
    "one",
    "--replicas",
    "1",
    ...publish,
    "--stop-grace-period",
    "1s",
    "web:1",
  ];
  expectConverged(await docker(manager, one));
  expect((await docker(manager, ["service", "ps", "one"])).stdout).toContain("*:8080->80/tcp");
  expect((await docker(manager, ["service", "rm", "one"])).stdout).toBe("one\n");
  const missing = await docker(manager, ["service", "inspect", "nope"], true);
  expect([missing.stdout.trim(), missing.code]).toEqual(["[]", 1]);
  expect(missing.stderr).toContain("no such service: nope");
}

async function looksAtNodes(hosts: Hosts, docker: Docker): Promise<void> {
  const manager = hosts.host(1);
  const ls = (await docker(manager, ["node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"])).stdout;
  expect(ls).toBe("h1 Ready Leader\nh2 Ready \n");
  expect((await docker(manager, ["node", "ps", "h2"])).stdout).toContain("web.");
  await docker(manager, ["node", "update", "--label-add", "disk=ssd", "h2"]);
  expect((await docker(manager, ["node", "inspect", "--format", "{{.Spec.Labels.disk}}", "h2"])).stdout).toBe("ssd\n");
  await docker(manager, ["node", "update", "--availability", "drain", "h2"]);
  await eventually(async () => (await hosts.host(2).containers()).length === 0, {
    what: "h2 is empty",
    withinMs: 30_000,
  });
  expect((await docker(manager, ["node", "inspect", "--pretty", "h2"])).stdout).toMatch(/Availability:\s+Drain/);
  const isUp = await docker(manager, ["node", "rm", "h2"], true);
  expect(isUp.stderr).toMatch(/node \S+ is not down and can't be removed/);
}

async function endsIt(hosts: Hosts, docker: Docker): Promise<void> {
  const [first, second] = [hosts.host(1), hosts.host(2)];
  expect((await docker(first, ["service", "rm", "web"])).stdout).toBe("web\n");
  await eventually(async () => (await allContainers(hosts)).length === 0, {
    what: "no container is left",
    withinMs: 30_000,
  });
  expect((await docker(second, ["swarm", "leave"])).stdout).toBe("Node left the swarm.\n");
  await eventually(async () => (await docker(first, ["node", "ls"])).stdout.includes("Down"), {
    what: "h2 is down",
    withinMs: 5_000,
  });
  expect((await docker(first, ["node", "rm", "h2"])).stdout).toBe("h2\n");
  const unforced = await docker(first, ["swarm", "leave"], true);
  expect(unforced.stderr).toContain(
    "You are attempting to leave the swarm on a node that is participating as a manager.",
  );
  expect((await docker(first, ["swarm", "leave", "--force"])).stdout).toBe("Node left the swarm.\n");
  expect((await docker(first, ["info", "--format", "{{.Swarm.LocalNodeState}}"])).stdout).toBe("inactive\n");
}

function expectConverged({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): void {
  expect(stdout + stderr).toMatch(/verify: Service (\S+ )?converged/);
}
