// What `npm pack` makes can be installed on its own, away from the checkout, and runs: command, daemon, a swarm.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { type Result, run } from "./support/process.js";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
const installMs = 120_000;

describe("the package that npm pack makes", () => {
  const folder = mkdtempSync(join(tmpdir(), "skep-pack-"));
  const socket = join(folder, "skep.sock");
  let files: readonly string[] = [];
  let daemon: ChildProcess | undefined;

  beforeAll(async () => {
    const { stdout } = await run(["npm", "pack", "--json", "--pack-destination", folder], { timeoutMs: installMs });
    // The build says its own lines first.
    const [packed] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as readonly Packed[];
    if (packed === undefined) throw new Error(`npm pack made nothing: ${stdout}`);
    files = packed.files.map(({ path }) => path);
    const tarball = join(folder, packed.filename);
    await run(["npm", "install", "--prefix", folder, "--omit=dev", "--prefer-offline", "--no-audit", tarball], {
      timeoutMs: installMs,
    });
  });

  afterAll(async () => {
    await ended(daemon);
    rmSync(folder, { recursive: true });
  });

  test("holds what a host needs and nothing of the workshop", () => {
    expect([...files].sort()).toEqual([
      ...["LICENSE", "README.md", "bin/skep.js", "dist/cli.js", "dist/daemon.js"],
      ...["package.json", "packaging/entry.sh", "packaging/skep.service"],
    ]);
  });

  test("installs a skep command that knows its version", async () => {
    const help = await skep("--help");
    expect(help.stdout).toContain("swarm");
    // No daemon is there yet, which is said and makes the exit code 1.
    const shown = await run([command(), "version"], { env: { SKEP_HOST: `unix://${socket}` }, mayFail: true });
    expect(shown.stdout).toContain(version);
  });

  test("starts a daemon that makes a swarm and runs a service", async () => {
    daemon = spawn(
      command(),
      [
        ...["daemon", "--engine", "embedded:", "--data-dir", join(folder, "data"), "--host", `unix://${socket}`],
        ...["--name", "packed"],
      ],
      { stdio: "ignore", cwd: folder },
    );
    await eventually(() => existsSync(socket), { what: "the installed daemon's socket is there", withinMs: 20_000 });
    const address = `127.0.0.1:${await freePort()}`;
    await skep("swarm", "init", "--advertise-addr", address, "--listen-addr", address);
    const nodes = await skep("node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}");
    expect(nodes.stdout.trim()).toBe("packed Ready Leader");
    await skep("service", "create", "--name", "web", "--replicas", "2", "busybox", "sleep", "1000");
    const services = await skep("service", "ls", "--format", "{{.Name}} {{.Replicas}}");
    expect(services.stdout.trim()).toBe("web 2/2");
    const from = performance.now();
    expect(await ended(daemon)).toBe(0);
    expect(performance.now() - from).toBeLessThan(5_000);
  });

  function command(): string {
    return join(folder, "node_modules/.bin/skep");
  }

  function skep(...args: readonly string[]): Promise<Result> {
    return run([command(), ...args], { env: { SKEP_HOST: `unix://${socket}` } });
  }
});

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Free a moment ago: a swarm needs a port that it can tell the others beforehand. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Stops it as systemd would and answers with its exit code. */
async function ended(daemon: ChildProcess | undefined): Promise<number | null> {
  if (daemon === undefined || daemon.exitCode !== null) return daemon?.exitCode ?? null;
  const exit = new Promise<number | null>((resolve) => daemon.once("exit", resolve));
  daemon.kill("SIGTERM");
  return exit;
}
