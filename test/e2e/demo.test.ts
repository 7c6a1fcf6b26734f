// The README's demo, run as a person runs it: the whole story on both engines, and an end that leaves nothing behind,
// whenever it comes.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Dockerd } from "../support/dockerd.js";
import { eventually } from "./support/eventually.js";
import { onRealHosts } from "./support/on-real-hosts.js";

const storyMs = 120_000;
const steps = [
  ...["Six hosts come up", "The first becomes a swarm", "A service of 3 replicas", "A container is killed"],
  ...["A worker dies", "A worker is drained", "An update rolls", "It scales to 5"],
  ...["The manager that leads is killed", "The service is removed"],
] as const;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-demo-test-"));
});

afterEach(() => {
  // What a failed test left: by its pid.
  for (const { pid } of processesOf(folder)) process.kill(pid, "SIGKILL");
  rmSync(folder, { recursive: true });
});

describe("npm run demo, without a Docker Engine", () => {
  const nobody = "unix:///nonexistent/docker.sock";

  test("tells the whole story on the embedded engine, and says that it does", async () => {
    const demo = new Demo(nobody, ["--once"]);
    expect(await demo.ended(storyMs), demo.output).toBe(0);
    expect(demo.output).toContain(`No Docker Engine answers at ${nobody}: the demo runs on the embedded engine`);
    tellsTheStory(demo.output);
    nothingIsLeft();
  });

  test("stays up for the stock CLI until Ctrl-C, and that is a good end", async () => {
    const demo = new Demo(nobody, []);
    await demo.said("Ctrl-C cleans everything up.", storyMs);
    expect(demo.output).toMatch(/export DOCKER_HOST=unix:\/\/\/.*m1\.sock/);
    demo.interrupt();
    expect(await demo.ended(10_000), demo.output).toBe(0);
    nothingIsLeft();
  });

  test("fails when a step is not seen, tells why, and cleans up", async () => {
    const demo = new Demo(nobody, ["--once"]);
    await demo.said("A service of 3 replicas", storyMs);
    kill("m1");
    expect(await demo.ended(60_000), demo.output).toBe(1);
    expect(demo.output).toContain("The demo failed: ");
    nothingIsLeft();
  });
});

onRealHosts("npm run demo, with a Docker Engine", () => {
  let engine: Dockerd;
  /** A container that is not the demo's: it must be alone in the end, and still there. */
  let other: string;

  beforeAll(async () => {
    engine = await Dockerd.start();
    other = engine.cli("run", "-d", "busybox", "sleep", "1000").trim();
  });

  afterAll(() => engine.close());

  test("tells the whole story on it", async () => {
    const demo = new Demo(engine.address, ["--once"]);
    expect(await demo.ended(storyMs), demo.output).toBe(0);
    expect(demo.output).toContain(`The demo runs on the Docker Engine at ${engine.address}`);
    tellsTheStory(demo.output);
    nothingIsLeft();
    expect(containers()).toEqual([other]);
  });

  test("leaves nothing when Ctrl-C comes while containers are being started", async () => {
    const demo = new Demo(engine.address, ["--once"]);
    await demo.said("service create", storyMs);
    await eventually(() => containers().length > 1, { what: "a container is there", withinMs: 20_000, everyMs: 10 });
    demo.interrupt();
    expect(await demo.ended(30_000), demo.output).toBe(130);
    nothingIsLeft();
    expect(containers()).toEqual([other]);
  });

  test("leaves nothing when its manager is killed under it", async () => {
    const demo = new Demo(engine.address, ["--once"]);
    await demo.said("A worker dies", storyMs);
    expect(containers().length).toBeGreaterThan(1);
    kill("m1");
    expect(await demo.ended(60_000), demo.output).toBe(1);
    nothingIsLeft();
    expect(containers()).toEqual([other]);
  });

  function containers(): readonly string[] {
    return engine.cli("ps", "-aq", "--no-trunc").split("\n").filter(Boolean);
  }
});

function tellsTheStory(output: string): void {
  for (const step of steps) expect(output).toContain(step);
  expect(output.match(/ {4}✓ .+ \(\d+\.\d s\)/g)).toHaveLength(steps.length);
  expect(output).toMatch(/All 10 steps were seen, in \d+\.\d s/);
  const tookSeconds = Number(/steps were seen, in (\d+)/.exec(output)?.[1]);
  expect(tookSeconds).toBeLessThan(60);
}

/** Neither a process nor a file: all of the demo's lie below its temporary folder. */
function nothingIsLeft(): void {
  expect(readdirSync(folder)).toEqual([]);
  expect(processesOf(folder)).toEqual([]);
}

function kill(host: string): void {
  const found = processesOf(folder).find(({ command }) => command.includes(`daemon --name ${host} `));
  if (found === undefined) throw new Error(`no daemon of ${host} runs`);
  process.kill(found.pid, "SIGKILL");
}

/** Those that name the folder in their command line; one that only waits for its parent's look is gone. */
function processesOf(named: string): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => ({ pid: Number(entry), command: commandOf(entry) }))
    .filter(({ command }) => command.includes(named));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** `npm run demo` in a process group of its own, as in a terminal. */
class Demo {
  output = "";
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;

  constructor(dockerHost: string, args: readonly string[]) {
    this.#child = spawn("npm", ["run", "demo", "--", ...args], {
      detached: true,
      env: { ...process.env, DOCKER_HOST: dockerHost, TMPDIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    this.#exit = new Promise((resolve) => this.#child.once("close", resolve));
  }

  async said(text: string, withinMs: number): Promise<void> {
    await eventually(() => this.output.includes(text) || this.#child.exitCode !== null, {
      what: `the demo says "${text}"`,
      withinMs,
      everyMs: 10,
    });
    expect(this.output).toContain(text);
  }

  /** Ctrl-C: the terminal signals every process of the group. */
  interrupt(): void {
    process.kill(-(this.#child.pid ?? 0), "SIGINT");
  }

  async ended(withinMs: number): Promise<number | null> {
    const timer = setTimeout(() => process.kill(-(this.#child.pid ?? 0), "SIGKILL"), withinMs);
    const code = await this.#exit;
    clearTimeout(timer);
    return code;
  }
}
