// The same `docker service create` against Skep and against Docker's own swarm mode makes the same container: what the two
// engines show of them is compared field by field.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busybox, eventually, type Host, type Hosts, startHosts } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";

const sleep = ["busybox", "sleep", "600"];

/** Flags of `docker service create`, by the name of the service they make. */
const services: Readonly<Record<string, readonly string[]>> = {
  plain: sleep,
  process: [
    ...[
      "--env",
      "A=1",
      "--env",
      "B=two words",
      "--env",
      "SLOT={{.Task.Slot}}",
      "--hostname",
      "{{.Service.Name}}-{{.Task.Slot}}",
    ],
    ...["--workdir", "/tmp", "--user", "65534:65534", "--group", "44", "--group", "nogroup", "--tty", "--init"],
    ...[
      "--stop-signal",
      "SIGINT",
      "--stop-grace-period",
      "1500ms",
      "--label",
      "of=service",
      "--container-label",
      "of=container",
    ],
    ...["--entrypoint", "sh -c", "busybox", "sleep 600"],
  ],
  network: [
    ...[
      "--host",
      "db:10.0.0.9",
      "--host",
      "cache:10.0.0.8",
      "--dns",
      "10.0.0.53",
      "--dns-search",
      "a.test",
      "--dns-option",
      "ndots:2",
    ],
    ...[
      "--publish",
      "mode=host,published=8080,target=80",
      "--publish",
      "mode=host,published=5353,target=53,protocol=udp",
    ],
    ...sleep,
  ],
  mounts: [
    ...[
      "--mount",
      "type=bind,source=/tmp,target=/bound,readonly",
      "--mount",
      "type=bind,source=/run,target=/shared,bind-propagation=private",
    ],
    ...[
      "--mount",
      "type=volume,source=vol-{{.Task.Slot}},target=/vol,volume-label=of=me,volume-nocopy",
      "--mount",
      "type=volume,target=/anonymous",
    ],
    ...[
      "--mount",
      "type=tmpfs,target=/t1,tmpfs-size=1048576,tmpfs-mode=1770",
      "--mount",
      "type=tmpfs,target=/t2",
      "--read-only",
    ],
    ...sleep,
  ],
  limits: [
    ...[
      "--limit-cpu",
      "0.5",
      "--limit-memory",
      "64m",
      "--limit-pids",
      "50",
      "--reserve-cpu",
      "0.1",
      "--reserve-memory",
      "16m",
    ],
    ...["--ulimit", "nofile=100:200", "--ulimit", "nproc=300", "--sysctl", "net.core.somaxconn=99"],
    ...["--cap-add", "NET_ADMIN", "--cap-add", "CAP_SYS_TIME", "--cap-drop", "MKNOD"],
    ...sleep,
  ],
  health: [
    ...[
      "--health-cmd",
      "true",
      "--health-interval",
      "1s",
      "--health-timeout",
      "2s",
      "--health-retries",
      "4",
      "--health-start-period",
      "500ms",
    ],
    ...["--log-driver", "json-file", "--log-opt", "max-size=1m", "--log-opt", "max-file=2"],
    ...sleep,
  ],
  unchecked: ["--no-healthcheck", ...sleep],
  hostnet: ["--network", "host", "--hostname", "given", ...sleep],
  bridge: ["--network", "bridge", ...sleep],
};

/** What must differ, or says nothing of the container: names, addresses and times. */
const ofItsOwn = [
  ...[
    "Id",
    "Created",
    "Name",
    "Image",
    "State.Pid",
    "State.StartedAt",
    "State.Health",
    "ResolvConfPath",
    "HostnamePath",
  ],
  ...["HostsPath", "LogPath", "GraphDriver", "NetworkSettings", "HostConfig.CgroupParent"],
  ...["Config.Labels.com.docker.swarm.node.id", "Config.Labels.com.docker.swarm.service.id"],
  ...[
    "Config.Labels.com.docker.swarm.task.id",
    "Config.Labels.com.docker.swarm.task.name",
    "Config.Labels.com.docker.swarm.task",
  ],
];
/** docs/differences.md, "Containers". */
const different = ["Config.Labels.skep.cluster.id", "Config.StopTimeout"];

let hosts: Hosts;

onRealHosts("a container of a service", () => {
  const skep = () => hosts.host(1);
  const docker = () => hosts.host(2);

  beforeAll(async () => {
    hosts = await startHosts(2, { images: [busybox] });
    await skep().startDaemon();
    await skep().skep(["swarm", "init", "--advertise-addr", skep().address]);
    await docker().docker(["swarm", "init", "--advertise-addr", docker().address], { to: "engine" });
    for (const [name, flags] of Object.entries(services)) {
      await Promise.all([create(skep(), "skep", name, flags), create(docker(), "engine", name, flags)]);
    }
  });
  afterAll(() => hosts?.end());

  describe("is what Docker's swarm mode makes of the same command", () => {
    test.each(Object.keys(services))("%s", async (name) => {
      const [ours, theirs] = await Promise.all([containerOf(skep(), name), containerOf(docker(), name)]);
      expect(ours).toEqual(theirs);
    });
  });

  describe.concurrent("as the worker sees it", () => {
    const brief = ["--restart-delay", "100ms", "--stop-grace-period", "1s"];
    const checked = [...brief, "--health-interval", "300ms", "--health-timeout", "2s"];

    test("its task runs when it is healthy, not before", async () => {
      await create(skep(), "skep", "slow", [
        ...checked,
        "--health-cmd",
        "test -f /ok",
        "--health-retries",
        "99",
        ...sleep,
      ]);
      const { value: id } = await eventually(() => runningOf(skep(), "slow"), { what: "it runs", withinMs: 10_000 });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(await tasksOf("slow")).toEqual(["starting "]);
      expect((await skep().skep(["service", "ls", "--filter", "name=slow", "--format", "{{.Replicas}}"])).stdout).toBe(
        "0/1\n",
      );
      await skep().docker(["exec", id, "touch", "/ok"], { to: "engine" });
      await eventuallyTasks("slow", ["running "]);
    });

    test("unhealthy, it is replaced and the reason is shown", async () => {
      await create(skep(), "skep", "sick", [
        ...checked,
        "--health-cmd",
        "test ! -f /bad",
        "--health-retries",
        "1",
        ...sleep,
      ]);
      await eventuallyTasks("sick", ["running "]);
      const first = (await runningOf(skep(), "sick")) ?? "";
      await skep().docker(["exec", first, "touch", "/bad"], { to: "engine" });
      await eventuallyTasks("sick", ["running ", "failed task: non-zero exit (137): dockerexec: unhealthy container"]);
      expect(await runningOf(skep(), "sick")).not.toBe(first);
    });

    test("over its memory limit, the reason is shown", async () => {
      const greedy = ["busybox", "sh", "-c", "sleep 1; tail /dev/zero"];
      await create(skep(), "skep", "greedy", ["--limit-memory", "16m", "--restart-condition", "none", ...greedy]);
      const [shown] = await eventuallyTasks("greedy", [expect.stringMatching(/^failed /)]);
      console.log(`over its memory limit: ${shown}`);
      expect(shown).toMatch(/137.*(out of memory|OOM)/i);
    });

    const failed = "failed task: non-zero exit (3)";
    test.each([
      ["none", "exit 3", [], [failed]],
      ["none", "exit 0", [], ["complete "]],
      ["on-failure", "exit 0", [], ["complete "]],
      ["on-failure", "exit 3", ["--restart-max-attempts", "1"], [failed, failed]],
      ["any", "exit 0", ["--restart-max-attempts", "2"], ["complete ", "complete ", "complete "]],
    ])("restart-condition %s, %s, %j: %j", async (condition, script, flags, expected) => {
      const name = `r${condition}${script.at(-1)}`;
      await create(skep(), "skep", name, [
        "--restart-condition",
        condition,
        "--restart-delay",
        "0s",
        ...flags,
        "busybox",
        "sh",
        "-c",
        script,
      ]);
      await eventuallyTasks(name, expected);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(await tasksOf(name)).toEqual(expected);
    });
  });

  /** State and error of the service's tasks, the newest first. */
  async function tasksOf(service: string): Promise<readonly string[]> {
    const filters = encodeURIComponent(JSON.stringify({ service: [service] }));
    const { json } = await skep().daemon.http.ok("GET", `/tasks?filters=${filters}`);
    return (json as readonly { CreatedAt: string; Status: { State: string; Err?: string } }[])
      .toSorted((a, b) => b.CreatedAt.localeCompare(a.CreatedAt))
      .map(({ Status: { State, Err = "" } }) => `${State} ${Err}`);
  }

  async function eventuallyTasks(service: string, expected: readonly unknown[]): Promise<readonly string[]> {
    const look = async () => {
      const tasks = await tasksOf(service);
      expect(tasks).toEqual(expected);
      return tasks;
    };
    return (await eventually(look, { what: `the tasks of ${service}`, withinMs: 20_000 })).value;
  }
});

async function create(host: Host, to: "skep" | "engine", name: string, flags: readonly string[]): Promise<void> {
  await host.docker(["service", "create", "-d", "--no-resolve-image", "--name", name, ...flags], { to });
}

/** What the engine shows of the service's container, flat, without what differs anyway and what says nothing. */
async function containerOf(host: Host, service: string): Promise<Readonly<Record<string, unknown>>> {
  const { value } = await eventually(() => runningOf(host, service), {
    what: `a container of ${service} runs on ${host.name}`,
    withinMs: 30_000,
  });
  const { json } = await host.engine.http.ok("GET", `/containers/${value}/json`);
  const isKept = ([key, shown]: readonly [string, unknown]): boolean =>
    ![...ofItsOwn, ...different].some((each) => key === each || key.startsWith(`${each}.`)) && !isNothing(key, shown);
  return Object.fromEntries(
    [...flat(json)].map(([key, shown]) => [key, comparable(shown, value)] as const).filter(isKept),
  );
}

async function runningOf(host: Host, service: string): Promise<string | undefined> {
  return (await host.containers([`com.docker.swarm.service.name=${service}`]))[0]?.id;
}

/** Absent, null and empty are one to an engine. */
function isNothing(key: string, shown: unknown): boolean {
  return (
    shown === null ||
    shown === "" ||
    (Array.isArray(shown) && shown.length === 0) ||
    (key === "HostConfig.Isolation" && shown === "default")
  );
}

/**
 * Where nothing is given a container is called by its id; anonymous volumes have ids too, and the engines their folders.
 * Mounts come in any order.
 */
function comparable(shown: unknown, id: string): unknown {
  const text = JSON.stringify(shown);
  if (text === undefined) return undefined;
  const same = text
    .replaceAll(id.slice(0, 12), "ID")
    .replaceAll(/[0-9a-f]{64}/g, "ID")
    .replaceAll(/\/h[12]\/docker/g, "");
  const value: unknown = JSON.parse(same);
  return Array.isArray(value) ? value.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))) : value;
}

function* flat(value: unknown, path = ""): Generator<[string, unknown]> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return yield [path, value];
  for (const [key, each] of Object.entries(value)) yield* flat(each, path === "" ? key : `${path}.${key}`);
}
