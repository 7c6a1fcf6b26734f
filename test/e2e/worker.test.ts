// A worker on a real Docker Engine, without managers: the assignments are said by the test.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "../../src/base/host/index.js";
import { silentLog, silentMetrics } from "../../src/base/index.js";
import { DockerEngine, parseEngineAddress } from "../../src/engine/index.js";
import type { TaskAssignment } from "../../src/gen/skep/v1/dispatcher.js";
import { TaskState, type TaskStatus } from "../../src/gen/skep/v1/objects.js";
import { MountType, PublishMode, SeccompMode } from "../../src/gen/skep/v1/specs.js";
import { EngineWatch } from "../../src/worker/engine-watch.js";
import { LevelState } from "../../src/worker/host/index.js";
import { Reporter } from "../../src/worker/reporter.js";
import { Tasks } from "../../src/worker/tasks.js";
import { Dockerd, whyNoDockerd } from "../support/dockerd.js";
import { anAssignment } from "../worker/support.js";

const { RUNNING, COMPLETE, SHUTDOWN, FAILED, REJECTED, REMOVE } = TaskState;
const why = whyNoDockerd();

/** One life of a worker's daemon. */
class Life {
  readonly statuses = new Map<string, TaskStatus>();
  readonly #engine: DockerEngine;
  readonly #state: LevelState;
  readonly #tasks: Tasks;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>[];

  private constructor(dockerd: Dockerd, state: LevelState) {
    const address = parseEngineAddress(dockerd.address);
    if (address.kind === "embedded") throw new Error("not a real engine");
    this.#engine = new DockerEngine({ address }, { clock: systemClock });
    this.#state = state;
    const reporter = new Reporter();
    reporter.attach(({ number, tasks }) => {
      for (const { taskId, status } of tasks) if (status) this.statuses.set(taskId, status);
      reporter.acknowledge(number);
    });
    const world = { clock: systemClock, random: systemRandom, log: silentLog, metrics: silentMetrics };
    const engineWatch: EngineWatch = new EngineWatch({
      ...world,
      engine: this.#engine,
      onChange: () => {
        if (!engineWatch.isSilent) this.#tasks.engineBack();
      },
    });
    this.#tasks = new Tasks(
      { nodeId: "node1", clusterId: "cluster1", bootId: "boot1" },
      { ...world, engine: this.#engine, engineWatch, state, reporter },
    );
    this.#running = [engineWatch.run(this.#abort.signal)];
  }

  static async start(dockerd: Dockerd, folder: string): Promise<Life> {
    const life = new Life(dockerd, await LevelState.open(folder));
    await life.#tasks.load();
    life.#running.push(life.#tasks.run(life.#abort.signal));
    for (const running of life.#running) running.catch(() => undefined);
    return life;
  }

  async end(): Promise<void> {
    this.#abort.abort(new Error("the daemon ends"));
    await Promise.allSettled(this.#running);
    await this.#tasks.flushed();
    await this.#state.close();
    this.#engine.close();
  }

  assign(...update: TaskAssignment[]): void {
    this.#tasks.apply({ number: 0, update, remove: [], firstSetComplete: true });
  }

  remove(...remove: string[]): void {
    this.#tasks.apply({ number: 0, update: [], remove, firstSetComplete: true });
  }

  /** Waits until all have this state; gives the milliseconds it took. */
  async until(state: TaskState, ...ids: string[]): Promise<number> {
    const startedMs = performance.now();
    await expect
      .poll(() => ids.map((id) => this.statuses.get(id)?.state), { timeout: 60_000, interval: 5 })
      .toEqual(ids.map(() => state));
    return performance.now() - startedMs;
  }
}

function task(id: string, fields: Parameters<typeof anAssignment>[0] = {}): TaskAssignment {
  const container = { image: "busybox:latest", args: ["sleep", "600"], stopGracePeriod: { seconds: 1, nanos: 0 } };
  return anAssignment({
    id,
    ...fields,
    spec: { ...fields.spec, container: { ...container, ...fields.spec?.container } },
  });
}

const to = (desiredState: TaskState, assignment: TaskAssignment): TaskAssignment => ({
  ...assignment,
  desiredState,
  version: desiredState,
});

describe.skipIf(why !== undefined)(`a worker on Docker's engine${why ? ` (none here: ${why})` : ""}`, () => {
  let dockerd: Dockerd;
  let folder: string;
  let life: Life;

  beforeAll(async () => {
    dockerd = await Dockerd.start();
    folder = mkdtempSync(join(tmpdir(), "skep-worker-"));
    life = await Life.start(dockerd, folder);
    life.assign();
  });

  afterAll(async () => {
    await life.end();
    await dockerd.close();
    rmSync(folder, { recursive: true });
  });

  const ps = (...words: string[]): string[] =>
    dockerd
      .cli("ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}", ...words)
      .trim()
      .split("\n")
      .filter(Boolean)
      .sort();

  test("one task runs quickly; killed, it failed with its code", async () => {
    life.assign(task("a1"));
    const tookMs = await life.until(RUNNING, "a1");
    console.log(`create→running of one task: ${Math.round(tookMs)} ms`);
    expect(ps()).toEqual([expect.stringMatching(/^web\.1\.a1 /)]);
    dockerd.cli("kill", "web.1.a1");
    await life.until(FAILED, "a1");
    expect(life.statuses.get("a1")).toMatchObject({ message: "started", err: "task: non-zero exit (137)" });
    life.remove("a1");
    await expect.poll(() => ps("-a"), { timeout: 10_000 }).toEqual([]);
  });

  test("ten run, are adopted by the next daemon and after an engine's crash, and stop together", async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `b${index}`);
    life.assign(...ids.map((id) => task(id)));
    console.log(`create→running of ten tasks: ${Math.round(await life.until(RUNNING, ...ids))} ms`);
    const before = ps();
    expect(before).toHaveLength(10);
    await life.end();
    life = await Life.start(dockerd, folder);
    life.assign(...ids.map((id) => task(id)));
    await life.until(RUNNING, ...ids);
    await dockerd.crash();
    life.assign(task("c1"));
    await dockerd.up();
    await life.until(RUNNING, "c1", ...ids);
    expect(ps().filter((line) => !line.includes(".c1 "))).toEqual(before);
    life.assign(...[...ids, "c1"].map((id) => to(REMOVE, task(id))));
    console.log(`removal of eleven tasks: ${Math.round(await life.until(SHUTDOWN, ...ids, "c1"))} ms`);
    await expect.poll(() => ps("-a"), { timeout: 30_000 }).toEqual([]);
    life.remove(...ids, "c1");
  });

  test("the engine takes the whole of a spec and shows it", async () => {
    const shown = task("d1", {
      endpoint: { ports: [{ targetPort: 80, publishMode: PublishMode.HOST }] },
      networks: ["bridge"],
      logDriver: { name: "json-file", options: { "max-size": "1m" } },
      assignedGeneric: [{ kind: "gpu", amount: { $case: "named", value: "U1" } }],
      spec: {
        resources: { limits: { nanoCpus: 5e8, memoryBytes: 64 * 2 ** 20, pids: 50 }, swapBytes: 0 },
        container: {
          env: ["SLOT={{.Task.Slot}}"],
          dir: "/tmp",
          user: "1000",
          groups: ["44"],
          labels: { mine: "1" },
          hostname: "{{.Service.Name}}-{{.Task.Slot}}",
          hosts: ["10.0.0.1 db primary"],
          dns: { nameservers: ["1.1.1.1"], search: ["a.test"], options: ["ndots:1"] },
          mounts: [
            { type: MountType.BIND, source: "/tmp", target: "/host", readOnly: true },
            { type: MountType.VOLUME, source: "vol-{{.Task.Slot}}", target: "/vol", volume: { labels: { of: "me" } } },
            { type: MountType.TMPFS, target: "/t1", tmpfs: { sizeBytes: 2 ** 20, mode: 0o1777 } },
            { type: MountType.TMPFS, target: "/t2", tmpfs: { options: ["uid=1000"] } },
          ],
          healthcheck: { test: ["CMD", "true"], interval: { seconds: 1, nanos: 0 } },
          init: true,
          tty: true,
          openStdin: true,
          readOnly: true,
          stopSignal: "SIGINT",
          capabilityAdd: ["CAP_NET_ADMIN"],
          capabilityDrop: ["CAP_MKNOD"],
          sysctls: { "net.core.somaxconn": "99" },
          ulimits: [{ name: "nofile", soft: 100, hard: 200 }],
          oomScoreAdj: 7,
          privileges: { noNewPrivileges: true, seccomp: { mode: SeccompMode.UNCONFINED } },
        },
      },
    });
    life.assign(shown);
    await life.until(RUNNING, "d1");
    const [inspected] = JSON.parse(dockerd.cli("inspect", "web.1.d1")) as Record<string, Record<string, unknown>>[];
    expect(inspected?.["Config"]).toMatchObject({
      Hostname: "web-1",
      Env: expect.arrayContaining(["SLOT=1", "DOCKER_RESOURCE_GPU=U1"]),
      WorkingDir: "/tmp",
      User: "1000",
      Tty: true,
      OpenStdin: true,
      StopSignal: "SIGINT",
      StopTimeout: 1,
      Healthcheck: { Test: ["CMD", "true"], Interval: 1e9 },
      Labels: { mine: "1", "com.docker.swarm.task.name": "web.1.d1", "skep.cluster.id": "cluster1" },
    });
    expect(inspected?.["HostConfig"]).toMatchObject({
      NanoCpus: 5e8,
      Memory: 64 * 2 ** 20,
      MemorySwap: 64 * 2 ** 20,
      PidsLimit: 50,
      Init: true,
      ReadonlyRootfs: true,
      GroupAdd: ["44"],
      ExtraHosts: ["db:10.0.0.1", "primary:10.0.0.1"],
      Dns: ["1.1.1.1"],
      DnsSearch: ["a.test"],
      DnsOptions: ["ndots:1"],
      CapAdd: ["CAP_NET_ADMIN"],
      CapDrop: ["CAP_MKNOD"],
      Sysctls: { "net.core.somaxconn": "99" },
      Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
      OomScoreAdj: 7,
      SecurityOpt: ["seccomp=unconfined", "no-new-privileges=true"],
      NetworkMode: "bridge",
      Tmpfs: { "/t2": "uid=1000" },
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    });
    const port = life.statuses.get("d1")?.ports[0];
    expect(port).toMatchObject({ targetPort: 80, publishMode: PublishMode.HOST });
    expect(port?.publishedPort).toBeGreaterThan(0);
    const mounts = dockerd.cli("exec", "web.1.d1", "mount");
    expect(mounts).toMatch(/ on \/t1 type tmpfs .*size=1024k/);
    expect(mounts).toMatch(/ on \/t2 type tmpfs .*uid=1000/);
    life.remove("d1");
    await expect.poll(() => ps("-a"), { timeout: 10_000 }).toEqual([]);
  });

  test.each([
    [
      "an absent bind source",
      { mounts: [{ source: "/not/there", target: "/x" }] },
      REJECTED,
      "bind source path does not exist: /not/there",
    ],
    ["an image nobody has", { image: "127.0.0.1:1/missing:1" }, REJECTED, "connection refused"],
    ["a command that is not there", { args: ["/not/there"] }, FAILED, 'exec: "/not/there"'],
    [
      "an unhealthy container",
      { healthcheck: { test: ["CMD", "false"], interval: { seconds: 1, nanos: 0 }, retries: 1 } },
      FAILED,
      "dockerexec: unhealthy container",
    ],
    ["its end with 3", { args: ["sh", "-c", "exit 3"] }, FAILED, "task: non-zero exit (3)"],
    ["its end with 0", { args: ["true"] }, COMPLETE, ""],
  ])("%s", async (name, container, state, err) => {
    const id = `e-${name.replaceAll(" ", "-")}`;
    life.assign(task(id, { spec: { container } }));
    await life.until(state, id);
    expect(life.statuses.get(id)?.err).toContain(err);
    life.remove(id);
    await expect.poll(() => ps("-a"), { timeout: 10_000 }).toEqual([]);
  });

  test("nothing is left on the engine that is not its own", () => {
    expect(execFileSync("docker", ["-H", dockerd.address, "ps", "-aq"], { encoding: "utf8" })).toBe("");
  });
});
