// Bad input of every kind there is a way in for. What each is answered stands in docs/garbage.md.

export interface GarbageCase {
  readonly kind: string;
  /** What is wrong, in a person's words. */
  readonly what: string;
  readonly method: string;
  readonly url: string;
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const good = { Name: "web", TaskTemplate: { ContainerSpec: { Image: "busybox" } } };
const json = JSON.stringify(good);

function post(
  kind: string,
  url: string,
): (what: string, body: unknown, headers?: GarbageCase["headers"]) => GarbageCase {
  return (what, body, headers) => ({ kind, what, method: "POST", url, body, ...(headers && { headers }) });
}

const body = post("body", "/services/create");
const create = post("service", "/services/create");
const init = post("swarm", "/swarm/init");
const join = post("swarm", "/swarm/join");

const withTask = (task: object): object => ({ ...good, TaskTemplate: { ...good.TaskTemplate, ...task } });
const withContainer = (container: object): object => withTask({ ContainerSpec: { Image: "busybox", ...container } });
const named = (Name: unknown): object => ({ ...good, Name });
const image = (Image: unknown): object => withContainer({ Image });
const ports = (...Ports: object[]): object => ({ ...good, EndpointSpec: { Ports } });
const host = { PublishMode: "host" };

const present = { ...good, Name: "present" };

const update = (what: string, query: string, spec: unknown = present): GarbageCase => ({
  kind: "service",
  what,
  method: "POST",
  url: `/services/present/update${query}`,
  body: spec,
});

const get = (kind: string, what: string, url: string, headers?: GarbageCase["headers"]): GarbageCase => ({
  kind,
  what,
  method: "GET",
  url,
  ...(headers && { headers }),
});

const filter = (what: string, path: string, filters: string): GarbageCase =>
  get("filter", what, `${path}?filters=${encodeURIComponent(filters)}`);

const address = (what: string, fields: object): GarbageCase =>
  init(what, { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: "10.0.0.1", ...fields });

const token = `SWMTKN-1-${"a".repeat(50)}-${"b".repeat(25)}`;
const joining = { ListenAddr: "0.0.0.0:2377", RemoteAddrs: ["10.0.0.1:2377"], JoinToken: token };

export const cases: readonly GarbageCase[] = [
  body("not JSON", "hello"),
  body("half an object", '{"Name":"web"'),
  body("half a string", '{"Name":"we'),
  body("half a literal", '{"Name":nul'),
  body("two values", `${json} {}`),
  body("something behind the value", `${json} x`),
  body("only blanks", "  \n "),
  body("a NUL byte", '{"Name":"a\u0000b"}'),
  body("a line break in a string", '{"Name":"a\nb"}'),
  body("an escape that is none", '{"Name":"\\x"}'),
  body("half a unicode escape", '{"Name":"\\u12"}'),
  body("a key without quotes", "{Name:1}"),
  body("a comma too many", '{"Name":"web",}'),
  body("a comma too many in a list", '{"a":[1,]}'),
  body("a key without a value", '{"Name"}'),
  body("a number with a leading zero", '{"Name":"w","TaskTemplate":{"ForceUpdate":01}}'),
  body("a plus sign", '{"TaskTemplate":{"ForceUpdate":+1}}'),
  body("NaN", '{"TaskTemplate":{"ForceUpdate":NaN}}'),
  body("a list", []),
  body("a string", '"web"'),
  body("a number", "7"),
  body("true", "true"),
  body("100,000 brackets", "[".repeat(100_000)),
  body("100,000 nested objects", '{"a":'.repeat(100_000)),
  body("5 MiB", " ".repeat(5 * 1024 * 1024)),
  body("plain text by its type", json, { "Content-Type": "text/plain" }),
  body("a form by its type", json, { "Content-Type": "application/x-www-form-urlencoded" }),
  body("an empty type", json, { "Content-Type": "" }),
  body("bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe])),

  create("no body at all", undefined),
  create("null", "null"),
  create("a number as name", named(1)),
  create("a name with a blank", named("a b")),
  create("a name with a dot", named("a.b")),
  create("a name with a slash", named("../etc")),
  create("a name in another script", named("wéb")),
  create("a name that starts with a dash", named("-web")),
  create("a name that ends with an underscore", named("web_")),
  create("a name of 64 characters", named("x".repeat(64))),
  create("a name of 100,000 characters", named("x-".repeat(50_000))),
  create("a name that is taken", named("present")),
  create("a name that is taken in another case", named("PRESENT")),
  create("labels as a list", { ...good, Labels: ["a=b"] }),
  create("a number as a label", { ...good, Labels: { a: 1 } }),
  create(
    "a label no object can hold",
    '{"Name":"w","Labels":{"__proto__":"x"},"TaskTemplate":{"ContainerSpec":{"Image":"b"}}}',
  ),
  create("no container", { Name: "web", TaskTemplate: {} }),
  create("a container that is a string", withTask({ ContainerSpec: "busybox" })),
  create("an image that is a number", image(1)),
  create("no image", image("")),
  create("an image in capitals", image("BusyBox")),
  create("an image with blanks", image("busy box")),
  create("an image with two tags", image("a:b:c")),
  create("an image with a broken digest", image("busybox@sha256:12")),
  create("an image that is an id", image("a".repeat(64))),
  create("an image with an empty tag", image("busybox:")),
  create("an image with a domain that is none", image("-x.com/busybox")),
  create("an image of 100,000 characters", image("a".repeat(100_000))),
  create("an environment that is a string", withContainer({ Env: "A=1" })),
  create("an environment with a number", withContainer({ Env: [1] })),
  create("a command that is a string", withContainer({ Command: "sh" })),
  create("TTY as text", withContainer({ TTY: "yes" })),
  create("a stop grace period with a fraction", withContainer({ StopGracePeriod: 1.5 })),
  create("a stop grace period as text", withContainer({ StopGracePeriod: "10s" })),
  create("a negative stop grace period", withContainer({ StopGracePeriod: -1 })),
  create(
    "a stop grace period beyond 64 bits",
    '{"TaskTemplate":{"ContainerSpec":{"Image":"b","StopGracePeriod":9223372036854775808}}}',
  ),
  create("a mount without type", withContainer({ Mounts: [{ Target: "/x" }] })),
  create("a mount of an unknown type", withContainer({ Mounts: [{ Type: "nfs", Target: "/x" }] })),
  create("a mount without target", withContainer({ Mounts: [{ Type: "bind", Source: "/x" }] })),
  create(
    "two mounts on one target",
    withContainer({
      Mounts: [
        { Type: "tmpfs", Target: "/x" },
        { Type: "tmpfs", Target: "/x" },
      ],
    }),
  ),
  create(
    "an unknown propagation",
    withContainer({ Mounts: [{ Type: "bind", Target: "/x", BindOptions: { Propagation: "x" } }] }),
  ),
  create("an unknown consistency", withContainer({ Mounts: [{ Type: "bind", Target: "/x", Consistency: "x" }] })),
  create(
    "a tmpfs option of three words",
    withContainer({ Mounts: [{ Type: "tmpfs", Target: "/x", TmpfsOptions: { Options: [["a", "b", "c"]] } }] }),
  ),
  create("a cluster volume", withContainer({ Mounts: [{ Type: "cluster", Target: "/x" }] })),
  create("a health interval of 1 µs", withContainer({ Healthcheck: { Interval: 1000 } })),
  create("negative health retries", withContainer({ Healthcheck: { Retries: -1 } })),
  create("a seccomp mode", withContainer({ Privileges: { Seccomp: { Mode: "x" } } })),
  create(
    "a seccomp profile that is no base64",
    withContainer({ Privileges: { Seccomp: { Mode: "custom", Profile: "{}" } } }),
  ),
  create("an AppArmor mode", withContainer({ Privileges: { AppArmor: { Mode: "x" } } })),
  create("an empty credential spec", withContainer({ Privileges: { CredentialSpec: {} } })),
  create("an isolation", withContainer({ Isolation: "x" })),
  create("a secret", withContainer({ Secrets: [{ SecretID: "x", SecretName: "y" }] })),
  create("a config", withContainer({ Configs: [{ ConfigID: "x", ConfigName: "y" }] })),
  create("5 nano-CPUs", withTask({ Resources: { Limits: { NanoCPUs: 5 } } })),
  create("negative CPUs", withTask({ Resources: { Reservations: { NanoCPUs: -1 } } })),
  create("1 MiB of memory", withTask({ Resources: { Limits: { MemoryBytes: 1048576 } } })),
  create(
    "memory beyond 2^53",
    '{"Name":"w","TaskTemplate":{"ContainerSpec":{"Image":"b"},"Resources":{"Limits":{"MemoryBytes":9007199254740993}}}}',
  ),
  create("a negative pids limit", withTask({ Resources: { Limits: { Pids: -1 } } })),
  create("a generic resource of no kind", withTask({ Resources: { Reservations: { GenericResources: [{}] } } })),
  create(
    "minus one GPU",
    withTask({
      Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value: -1 } }] } },
    }),
  ),
  create("a restart condition", withTask({ RestartPolicy: { Condition: "sometimes" } })),
  create("a negative restart delay", withTask({ RestartPolicy: { Delay: -1 } })),
  create("negative restart attempts", withTask({ RestartPolicy: { MaxAttempts: -1 } })),
  create("a constraint without operator", withTask({ Placement: { Constraints: ["node.role"] } })),
  create("a constraint without a value", withTask({ Placement: { Constraints: ["node.role=="] } })),
  create("a constraint with a bad key", withTask({ Placement: { Constraints: ["!!==x"] } })),
  create("a network that is not there", withTask({ Networks: [{ Target: "nope" }] })),
  create("the ingress network", withTask({ Networks: [{ Target: "ingress" }] })),
  create("a runtime", withTask({ Runtime: "wasm" })),
  create("a plugin", { Name: "w", TaskTemplate: { Runtime: "plugin", PluginSpec: { Name: "x" } } }),
  create("a negative force counter", withTask({ ForceUpdate: -1 })),
  create("two modes", { ...good, Mode: { Replicated: {}, Global: {} } }),
  create("a mode that is a string", { ...good, Mode: "replicated" }),
  create("an update config for a job", { ...good, Mode: { GlobalJob: {} }, UpdateConfig: { Parallelism: 1 } }),
  create("minus one replica", { ...good, Mode: { Replicated: { Replicas: -1 } } }),
  create("half a replica", { ...good, Mode: { Replicated: { Replicas: 0.5 } } }),
  create(
    "replicas beyond 2^53",
    '{"Name":"w","TaskTemplate":{"ContainerSpec":{"Image":"b"}},"Mode":{"Replicated":{"Replicas":18446744073709551615}}}',
  ),
  create("a failure ratio of 2", { ...good, UpdateConfig: { MaxFailureRatio: 2 } }),
  create("a rollback ratio of -1", { ...good, RollbackConfig: { MaxFailureRatio: -1 } }),
  create(
    "a failure ratio of infinity",
    '{"UpdateConfig":{"MaxFailureRatio":1e999},"TaskTemplate":{"ContainerSpec":{"Image":"b"}}}',
  ),
  create("a failure action", { ...good, UpdateConfig: { FailureAction: "panic" } }),
  create("an update order", { ...good, UpdateConfig: { Order: "sideways" } }),
  create("negative parallelism", { ...good, UpdateConfig: { Parallelism: -1 } }),
  create("a resolution mode", { ...good, EndpointSpec: { Mode: "magic" } }),
  create("a protocol", ports({ ...host, TargetPort: 80, Protocol: "icmp" })),
  create("a publish mode", ports({ TargetPort: 80, PublishMode: "everywhere" })),
  create("port 70000", ports({ ...host, TargetPort: 80, PublishedPort: 70000 })),
  create("target port 0", ports({ ...host, PublishedPort: 80 })),
  create("a negative port", ports({ ...host, TargetPort: -1 })),
  create(
    "one port twice",
    ports({ ...host, TargetPort: 80, PublishedPort: 80 }, { ...host, TargetPort: 81, PublishedPort: 80 }),
  ),
  create("an ingress port", ports({ TargetPort: 80, PublishedPort: 80 })),

  update("no version", ""),
  update("a version that is a word", "?version=latest"),
  update("a negative version", "?version=-1"),
  update("an old version", "?version=1"),
  update("a version of the future", "?version=99999999"),
  update("a version beyond 64 bits", "?version=99999999999999999999"),
  update("another name", "?version={version}", named("other")),
  update("another mode", "?version={version}", { ...present, Mode: { Global: {} } }),
  update("a rollback without anything before", "?version={version}&rollback=previous"),
  update("a rollback word", "?version={version}&rollback=yes"),
  update("credentials from nowhere", "?version={version}&registryAuthFrom=moon"),
  {
    kind: "service",
    what: "an update of what is not there",
    method: "POST",
    url: "/services/nope/update?version=1",
    body: good,
  },
  { kind: "service", what: "a removal of what is not there", method: "DELETE", url: "/services/nope" },
  get("service", "an inspection with a word for a boolean", "/services/present?insertDefaults=perhaps"),
  get("service", "logs of no stream", "/services/present/logs"),
  get("service", "logs from a negative line on", "/services/present/logs?stdout=1&tail=-1"),

  {
    kind: "node",
    what: "a role",
    method: "POST",
    url: "/nodes/h2/update?version=1",
    body: { Role: "king", Availability: "active" },
  },
  {
    kind: "node",
    what: "an availability",
    method: "POST",
    url: "/nodes/h2/update?version=1",
    body: { Role: "worker", Availability: "asleep" },
  },
  { kind: "node", what: "an empty spec", method: "POST", url: "/nodes/h2/update?version=1", body: {} },
  {
    kind: "node",
    what: "a version of the future",
    method: "POST",
    url: "/nodes/h2/update?version=99999",
    body: { Role: "worker", Availability: "active" },
  },
  {
    kind: "node",
    what: "the last manager's demotion",
    method: "POST",
    url: "/nodes/h1/update?version=1",
    body: { Role: "worker", Availability: "active" },
  },
  { kind: "node", what: "the removal of a manager", method: "DELETE", url: "/nodes/h1?force=1" },
  { kind: "node", what: "the removal of one that is not down", method: "DELETE", url: "/nodes/h2" },
  get("node", "one that is not there", "/nodes/nope"),
  get("task", "one that is not there", "/tasks/nope"),

  filter("not JSON", "/services", "x"),
  filter("a list", "/services", "[]"),
  filter("an unknown key", "/services", '{"colour":["red"]}'),
  filter("a value that is no list", "/services", '{"name":"x"}'),
  filter("a number in the list", "/services", '{"name":[1]}'),
  filter("a map of numbers", "/services", '{"name":{"x":1}}'),
  filter("an unknown key", "/nodes", '{"hostname":["x"]}'),
  filter("a role", "/nodes", '{"role":["king"]}'),
  filter("a membership", "/nodes", '{"membership":["gold"]}'),
  filter("a state", "/tasks", '{"desired-state":["happy"]}'),
  filter("a service that is not there", "/tasks", '{"service":["nope"]}'),
  filter("a node that is not there", "/tasks", '{"node":["nope"]}'),
  get("filter", "half an escape", "/services?filters=%7"),
  get("filter", "events with an unknown key", `/events?filters=${encodeURIComponent('{"colour":["red"]}')}`),
  get("filter", "events that end before they begin", "/events?since=20&until=10"),
  get("filter", "events since a word", "/events?since=yesterday"),

  init("a node that is in a swarm", { ListenAddr: "0.0.0.0:2377" }),
  { kind: "swarm", what: "an update without version", method: "POST", url: "/swarm/update", body: {} },
  { kind: "swarm", what: "an update of an old version", method: "POST", url: "/swarm/update?version=0", body: {} },
  { kind: "swarm", what: "another name", method: "POST", url: "/swarm/update?version={swarm}", body: { Name: "mine" } },
  {
    kind: "swarm",
    what: "certificates for a second",
    method: "POST",
    url: "/swarm/update?version={swarm}",
    body: { CAConfig: { NodeCertExpiry: 1000000000 } },
  },
  {
    kind: "swarm",
    what: "a negative heartbeat",
    method: "POST",
    url: "/swarm/update?version={swarm}",
    body: { Dispatcher: { HeartbeatPeriod: -1 } },
  },
  {
    kind: "swarm",
    what: "an external authority",
    method: "POST",
    url: "/swarm/update?version={swarm}",
    body: { CAConfig: { ExternalCAs: [{ Protocol: "cfssl", URL: "https://x" }] } },
  },
  {
    kind: "swarm",
    what: "a rotation with a word",
    method: "POST",
    url: "/swarm/update?version={swarm}&rotateWorkerToken=please",
    body: {},
  },
  {
    kind: "swarm",
    what: "a rotation of the unlock key with a word",
    method: "POST",
    url: "/swarm/update?version={swarm}&rotateManagerUnlockKey=please",
    body: {},
  },
  { kind: "swarm", what: "leaving without force", method: "POST", url: "/swarm/leave" },
  {
    kind: "swarm",
    what: "unlocking what is not locked",
    method: "POST",
    url: "/swarm/unlock",
    body: { UnlockKey: "SWMKEY-1-x" },
  },
  { kind: "swarm", what: "restoring over a swarm", method: "POST", url: "/skep/v1/restore", body: "x" },
  get("swarm", "a consistency nobody offers", "/services", { "Skep-Consistency": "eventual" }),

  get("path", "nothing of ours", "/swarm/nope"),
  get("path", "a slash too many", "/services/"),
  { kind: "path", what: "a method nobody has", method: "PATCH", url: "/services" },
  get("path", "half an escape", "/services/%zz"),
  get("path", "an old version", "/v1.23/services"),
  get("path", "a version of the future", "/v1.99/services"),
  get("path", "a version of dots", "/v1.2.3.4.5/services"),
  get("path", "dots and slashes", "/services/..%2f..%2fetc"),
  get("path", "secrets", "/secrets"),
  get("path", "configs", "/configs"),
  {
    kind: "path",
    what: "an overlay network",
    method: "POST",
    url: "/networks/create",
    body: { Name: "n", Driver: "overlay" },
  },
  {
    kind: "path",
    what: "a cluster volume",
    method: "POST",
    url: "/volumes/create",
    body: { Name: "v", ClusterVolumeSpec: {} },
  },
];

/** Asked of a node that is in no swarm. */
export const casesOutside: readonly GarbageCase[] = [
  address("no address to listen on", { ListenAddr: "" }),
  address("an address to listen on that is a name", { ListenAddr: "example:2377" }),
  address("a port to listen on that is none", { ListenAddr: "0.0.0.0:99999" }),
  address("a protocol to listen with", { ListenAddr: "udp://0.0.0.0:2377" }),
  address("blanks to listen on", { ListenAddr: " " }),
  address("an address to advertise that is a name", { AdvertiseAddr: "example" }),
  address("zero to advertise", { AdvertiseAddr: "0.0.0.0" }),
  address("an address of five numbers", { AdvertiseAddr: "10.0.0.0.1" }),
  address("an address above 255", { AdvertiseAddr: "10.0.0.256" }),
  address("a port to advertise that is none", { AdvertiseAddr: "10.0.0.1:0" }),
  address("a data path with a port", { DataPathAddr: "10.0.0.1:4789" }),
  address("a data path of zeros", { DataPathAddr: "::" }),
  address("a data path port below 1024", { DataPathPort: 80 }),
  address("a pool that is none", { DefaultAddrPool: ["10.0.0.0"], SubnetSize: 24 }),
  address("a pool smaller than its subnets", { DefaultAddrPool: ["10.0.0.0/28"], SubnetSize: 24 }),
  address("an availability", { Availability: "asleep" }),
  address("another name", { Spec: { Name: "mine" } }),
  join("nobody to join", { ...joining, RemoteAddrs: [] }),
  join("an empty address to join", { ...joining, RemoteAddrs: [""] }),
  join("an address to join that is none", { ...joining, RemoteAddrs: ["http://x/"] }),
  join("no token", { ...joining, JoinToken: "" }),
  join("half a token", { ...joining, JoinToken: "SWMTKN-1-abc" }),
  join("a token of another kind", { ...joining, JoinToken: token.replace("SWMTKN", "SWMKEY") }),
  join("a token in capitals", { ...joining, JoinToken: token.toUpperCase() }),
  join("no address to listen on", { ...joining, ListenAddr: "" }),
  get("swarm", "services of no swarm", "/services"),
  get("swarm", "the swarm of no swarm", "/swarm"),
  get("swarm", "a backup of no swarm", "/skep/v1/backup"),
  {
    kind: "swarm",
    what: "restoring to an address that is none",
    method: "POST",
    url: "/skep/v1/restore?advertiseAddr=example",
    body: "x",
  },
  { kind: "swarm", what: "leaving no swarm", method: "POST", url: "/swarm/leave" },
  { kind: "swarm", what: "unlocking no swarm", method: "POST", url: "/swarm/unlock", body: { UnlockKey: "x" } },
];
