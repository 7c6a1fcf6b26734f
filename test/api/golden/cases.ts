// Requests whose answers Docker Engine 20.10 gave in swarm mode and Skep must give too. In order: later ones see what
// earlier ones made. `{version:/path}` stands for the Version.Index of the object there.

export interface GoldenCase {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly body?: unknown;
}

const spec = (name: string, task: object = {}, container: object = {}, service: object = {}): object => ({
  Name: name,
  TaskTemplate: { ContainerSpec: { Image: "busybox", ...container }, ...task },
  Mode: { Replicated: { Replicas: 0 } },
  ...service,
});

const create = (name: string, body: unknown): GoldenCase => ({ name, method: "POST", url: "/services/create", body });

const get = (url: string): GoldenCase => ({ name: `GET ${url}`, method: "GET", url });

const filtered = (path: string, filters: unknown): GoldenCase =>
  get(`${path}?filters=${encodeURIComponent(typeof filters === "string" ? filters : JSON.stringify(filters))}`);

const update = (name: string, query: string, body: unknown): GoldenCase => ({
  name: `update: ${name}`,
  method: "POST",
  url: `/services/full/update?version={version:/services/full}${query}`,
  body,
});

/** Everything a ContainerSpec of 20.10 can say. */
const everything = {
  Image: "busybox:1.36",
  Labels: { b: "2", a: "1" },
  Command: ["sh"],
  Args: ["-c", "sleep 1"],
  Hostname: "h",
  Env: ["A=1", "B"],
  Dir: "/tmp",
  User: "nobody",
  Groups: ["adm"],
  Privileges: {
    CredentialSpec: null,
    SELinuxContext: { Disable: true, User: "u", Role: "r", Type: "t", Level: "l" },
  },
  Init: false,
  StopSignal: "SIGINT",
  TTY: true,
  OpenStdin: true,
  ReadOnly: true,
  Mounts: [
    { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true, BindOptions: { Propagation: "rprivate" } },
    {
      Type: "volume",
      Source: "v",
      Target: "/v",
      VolumeOptions: { NoCopy: true, Labels: { x: "y" }, DriverConfig: { Name: "local", Options: { o: "p" } } },
    },
    { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1000000, Mode: 1023 } },
  ],
  StopGracePeriod: 0,
  Healthcheck: { Test: ["CMD", "true"], Interval: 1000000, Timeout: 2000000, StartPeriod: 3000000, Retries: 3 },
  Hosts: ["1.2.3.4 a b"],
  DNSConfig: { Nameservers: ["8.8.8.8"], Search: ["x"], Options: ["y"] },
  Sysctls: { "net.core.somaxconn": "1" },
  CapabilityAdd: ["CAP_NET_ADMIN"],
  CapabilityDrop: ["ALL"],
  Ulimits: [{ Name: "nofile", Hard: 20, Soft: 10 }],
};

const full = spec(
  "full",
  {
    Resources: {
      Limits: { NanoCPUs: 1000000, MemoryBytes: 4194304, Pids: 7 },
      Reservations: {
        NanoCPUs: 2000000,
        MemoryBytes: 5194304,
        GenericResources: [
          { DiscreteResourceSpec: { Kind: "gpu", Value: 2 } },
          { NamedResourceSpec: { Kind: "ssd", Value: "a" } },
        ],
      },
    },
    RestartPolicy: { Condition: "on-failure", Delay: 0, MaxAttempts: 3, Window: 4000000000 },
    Placement: {
      Constraints: ["node.role==worker"],
      Preferences: [{ Spread: { SpreadDescriptor: "node.labels.rack" } }],
      MaxReplicas: 2,
      Platforms: [{ Architecture: "amd64", OS: "linux" }],
    },
    LogDriver: { Name: "json-file", Options: { "max-size": "1m" } },
    ForceUpdate: 5,
  },
  everything,
  {
    Labels: { z: "1", y: "2" },
    UpdateConfig: {
      Parallelism: 0,
      Delay: 1,
      FailureAction: "rollback",
      Monitor: 2,
      MaxFailureRatio: 0.1,
      Order: "start-first",
    },
    RollbackConfig: { Parallelism: 2, MaxFailureRatio: 0.25 },
    EndpointSpec: { Mode: "dnsrr", Ports: [{ TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }] },
  },
);

/** Names are numbered, because the same question is asked at different times. */
export const cases: readonly GoldenCase[] = inOrder([
  // Specs, stored and shown.
  create("a spec with everything", full),
  get("/services/full"),
  get("/services/full?insertDefaults=true"),
  create("a minimal spec", spec("minimal")),
  get("/services/minimal"),
  get("/services/minimal?insertDefaults=true"),
  create("lower-case keys, nulls, unknown keys", {
    name: "lower",
    unknown: [1],
    labels: null,
    tasktemplate: {
      containerspec: { image: "busybox", env: null, mounts: [] },
      restartpolicy: {},
      resources: {},
      placement: {},
    },
    mode: { replicated: { replicas: 0 } },
    updateconfig: {},
    endpointspec: {},
  }),
  get("/services/lower"),
  create("the longest duration", spec("long", {}, { StopGracePeriod: 9223372036854775000 })),
  create("the CLI's body", {
    Name: "cli",
    Labels: {},
    TaskTemplate: {
      ContainerSpec: { Image: "busybox:latest", Args: ["top"], Init: false, DNSConfig: {} },
      Resources: { Limits: {}, Reservations: {} },
      Placement: {},
      ForceUpdate: 0,
    },
    Mode: { Replicated: { Replicas: 0 } },
    EndpointSpec: { Mode: "vip" },
  }),
  get("/services/cli"),

  // Lists and filters.
  filtered("/services", { name: { min: true } }),
  filtered("/services", { name: ["min"] }),
  filtered("/services", { label: ["z"] }),
  filtered("/services", { label: ["z=1", "y=2"] }),
  filtered("/services", { label: ["z=1", "y=3"] }),
  filtered("/services", { mode: ["replicated"], name: ["ful"] }),
  filtered("/services", { mode: ["global"] }),
  filtered("/services", { runtime: ["plugin"] }),
  filtered("/services", { id: ["zzzz"] }),
  get("/services?status=foo"),
  get("/services/full?insertDefaults=foo"),
  filtered("/nodes", { role: ["x"] }),
  filtered("/nodes", { membership: ["x"] }),
  filtered("/nodes", { role: ["worker"], membership: ["pending"] }),
  filtered("/tasks", { "desired-state": ["x"] }),
  filtered("/tasks", { service: ["nope"] }),
  filtered("/tasks", { node: ["nope"] }),
  filtered("/tasks", { service: ["minimal"], "_up-to-date": ["true"] }),
  get("/services/nope"),
  get("/services/FULL"),
  get("/nodes/nope"),
  get("/tasks/nope"),

  // Refusals at create.
  create("no name a host could have", spec("a b")),
  create("a name that is too long", spec("x".repeat(64))),
  create("a name that exists in another case", spec("FULL")),
  create("nothing", null),
  create("no container", { Name: "x" }),
  create("no image", spec("x", {}, { Image: "" })),
  create("an image in capitals", spec("x", {}, { Image: "BAD" })),
  create("an image with two tags", spec("x", {}, { Image: "a:b:c" })),
  create("a mount of no type", spec("x", {}, { Mounts: [{ Type: "x", Target: "/x" }] })),
  create(
    "a mount propagation",
    spec("x", {}, { Mounts: [{ Type: "bind", Target: "/x", BindOptions: { Propagation: "x" } }] }),
  ),
  create(
    "two mounts on one target",
    spec(
      "x",
      {},
      {
        Mounts: [
          { Type: "bind", Target: "/x" },
          { Type: "bind", Target: "/x" },
        ],
      },
    ),
  ),
  create("a health interval below 1 ms", spec("x", {}, { Healthcheck: { Interval: 10 } })),
  create("a health timeout below 1 ms", spec("x", {}, { Healthcheck: { Timeout: 10 } })),
  create("a health start period below 1 ms", spec("x", {}, { Healthcheck: { StartPeriod: 10 } })),
  create("negative health retries", spec("x", {}, { Healthcheck: { Retries: -1 } })),
  create("too little CPU", spec("x", { Resources: { Limits: { NanoCPUs: 5 } } })),
  create("too little reserved CPU", spec("x", { Resources: { Reservations: { NanoCPUs: 100000 } } })),
  create("too little memory", spec("x", { Resources: { Limits: { MemoryBytes: 5 } } })),
  create("negative memory", spec("x", { Resources: { Reservations: { MemoryBytes: -5 } } })),
  create("a restart condition", spec("x", { RestartPolicy: { Condition: "x" } })),
  create("a negative restart delay", spec("x", { RestartPolicy: { Delay: -5 } })),
  create("a negative restart window", spec("x", { RestartPolicy: { Window: -5 } })),
  create("a constraint without operator", spec("x", { Placement: { Constraints: ["x"] } })),
  create("a constraint with a short key", spec("x", { Placement: { Constraints: ["x==1"] } })),
  create("a constraint with a bad value", spec("x", { Placement: { Constraints: ["xx==,"] } })),
  create("a negative update delay", spec("x", {}, {}, { UpdateConfig: { Delay: -1 } })),
  create("a negative monitor", spec("x", {}, {}, { UpdateConfig: { Monitor: -1 } })),
  create("a ratio above 1", spec("x", {}, {}, { UpdateConfig: { MaxFailureRatio: 2 } })),
  create("a ratio below 0", spec("x", {}, {}, { UpdateConfig: { MaxFailureRatio: -0.5 } })),
  create("an update failure action", spec("x", {}, {}, { UpdateConfig: { FailureAction: "x" } })),
  create("a rollback failure action", spec("x", {}, {}, { RollbackConfig: { FailureAction: "x" } })),
  create("an update order", spec("x", {}, {}, { UpdateConfig: { Order: "x" } })),
  create("two modes", spec("x", {}, {}, { Mode: { Replicated: {}, Global: {} } })),
  create("a resolution mode", spec("x", {}, {}, { EndpointSpec: { Mode: "x" } })),
  create(
    "one port twice",
    spec(
      "x",
      {},
      {},
      {
        EndpointSpec: {
          Ports: [
            { TargetPort: 80, PublishedPort: 99 },
            { TargetPort: 81, PublishedPort: 99 },
          ],
        },
      },
    ),
  ),
  create(
    "ingress ports with dnsrr",
    spec("x", {}, {}, { EndpointSpec: { Mode: "dnsrr", Ports: [{ TargetPort: 80, PublishedPort: 99 }] } }),
  ),
  create("the ingress network", spec("x", { Networks: [{ Target: "ingress" }] })),
  create("a runtime", spec("x", { Runtime: "foo" })),
  create("an attachment", { Name: "x", TaskTemplate: { NetworkAttachmentSpec: { ContainerID: "x" } } }),
  create("an attachment as runtime", {
    Name: "x",
    TaskTemplate: { NetworkAttachmentSpec: { ContainerID: "x" }, Runtime: "attachment" },
  }),
  create("an empty credential spec", spec("x", {}, { Privileges: { CredentialSpec: {} } })),
  create("two credential specs", spec("x", {}, { Privileges: { CredentialSpec: { File: "a", Registry: "b" } } })),
  create("a job with an update config", spec("x", {}, {}, { Mode: { ReplicatedJob: {} }, UpdateConfig: {} })),

  // Updates.
  { name: "update without version", method: "POST", url: "/services/full/update", body: full },
  { name: "update with a word as version", method: "POST", url: "/services/full/update?version=x", body: full },
  { name: "update of nothing", method: "POST", url: "/services/nope/update?version=1", body: full },
  { name: "update with an old version", method: "POST", url: "/services/full/update?version=1", body: full },
  update("another name", "", spec("other")),
  update("no name", "", { TaskTemplate: { ContainerSpec: { Image: "b" } } }),
  update("another mode", "", { ...full, Mode: { Global: {} } }),
  update("a rollback word", "&rollback=foo", full),
  update("rollback without a previous spec", "&rollback=previous", full),
  update("an auth word", "&registryAuthFrom=foo", full),
  update("auth of a previous spec that is not there", "&registryAuthFrom=previous-spec", full),
  update("an image", "", { ...full, Labels: { z: "3" } }),
  get("/services/full"),
  update("rollback", "&rollback=previous", full),
  { name: "delete nothing", method: "DELETE", url: "/services/nope" },
  { name: "delete", method: "DELETE", url: "/services/minimal" },
  get("/services/minimal"),

  // Nodes and the swarm.
  {
    name: "node update without version",
    method: "POST",
    url: "/nodes/{self}/update",
    body: { Role: "manager", Availability: "active" },
  },
  {
    name: "node update of nothing",
    method: "POST",
    url: "/nodes/nope/update?version=1",
    body: { Role: "manager", Availability: "active" },
  },
  {
    name: "node update with an old version",
    method: "POST",
    url: "/nodes/{self}/update?version=0",
    body: { Role: "manager", Availability: "active" },
  },
  {
    name: "node update without role",
    method: "POST",
    url: "/nodes/{self}/update?version={version:/nodes/{self}}",
    body: {},
  },
  {
    name: "node update with a role",
    method: "POST",
    url: "/nodes/{self}/update?version={version:/nodes/{self}}",
    body: { Role: "x" },
  },
  {
    name: "node update without availability",
    method: "POST",
    url: "/nodes/{self}/update?version={version:/nodes/{self}}",
    body: { Role: "manager" },
  },
  {
    name: "demote the last manager",
    method: "POST",
    url: "/nodes/{self}/update?version={version:/nodes/{self}}",
    body: { Role: "worker", Availability: "active" },
  },
  {
    name: "node update",
    method: "POST",
    url: "/nodes/{self}/update?version={version:/nodes/{self}}",
    body: { Role: "manager", Availability: "drain", Labels: { a: "b" } },
  },
  { name: "remove a manager", method: "DELETE", url: "/nodes/{self}" },
  { name: "remove no node", method: "DELETE", url: "/nodes/nope" },
  get("/swarm"),
  { name: "swarm update without version", method: "POST", url: "/swarm/update", body: {} },
  { name: "swarm update with an old version", method: "POST", url: "/swarm/update?version=0", body: {} },
  { name: "swarm update: a name", method: "POST", url: "/swarm/update?version={version:/swarm}", body: { Name: "x" } },
  {
    name: "swarm update: a rotate word",
    method: "POST",
    url: "/swarm/update?version={version:/swarm}&rotateWorkerToken=foo",
    body: {},
  },
  {
    name: "swarm update: a short expiry",
    method: "POST",
    url: "/swarm/update?version={version:/swarm}",
    body: { CAConfig: { NodeCertExpiry: 1000 } },
  },
  {
    name: "swarm update: a negative heartbeat",
    method: "POST",
    url: "/swarm/update?version={version:/swarm}",
    body: { Dispatcher: { HeartbeatPeriod: -1000 } },
  },
  {
    name: "swarm update: a protocol",
    method: "POST",
    url: "/swarm/update?version={version:/swarm}",
    body: { CAConfig: { ExternalCAs: [{ Protocol: "x" }] } },
  },
  get("/swarm/unlockkey"),
  { name: "unlock what is not locked", method: "POST", url: "/swarm/unlock", body: { UnlockKey: "foo" } },
  { name: "leave without force", method: "POST", url: "/swarm/leave" },
  { name: "init again", method: "POST", url: "/swarm/init", body: { ListenAddr: "0.0.0.0:2377" } },
  {
    name: "join again",
    method: "POST",
    url: "/swarm/join",
    body: { ListenAddr: "0.0.0.0:2377", RemoteAddrs: ["10.0.0.9:2377"] },
  },
  get("/swarm/nope"),
]);

function inOrder(all: readonly GoldenCase[]): readonly GoldenCase[] {
  return all.map((each, at) => ({ ...each, name: `${at + 1} ${each.name}` }));
}
