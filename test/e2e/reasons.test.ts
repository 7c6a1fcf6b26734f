// A task that cannot be placed says why, in the words of Docker's own swarm mode: the same spec is given to both, and what their
// API and `service ps` say of the waiting task is compared.

import { afterAll, beforeAll, expect, test } from "vitest";
import { busybox, type DockerHttp, eventually, type Hosts, startHosts } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";

const port = { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" };
const sleep = { Image: "busybox", Args: ["sleep", "600"] };
const gib = 2 ** 30;

/** Specs of which something must wait, by what it waits for; all but the last on a node that is ready and active. */
const specs: Readonly<Record<string, Spec>> = {
  "a label no node has": { task: { Placement: { Constraints: ["node.labels.disk==ssd"] } } },
  "more CPU than there is": { task: { Resources: { Reservations: { NanoCPUs: 1e12 } } } },
  "more memory than there is": { task: { Resources: { Reservations: { MemoryBytes: 4096 * gib } } } },
  "a generic resource no node has": {
    task: { Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value: 1 } }] } } },
  },
  "a host port that is taken": { replicas: 2, service: { EndpointSpec: { Ports: [port] } } },
  "more replicas than a node may have": { replicas: 2, task: { Placement: { MaxReplicas: 1 } } },
  "another platform": { task: { Placement: { Platforms: [{ Architecture: "s390x", OS: "linux" }] } } },
  "a volume driver no node has": {
    container: {
      Mounts: [{ Type: "volume", Target: "/v", Source: "v", VolumeOptions: { DriverConfig: { Name: "nope" } } }],
    },
  },
  "a log driver no node has": { task: { LogDriver: { Name: "nope" } } },
  "two things at once": {
    task: { Placement: { Constraints: ["node.role==worker"] }, Resources: { Reservations: { NanoCPUs: 1e12 } } },
  },
  "a node that is drained": {},
};

interface Spec {
  readonly replicas?: number;
  readonly service?: object;
  readonly task?: object;
  readonly container?: object;
}

let hosts: Hosts;

onRealHosts("a task that cannot be placed", () => {
  const skep = () => hosts.host(1);
  const docker = () => hosts.host(2);

  beforeAll(async () => {
    hosts = await startHosts(2, { images: [busybox] });
    await skep().startDaemon();
    await skep().skep(["swarm", "init", "--advertise-addr", skep().address]);
    await docker().docker(["swarm", "init", "--advertise-addr", docker().address], { to: "engine" });
  });
  afterAll(() => hosts?.end());

  test.each(Object.keys(specs).slice(0, -1))("says the same as Docker's: %s", (what) => saysTheSame(what));

  test("is explained node by node with what would help, which helps; and a plan changes nothing", async () => {
    const create = ["service", "create", "--detach", "--name", "explained", "--constraint", "node.labels.zone==a"];
    await skep().skep([...create, "--reserve-memory", "8MB", "busybox", "sleep", "600"]);
    const explained = async () => (await skep().skep(["service", "explain", "explained"])).stdout;
    const why =
      /explained\.1 waits in the scheduler .*\n {2}(\S+) +resources ok +constraint: node\.labels\.zone is not set, wanted "a"\n/;
    const { value: text } = await eventually(async () => ((await explained()).match(why) ? explained() : undefined), {
      ...{ what: "it is explained", withinMs: 15_000 },
    });
    const [, command = ""] = /Would help: '(skep node update --label-add zone=a \S+)'\./.exec(text) ?? [];
    expect(command).not.toBe("");

    const version = async () =>
      (await skep().skep(["service", "inspect", "-f", "{{.Version.Index}}", "explained"])).stdout;
    const before = await version();
    const plan = await skep().skep([
      "service",
      "plan",
      "explained",
      "--replicas",
      "2",
      "--constraint-rm",
      "node.labels.zone==a",
    ]);
    expect(plan.stdout).toContain("  replicas     1 → 2\n");
    expect(plan.stdout).toContain("  constraint   -node.labels.zone==a\n");
    expect(plan.stdout).toContain("Nothing was changed. Run 'skep service update …' with the same flags to do it.\n");
    expect(await version()).toBe(before);

    await skep().skep(command.split(" ").slice(1));
    await eventually(async () => (await explained()) === "explained: 1 of 1 task runs. Nothing waits.\n" || undefined, {
      ...{ what: "what would help has helped", withinMs: 30_000 },
    });
    const status = await skep().skep(["system", "status"]);
    expect(status.stdout).toMatch(/\ntasks {3}\d+ running · \d+ pending .*· 0 failing\n/);
  });

  test("says the same as Docker's: a node that is drained", async () => {
    for (const [host, to] of [
      [skep(), "skep"],
      [docker(), "engine"],
    ] as const) {
      const node = (await host.docker(["node", "ls", "-q"], { to })).stdout.trim();
      await host.docker(["node", "update", "--availability", "drain", node], { to });
    }
    await saysTheSame("a node that is drained");
  });

  async function saysTheSame(what: string): Promise<void> {
    const [ours, theirs] = await Promise.all([waiting(skep().daemon.http, what), waiting(docker().engine.http, what)]);
    console.log(`${what}: ${theirs.Err}`);
    expect(ours).toEqual(theirs);
    const { stdout } = await skep().docker(["service", "ps", "--no-trunc", nameOf(what)], { to: "skep" });
    expect(stdout).toContain(`"${theirs.Err}"`);
  }
});

/** Creates the service and answers with what is said of its task that waits. */
async function waiting(http: DockerHttp, what: string) {
  const { replicas = 1, service, task, container } = specs[what] ?? {};
  await http.ok("POST", "/services/create", {
    body: {
      Name: nameOf(what),
      Mode: { Replicated: { Replicas: replicas } },
      TaskTemplate: { ContainerSpec: { ...sleep, ...container }, ...task },
      ...service,
    },
  });
  const filters = encodeURIComponent(JSON.stringify({ service: [nameOf(what)] }));
  const look = async () => {
    const { json } = await http.ok("GET", `/tasks?filters=${filters}`);
    const found = json as readonly { DesiredState: string; Status: { State: string; Message: string; Err?: string } }[];
    return found.find(({ Status: { Err = "" } }) => Err.includes("no suitable node"));
  };
  const { value } = await eventually(look, { what: `it waits for ${what}`, withinMs: 15_000 });
  const { State, Message, Err } = value.Status;
  return { DesiredState: value.DesiredState, State, Message, Err };
}

function nameOf(what: string): string {
  return what.replaceAll(" ", "-");
}
