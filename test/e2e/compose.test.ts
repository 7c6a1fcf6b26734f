// docker-compose.test.yml, stood up with the compose tool of Debian's packages inside the engine of a test host.

import { expect, test } from "vitest";
import { baseImage } from "./support/base-image.js";
import { which } from "./support/detect.js";
import { eventually, type Host, run, startHosts } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";

const project = process.cwd();
const compose = which("docker-compose");
const isOptional = process.env["SKEP_REAL_HOSTS"] !== "required";

onRealHosts("docker-compose.test.yml", () => {
  test.skipIf(isOptional && compose === undefined)(
    "three managers and two workers come up as containers and run a service",
    async () => {
      await run(["npm", "run", "build"], { timeoutMs: 120_000 });
      await run([process.execPath, "scripts/stage-image.mjs"]);
      await using hosts = await startHosts(1, { images: [baseImage] });
      const host = hosts.host(1);
      await up(host);
      await story(host);
      await inCompose(host, ["down", "-v", "-t", "2"]);
      expect(await left(host)).toEqual({ containers: "", volumes: "", networks: "bridge\nhost\nnone" });
    },
  );
});

async function up(host: Host): Promise<void> {
  await inCompose(host, ["up", "-d", "--build"]);
  for (const name of ["m1", "m2", "m3", "w1", "w2"]) {
    await eventually(async () => (await skep(host, name, ["version"])).code === 0, {
      what: `the daemon in ${name} answers`,
      withinMs: 60_000,
      everyMs: 250,
    }).catch(async (error: unknown) => {
      const { stdout } = await inCompose(host, ["logs", "--no-color", name], true);
      throw new Error(`${String(error)}\n${stdout}`, { cause: error });
    });
  }
}

async function story(host: Host): Promise<void> {
  await ok(host, "m1", ["swarm", "init", "--advertise-addr", "10.31.0.11"]);
  const token = async (role: string) => (await ok(host, "m1", ["swarm", "join-token", "-q", role])).trim();
  const tokens = { manager: await token("manager"), worker: await token("worker") };
  for (const name of ["m2", "m3"])
    await ok(host, name, ["swarm", "join", "--token", tokens.manager, "10.31.0.11:2377"]);
  for (const name of ["w1", "w2"]) await ok(host, name, ["swarm", "join", "--token", tokens.worker, "10.31.0.12:2377"]);
  const managers = await ok(host, "m3", ["node", "ls", "--format", "{{.ManagerStatus}}"]);
  expect(managers.split("\n").filter(Boolean).sort()).toEqual(["Leader", "Reachable", "Reachable"]);
  expect((await ok(host, "m1", ["node", "ls", "--format", "{{.Hostname}}"])).trim().split("\n").sort()).toEqual([
    "m1",
    "m2",
    "m3",
    "w1",
    "w2",
  ]);
  await ok(host, "m1", ["service", "create", "--name", "web", "--replicas", "5", "busybox", "sleep", "100000"]);
  const nodes = await ok(host, "m1", [
    "service",
    "ps",
    "web",
    "--filter",
    "desired-state=running",
    "--format",
    "{{.Node}}",
  ]);
  expect(nodes.trim().split("\n").sort()).toEqual(["m1", "m2", "m3", "w1", "w2"]);
}

/** What the engine still has of it; a test that fails earlier loses its whole host. */
async function left(host: Host): Promise<Readonly<Record<string, string>>> {
  const ask = async (...args: readonly string[]) => (await host.docker(args, { to: "engine" })).stdout.trim();
  return {
    containers: await ask("ps", "-aq"),
    volumes: await ask("volume", "ls", "-q"),
    networks: (await ask("network", "ls", "--format", "{{.Name}}")).split("\n").sort().join("\n"),
  };
}

async function ok(host: Host, name: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await skep(host, name, args);
  if (code !== 0) throw new Error(`skep ${args.join(" ")} on ${name}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

function skep(host: Host, name: string, args: readonly string[]): ReturnType<Host["exec"]> {
  return inCompose(host, ["exec", "-T", name, "node", "/opt/skep/bin/skep.js", ...args], true);
}

function inCompose(host: Host, args: readonly string[], mayFail = false): ReturnType<Host["exec"]> {
  return host.exec(
    [
      "docker-compose",
      "--project-directory",
      project,
      "-f",
      `${project}/docker-compose.test.yml`,
      "-p",
      "skep",
      ...args,
    ],
    {
      env: { DOCKER_HOST: `unix://${host.engine.socketPath}` },
      timeoutMs: 180_000,
      mayFail,
    },
  );
}
