import { describe, expect, test } from "vitest";
import type { CreateContainer, HostConfig } from "../../../src/engine/index.js";
import {
  ApparmorMode,
  type DeepPartial,
  type Mount,
  MountType,
  type PortConfig,
  PortProtocol,
  type Privileges,
  PublishMode,
  type ResourceRequirements,
  SeccompMode,
} from "../../../src/gen/skep/v1/specs.js";
import { containerConfig, graceSecondsOf } from "../../../src/worker/container/config.js";
import { taskName } from "../../../src/worker/container/names.js";
import { anAssignment, theNode, withContainer } from "../support.js";

type Assignment = ReturnType<typeof anAssignment>;
type Row = readonly [string, Assignment, Partial<CreateContainer>];
type HostRow = readonly [string, Assignment, HostConfig];

const plain: CreateContainer = {
  Image: "busybox",
  Labels: {
    "com.docker.swarm.task": "",
    "com.docker.swarm.task.id": "t1",
    "com.docker.swarm.task.name": "web.1.t1",
    "com.docker.swarm.node.id": "node1",
    "com.docker.swarm.service.id": "s1",
    "com.docker.swarm.service.name": "web",
    "skep.cluster.id": "cluster1",
  },
  HostConfig: {},
};

const fields: readonly Row[] = [
  ["nothing but an image", anAssignment(), {}],
  ["command", withContainer({ command: ["sh", "-c"] }), { Entrypoint: ["sh", "-c"] }],
  ["args", withContainer({ args: ["sleep", "9"] }), { Cmd: ["sleep", "9"] }],
  [
    "command and args",
    withContainer({ command: ["sh"], args: ["-c", "true"] }),
    { Entrypoint: ["sh"], Cmd: ["-c", "true"] },
  ],
  ["args are no templates", withContainer({ args: ["{{.Task.ID}}"] }), { Cmd: ["{{.Task.ID}}"] }],
  ["env", withContainer({ env: ["A=1", "BARE", "C=x=y"] }), { Env: ["A=1", "BARE", "C=x=y"] }],
  [
    "env values are templates, names are not",
    withContainer({ env: ["{{.Task.ID}}={{.Node.Hostname}}/{{.Task.Slot}}", "{{.Task.ID}}"] }),
    { Env: ["{{.Task.ID}}=worker-1/1", "{{.Task.ID}}"] },
  ],
  [
    "generic resources become env",
    anAssignment({
      assignedGeneric: [
        { kind: "gpu", amount: { $case: "named", value: "UUID1" } },
        { kind: "gpu", amount: { $case: "named", value: "UUID2" } },
        { kind: "ssd", amount: { $case: "discrete", value: 3 } },
      ],
    }),
    { Env: ["DOCKER_RESOURCE_GPU=UUID1,UUID2", "DOCKER_RESOURCE_SSD=3"] },
  ],
  ["dir", withContainer({ dir: "/srv" }), { WorkingDir: "/srv" }],
  ["user", withContainer({ user: "app:app" }), { User: "app:app" }],
  [
    "labels: ours win",
    withContainer({ labels: { mine: "1", "com.docker.swarm.task.id": "forged", "skep.cluster.id": "forged" } }),
    { Labels: { ...plain.Labels, mine: "1" } },
  ],
  ["hostname", withContainer({ hostname: "{{.Service.Name}}-{{.Task.Slot}}" }), { Hostname: "web-1" }],
  [
    "service labels and platform in templates",
    anAssignment({
      serviceLabels: { tier: "front" },
      spec: { container: { hostname: "{{.Service.Labels.tier}}-{{.Node.Platform.OS}}" } },
    }),
    { Hostname: "front-linux" },
  ],
  [
    "join in templates",
    withContainer({ hostname: '{{join "-" .Service.ID .Node.ID .Task.Name}}' }),
    { Hostname: "s1-node1-web.1.t1" },
  ],
  ["tty", withContainer({ tty: true }), { Tty: true }],
  ["stdin", withContainer({ openStdin: true }), { OpenStdin: true }],
  ["stop signal", withContainer({ stopSignal: "SIGINT" }), { StopSignal: "SIGINT" }],
  ["stop grace", withContainer({ stopGracePeriod: { seconds: 3, nanos: 0 } }), { StopTimeout: 3 }],
  ["a fraction of grace", withContainer({ stopGracePeriod: { seconds: 0, nanos: 5e8 } }), { StopTimeout: 1 }],
  [
    "healthcheck",
    withContainer({
      healthcheck: {
        test: ["CMD", "true"],
        interval: { seconds: 1, nanos: 5e8 },
        timeout: { seconds: 2, nanos: 0 },
        startPeriod: { seconds: 3, nanos: 0 },
        startInterval: { seconds: 0, nanos: 1e8 },
        retries: 4,
      },
    }),
    {
      Healthcheck: {
        Test: ["CMD", "true"],
        Interval: 1.5e9,
        Timeout: 2e9,
        StartPeriod: 3e9,
        StartInterval: 1e8,
        Retries: 4,
      },
    },
  ],
  ["healthcheck NONE", withContainer({ healthcheck: { test: ["NONE"] } }), { Healthcheck: { Test: ["NONE"] } }],
];

const mount = (fieldsOfMount: DeepPartial<Mount>): Assignment => withContainer({ mounts: [fieldsOfMount] });
const privileged = (privileges: DeepPartial<Privileges>): Assignment => withContainer({ privileges });
const limited = (resources: DeepPartial<ResourceRequirements>): Assignment => anAssignment({ spec: { resources } });
const published = (...ports: DeepPartial<PortConfig>[]): Assignment => anAssignment({ endpoint: { ports } });

const host: readonly HostRow[] = [
  ["groups", withContainer({ groups: ["audio", "44"] }), { GroupAdd: ["audio", "44"] }],
  [
    "hosts with all aliases",
    withContainer({ hosts: ["10.0.0.1 db primary", " fd00::1\tsix "] }),
    { ExtraHosts: ["db:10.0.0.1", "primary:10.0.0.1", "six:fd00::1"] },
  ],
  [
    "dns",
    withContainer({ dns: { nameservers: ["1.1.1.1"], search: ["a.test"], options: ["ndots:1"] } }),
    { Dns: ["1.1.1.1"], DnsSearch: ["a.test"], DnsOptions: ["ndots:1"] },
  ],
  ["init on", withContainer({ init: true }), { Init: true }],
  ["init off is not absent", withContainer({ init: false }), { Init: false }],
  ["read-only", withContainer({ readOnly: true }), { ReadonlyRootfs: true }],
  [
    "caps",
    withContainer({ capabilityAdd: ["NET_ADMIN"], capabilityDrop: ["ALL"] }),
    { CapAdd: ["NET_ADMIN"], CapDrop: ["ALL"] },
  ],
  ["sysctls", withContainer({ sysctls: { "net.core.somaxconn": "9" } }), { Sysctls: { "net.core.somaxconn": "9" } }],
  [
    "ulimits",
    withContainer({ ulimits: [{ name: "nofile", soft: 1, hard: 2 }] }),
    { Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }] },
  ],
  ["oom score", withContainer({ oomScoreAdj: 0 }), { OomScoreAdj: 0 }],
  ["isolation", withContainer({ isolation: "hyperv" }), { Isolation: "hyperv" }],
  ["default isolation is none", withContainer({ isolation: "default" }), {}],
  ["seccomp off", privileged({ seccomp: { mode: SeccompMode.UNCONFINED } }), { SecurityOpt: ["seccomp=unconfined"] }],
  [
    "seccomp profile",
    privileged({ seccomp: { mode: SeccompMode.CUSTOM, profile: Buffer.from("{}") } }),
    { SecurityOpt: ["seccomp={}"] },
  ],
  ["seccomp default", privileged({ seccomp: { mode: SeccompMode.DEFAULT } }), {}],
  ["apparmor off", privileged({ apparmor: { mode: ApparmorMode.DISABLED } }), { SecurityOpt: ["apparmor=unconfined"] }],
  ["no new privileges", privileged({ noNewPrivileges: true }), { SecurityOpt: ["no-new-privileges=true"] }],
  ["selinux off", privileged({ selinuxContext: { disable: true } }), { SecurityOpt: ["label=disable"] }],
  [
    "selinux context",
    privileged({ selinuxContext: { user: "u", role: "r", type: "t", level: "l" } }),
    { SecurityOpt: ["label=user:u", "label=role:r", "label=type:t", "label=level:l"] },
  ],
  [
    "credential spec from a file",
    privileged({ credentialSpec: { file: "c.json" } }),
    { SecurityOpt: ["credentialspec=file://c.json"] },
  ],
  [
    "credential spec from the registry",
    privileged({ credentialSpec: { registry: "c" } }),
    { SecurityOpt: ["credentialspec=registry://c"] },
  ],
  ["pids", limited({ limits: { pids: 7 } }), { PidsLimit: 7 }],
  ["cpu limit", limited({ limits: { nanoCpus: 5e8 } }), { NanoCpus: 5e8 }],
  ["memory", limited({ limits: { memoryBytes: 100 } }), { Memory: 100 }],
  ["memory and swap", limited({ limits: { memoryBytes: 100 }, swapBytes: 50 }), { Memory: 100, MemorySwap: 150 }],
  ["no swap", limited({ limits: { memoryBytes: 100 }, swapBytes: 0 }), { Memory: 100, MemorySwap: 100 }],
  ["unlimited swap", limited({ limits: { memoryBytes: 100 }, swapBytes: -1 }), { Memory: 100, MemorySwap: -1 }],
  ["swap without a memory limit is nothing", limited({ swapBytes: 50 }), {}],
  ["swappiness", limited({ memorySwappiness: 0 }), { MemorySwappiness: 0 }],
  ["reservations never reach the engine", limited({ reservations: { memoryBytes: 5, nanoCpus: 5 } }), {}],
  [
    "log driver",
    anAssignment({ logDriver: { name: "syslog", options: { tag: "x" } } }),
    { LogConfig: { Type: "syslog", Config: { tag: "x" } } },
  ],
  ["network", anAssignment({ networks: ["host"] }), { NetworkMode: "host" }],
  [
    "bind",
    mount({ type: MountType.BIND, source: "/a", target: "/b", readOnly: true, consistency: "cached" }),
    { Mounts: [{ Type: "bind", Source: "/a", Target: "/b", ReadOnly: true, Consistency: "cached" }] },
  ],
  [
    "bind options",
    mount({
      type: MountType.BIND,
      source: "/a",
      target: "/b",
      bind: {
        propagation: "rshared",
        nonRecursive: true,
        createMountpoint: true,
        readOnlyNonRecursive: true,
        readOnlyForceRecursive: true,
      },
    }),
    {
      Mounts: [
        {
          Type: "bind",
          Source: "/a",
          Target: "/b",
          BindOptions: {
            Propagation: "rshared",
            NonRecursive: true,
            CreateMountpoint: true,
            ReadOnlyNonRecursive: true,
            ReadOnlyForceRecursive: true,
          },
        },
      ],
    },
  ],
  ["anonymous volume", mount({ type: MountType.VOLUME, target: "/b" }), { Mounts: [{ Type: "volume", Target: "/b" }] }],
  [
    "volume, templates in source, target, labels and driver options",
    mount({
      type: MountType.VOLUME,
      source: "data-{{.Task.Slot}}",
      target: "/b/{{.Task.Slot}}",
      volume: {
        noCopy: true,
        labels: { of: "{{.Service.Name}}" },
        subpath: "sub",
        driver: { name: "local", options: { o: "{{.Node.ID}}" } },
      },
    }),
    {
      Mounts: [
        {
          Type: "volume",
          Source: "data-1",
          Target: "/b/1",
          VolumeOptions: {
            NoCopy: true,
            Labels: { of: "web" },
            Subpath: "sub",
            DriverConfig: { Name: "local", Options: { o: "node1" } },
          },
        },
      ],
    },
  ],
  [
    "tmpfs",
    mount({ type: MountType.TMPFS, target: "/t", tmpfs: { sizeBytes: 1024, mode: 0o1777 } }),
    { Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024, Mode: 0o1777 } }] },
  ],
  [
    "tmpfs with options of its own",
    mount({
      type: MountType.TMPFS,
      target: "/t",
      readOnly: true,
      tmpfs: { sizeBytes: 1024, mode: 0o700, options: ["uid=1", "exec"] },
    }),
    { Tmpfs: { "/t": "ro,size=1024,mode=700,uid=1,exec" } },
  ],
  [
    "named pipe",
    mount({ type: MountType.NPIPE, source: "\\\\.\\pipe\\a", target: "\\\\.\\pipe\\b" }),
    { Mounts: [{ Type: "npipe", Source: "\\\\.\\pipe\\a", Target: "\\\\.\\pipe\\b" }] },
  ],
  [
    "image mount",
    mount({ type: MountType.IMAGE, source: "assets:1", target: "/i", image: { subpath: "www" } }),
    { Mounts: [{ Type: "image", Source: "assets:1", Target: "/i", ImageOptions: { Subpath: "www" } }] },
  ],
];

const hostMode = { targetPort: 80, publishMode: PublishMode.HOST };
const ports: readonly Row[] = [
  [
    "host-mode ports",
    published({ ...hostMode, publishedPort: 8080 }, { ...hostMode, targetPort: 53, protocol: PortProtocol.UDP }),
    {
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }], "53/udp": [{ HostPort: "" }] } },
    },
  ],
  [
    "one target published twice",
    published({ ...hostMode, publishedPort: 1 }, { ...hostMode, publishedPort: 2 }),
    {
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "1" }, { HostPort: "2" }] } },
    },
  ],
  [
    "ingress ports are exposed only",
    published({ ...hostMode, publishMode: PublishMode.INGRESS, publishedPort: 8080 }),
    { ExposedPorts: { "80/tcp": {} } },
  ],
];

describe("a task's container", () => {
  test.each(fields)("%s", (_, task, expected) => {
    expect(containerConfig(task, theNode)).toEqual({ ...plain, ...expected });
  });
  test.each(host)("host config: %s", (_, task, expected) => {
    expect(containerConfig(task, theNode)).toEqual({ ...plain, HostConfig: expected });
  });
  test.each(ports)("%s", (_, task, expected) => {
    expect(containerConfig(task, theNode)).toEqual({ ...plain, ...expected });
  });

  test("everything together: no part hides another", () => {
    const spec = Object.assign({}, ...[...fields.slice(1), ...host].map(([, task]) => given(task.spec?.container)));
    const config = containerConfig(
      anAssignment({
        endpoint: { ports: [{ ...hostMode, publishedPort: 8080 }] },
        networks: ["bridge"],
        logDriver: { name: "none" },
        spec: {
          container: spec,
          resources: { limits: { nanoCpus: 1, memoryBytes: 2, pids: 3 }, swapBytes: 4, memorySwappiness: 5 },
        },
      }),
      theNode,
    );
    expect(Object.keys(config).sort()).toMatchInlineSnapshot(`
      [
        "Cmd",
        "Entrypoint",
        "Env",
        "ExposedPorts",
        "Healthcheck",
        "HostConfig",
        "Hostname",
        "Image",
        "Labels",
        "OpenStdin",
        "StopSignal",
        "StopTimeout",
        "Tty",
        "User",
        "WorkingDir",
      ]
    `);
    expect(Object.keys(config.HostConfig).sort()).toMatchInlineSnapshot(`
      [
        "CapAdd",
        "CapDrop",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "ExtraHosts",
        "GroupAdd",
        "Init",
        "LogConfig",
        "Memory",
        "MemorySwap",
        "MemorySwappiness",
        "Mounts",
        "NanoCpus",
        "NetworkMode",
        "OomScoreAdj",
        "PidsLimit",
        "PortBindings",
        "ReadonlyRootfs",
        "SecurityOpt",
        "Sysctls",
        "Ulimits",
      ]
    `);
  });

  test.each([
    ["no image", withContainer({ image: "" }), "dockerexec: image required"],
    ["a relative target", mount({ target: "b", source: "/a" }), "invalid mount target, must be an absolute path: b"],
    ["a relative bind", mount({ target: "/b", source: "a" }), "invalid bind mount source, must be an absolute path: a"],
    [
      "a volume named like a path",
      mount({ type: MountType.VOLUME, target: "/b", source: "/a" }),
      "invalid volume mount source, must not be an absolute path: /a",
    ],
    [
      "a tmpfs with a source",
      mount({ type: MountType.TMPFS, target: "/b", source: "/a" }),
      "invalid tmpfs source, source must be empty",
    ],
    ["a template of nothing", withContainer({ env: ["A={{.Task.Nothing}}"] }), "Nothing"],
    ["a broken template", withContainer({ hostname: "{{.Task" }), "unclosed action"],
    ["a credential spec from a config", privileged({ credentialSpec: { config: "c" } }), "not built yet"],
    ["a cluster volume", mount({ type: MountType.CLUSTER, target: "/b", source: "v" }), "not built yet"],
  ])("is refused: %s", (_, task, message) => {
    expect(() => containerConfig(task, theNode)).toThrow(message);
  });

  test("of a global service is named after the node", () => {
    expect(taskName(anAssignment({ slot: 0 }), "node1")).toBe("web.node1.t1");
  });

  test("stops within its grace, else the engine's", () => {
    expect(graceSecondsOf(anAssignment())).toBeUndefined();
    expect(graceSecondsOf(withContainer({ stopGracePeriod: { seconds: 0, nanos: 0 } }))).toBe(0);
  });
});

/** The fields that say something. */
function given(spec: object | undefined): object {
  return Object.fromEntries(
    Object.entries(spec ?? {}).filter(([, value]) => {
      if (value === undefined || value === "" || value === false) return false;
      return typeof value !== "object" || Object.keys(value as object).length > 0;
    }),
  );
}
