// Images come from registries: with credentials, without, with wrong ones; registries that lack the image or say nothing.
// Each host has the same one at its own 127.0.0.1, as engines speak plain HTTP to nobody else.

import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { dockerClis, eventually, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { allContainers, startSwarm, untilRunning } from "./support/swarm.js";

const clis = await dockerClis();
const registry = "127.0.0.1:5000";
const silentRegistry = "127.0.0.1:5001";
const brief = ["--stop-grace-period", "1s"];
const password = "s3cret-of-the-registry";

let hosts: Hosts;

onRealHosts("images from a registry", () => {
  beforeAll(async () => {
    hosts = await startHosts(2, { images: [web("1")] });
    const program = resolve("test/e2e/support/registry-server.mjs");
    for (const host of hosts.all) {
      const serve = `${process.execPath} ${program} 5000 ${join(hosts.run.path, "registry")} user:${password}`;
      await host.exec(["sh", "-c", `setsid ${serve} > /run/registry.log 2>&1 < /dev/null &`]);
    }
    await startSwarm(hosts);
    await docker(["tag", "web:1", `${registry}/web:1`]);
    await docker(["login", "-u", "user", "--password-stdin", registry], { input: password });
    await docker(["push", `${registry}/web:1`]);
    await docker(["rmi", `${registry}/web:1`]);
  });
  afterEach(nothingLeft);
  afterAll(() => hosts?.end());

  test.each(clis)(
    "docker $version: the CLI pins the digest, and every host pulls with its credentials",
    async (cli) => {
      const create = ["service", "create", "-d", "--with-registry-auth", "--name", "web", "--replicas", "2", ...brief];
      const { stderr } = await docker([...create, `${registry}/web:1`], { cli: cli.path });
      expect(stderr).not.toContain("could not be accessed");
      const { containers } = await untilRunning(hosts, "web", 2, 15_000);
      expect(containers.map(({ host }) => host).sort()).toEqual(["h1", "h2"]);
      const image = (
        await docker(["service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}", "web"])
      ).stdout;
      expect(image).toMatch(/^127\.0\.0\.1:5000\/web:1@sha256:[0-9a-f]{64}\n$/);
    },
  );

  test("skep's own CLI does the same", async () => {
    const create = ["service", "create", "-d", "--with-registry-auth", "--name", "web", "--replicas", "2", ...brief];
    await hosts.host(1).skep([...create, `${registry}/web:1`]);
    await untilRunning(hosts, "web", 2, 15_000);
    const image = await hosts
      .host(1)
      .skep(["service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}", "web"]);
    expect(image.stdout).toMatch(/@sha256:[0-9a-f]{64}\n$/);
  });

  describe("a task that cannot have its image is rejected in the registry's words", () => {
    const missing = `${registry}/missing:1`;
    test.each([
      ["no credentials", `${registry}/web:1`, [], /no basic auth credentials/],
      [
        "an image that is not there",
        missing,
        ["--with-registry-auth"],
        /manifest for 127\.0\.0\.1:5000\/missing:1 not found: manifest unknown: the test registry has no such manifest/,
      ],
      ["no registry", "127.0.0.1:9/web:1", [], /connection refused/],
    ])("%s", async (_, image, flags, words) => {
      expect(await rejection(image, flags)).toMatch(words);
    });

    test("wrong credentials", async () => {
      const auth = Buffer.from("user:wrong").toString("base64");
      const script = `mkdir -p /run/wrong; echo '{"auths":{"${registry}":{"auth":"${auth}"}}}' > /run/wrong/config.json`;
      await hosts.host(1).exec(["sh", "-c", script]);
      const words = await rejection(`${registry}/web:1`, ["--with-registry-auth"], ["--config", "/run/wrong"]);
      expect(words).toMatch(/unauthorized: the test registry does not know you|no basic auth credentials/);
    });
  });

  test("an image that is here starts within seconds although its registry says nothing", async () => {
    for (const host of hosts.all) await host.docker(["tag", "web:1", `${silentRegistry}/web:1`], { to: "engine" });
    const from = performance.now();
    await docker([
      "service",
      "create",
      "-d",
      "--no-resolve-image",
      "--name",
      "quiet",
      "--replicas",
      "2",
      ...brief,
      `${silentRegistry}/web:1`,
    ]);
    await untilRunning(hosts, "quiet", 2, 15_000);
    const tookMs = performance.now() - from;
    console.log(`service create with a silent registry until 2 containers run: ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(5_000);
  });

  test("no log has the password", async () => {
    const encoded = Buffer.from(`user:${password}`).toString("base64");
    for (const host of hosts.all) {
      const log = host.daemon.log(100_000);
      expect(log).not.toContain(password);
      expect(log).not.toContain(encoded);
    }
  });
});

interface Options {
  readonly cli?: string;
  readonly input?: string;
}

function docker(args: readonly string[], options: Options = {}) {
  return hosts.host(1).docker(args, { to: "skep", timeoutMs: 60_000, ...options });
}

/** What `service ps` says of the one task of a service with that image. */
async function rejection(image: string, flags: readonly string[], global: readonly string[] = []): Promise<string> {
  await docker([
    ...global,
    "service",
    "create",
    "-d",
    ...flags,
    "--name",
    "refused",
    "--restart-condition",
    "none",
    image,
  ]);
  const { value } = await eventually(
    async () => {
      const { stdout } = await docker([
        "service",
        "ps",
        "--no-trunc",
        "--format",
        "{{.CurrentState}} {{.Error}}",
        "refused",
      ]);
      return stdout.startsWith("Rejected") ? stdout : undefined;
    },
    { what: "the task is rejected", withinMs: 15_000 },
  );
  return value;
}

/** Removes every service and what it pulled. */
async function nothingLeft(): Promise<void> {
  const services = (await docker(["service", "ls", "-q"])).stdout.split("\n").filter(Boolean);
  if (services.length > 0) await docker(["service", "rm", ...services]);
  await eventually(async () => (await allContainers(hosts)).length === 0, {
    what: "its containers are gone",
    withinMs: 30_000,
  });
  const names = "docker images --digests --format '{{.Repository}}:{{.Tag}}\\n{{.Repository}}@{{.Digest}}'";
  const pulled = `${names} | grep :500 | grep -v none | xargs -r docker rmi -f`;
  for (const host of hosts.all) {
    await host.exec(["sh", "-c", pulled], { env: { DOCKER_HOST: `unix://${host.engine.socketPath}` } });
  }
}
