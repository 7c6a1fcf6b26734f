// docs/behaviour.md R-5xx (swarm-semantics §5).

import { describe, expect, test } from "vitest";
import { type Node, NodeState } from "../../src/gen/skep/v1/objects.js";
import { type GenericResource, MountType, NodeAvailability, NodeRole } from "../../src/gen/skep/v1/specs.js";
import { parseConstraints, satisfiesAll } from "../../src/model/index.js";
import { failuresMax, failureWindowMs } from "../../src/scheduler/decide/failures.js";
import { activeFilters, countRefusals, explain, filters } from "../../src/scheduler/decide/filters.js";
import { needsOf } from "../../src/scheduler/decide/needs.js";
import { NodeSet } from "../../src/scheduler/decide/node-set.js";
import { place, placeBeside } from "../../src/scheduler/decide/place.js";
import { aNode, aServiceSpec, type NodeOptions, type ServiceOptions } from "../support/memory.js";

const nowMs = 10_000_000;

function nodeSet(...nodes: readonly Node[]): NodeSet {
  const set = new NodeSet();
  for (const node of nodes) set.put(node);
  return set;
}

function group(options: ServiceOptions = {}, serviceId = "s") {
  const needs = needsOf(aServiceSpec(options));
  return { serviceId, key: `${serviceId}.1`, needs, filters: activeFilters(needs) };
}

/** Puts `count` tasks of a service on a node. */
function occupy(
  set: NodeSet,
  nodeId: string,
  count: number,
  options: ServiceOptions & { serviceId?: string; isActive?: boolean } = {},
): void {
  const info = set.get(nodeId);
  const serviceId = options.serviceId ?? "other";
  for (let n = 1; n <= count; n++) {
    const taskId = `${serviceId}-${nodeId}-${n}-${set.size}-${info?.occupants.size}`;
    const occupant = {
      taskId,
      serviceId,
      needs: needsOf(aServiceSpec(options)),
      generic: [],
      isActive: options.isActive ?? true,
    };
    if (info) set.occupy(info, occupant);
  }
}

/** Where `count` tasks go, by node id, in order. */
function placed(set: NodeSet, count: number, options: ServiceOptions = {}, serviceId = "s"): readonly string[] {
  const ids = Array.from({ length: count }, (_, n) => `task-${n}`);
  return place(set, group(options, serviceId), ids, nowMs).map(({ info }) => info.id);
}

describe("R-501 the filters in order, with Docker's words", () => {
  test("their order", () => {
    expect(filters.map((filter) => filter.name)).toEqual([
      "ready",
      "resource",
      "plugin",
      "constraint",
      "platform",
      "host port",
      "max replicas",
    ]);
  });

  const rows: readonly {
    title: string;
    node?: NodeOptions;
    asks?: ServiceOptions;
    networks?: readonly string[];
    one: string | undefined;
    two?: string;
  }[] = [
    { title: "a node that is READY and active", one: undefined },
    {
      title: "down",
      node: { state: "DOWN" },
      one: "1 node not available for new tasks",
      two: "2 nodes not available for new tasks",
    },
    { title: "unknown", node: { state: "UNKNOWN" }, one: "1 node not available for new tasks" },
    { title: "paused", node: { availability: NodeAvailability.PAUSE }, one: "1 node not available for new tasks" },
    { title: "drained", node: { availability: NodeAvailability.DRAIN }, one: "1 node not available for new tasks" },
    { title: "its engine is away", node: { suspended: true }, one: "1 node not available for new tasks" },
    { title: "CPU: just enough", node: { nanoCpus: 1e9 }, asks: { nanoCpus: 1e9 }, one: undefined },
    {
      title: "CPU: too little",
      node: { nanoCpus: 1e9 - 1 },
      asks: { nanoCpus: 1e9 },
      one: "insufficient resources on 1 node",
      two: "insufficient resources on 2 nodes",
    },
    {
      title: "memory: too little",
      node: { memoryBytes: 99 },
      asks: { memoryBytes: 100 },
      one: "insufficient resources on 1 node",
    },
    {
      title: "a volume driver it lacks",
      asks: volumeOf("rexray"),
      one: "missing plugin on 1 node",
      two: "missing plugin on 2 nodes",
    },
    { title: "the local volume driver is everywhere", asks: volumeOf("local"), one: undefined },
    {
      title: "a volume driver listed with its tag",
      node: plugins("Volume", "rexray:latest"),
      asks: volumeOf("rexray"),
      one: undefined,
    },
    {
      title: "a log driver where the node lists others",
      node: plugins("Log", "json-file"),
      asks: logOf("gelf"),
      one: "missing plugin on 1 node",
    },
    { title: "a log driver where the node lists none", asks: logOf("gelf"), one: undefined },
    {
      title: "a network driver where the node lists others",
      node: plugins("Network", "bridge"),
      asks: {},
      networks: ["macvlan"],
      one: "missing plugin on 1 node",
    },
    { title: "a network driver it lists", node: plugins("Network", "bridge"), networks: ["bridge"], one: undefined },
    { title: "a network driver where the node lists none", networks: ["macvlan"], one: undefined },
    {
      title: "a node without an engine's description",
      node: { node: { status: { state: NodeState.READY }, description: { platform: { os: "linux" } } } },
      asks: volumeOf("rexray"),
      one: undefined,
    },
    { title: "log driver none", node: plugins("Log", "json-file"), asks: logOf("none"), one: undefined },
    {
      title: "constraint",
      asks: { constraints: ["node.labels.disk==ssd"] },
      one: "scheduling constraints not satisfied on 1 node",
      two: "scheduling constraints not satisfied on 2 nodes",
    },
    {
      title: "platform",
      asks: platformOf("s390x"),
      one: "unsupported platform on 1 node",
      two: "unsupported platform on 2 nodes",
    },
    { title: "max replicas: room", asks: { maxReplicas: 1 }, one: undefined },
  ];
  test.each(rows)("$title", ({ node = {}, asks = {}, networks = [], one, two }) => {
    const why = (...ids: readonly string[]) => {
      const needs = needsOf(aServiceSpec(asks), networks);
      return explain(
        countRefusals(nodeSet(...ids.map((id) => aNode({ id, ...node }))).all(), { serviceId: "s", needs }),
      );
    };
    expect(why("a")).toBe(one === undefined ? "no suitable node" : `no suitable node (${one})`);
    if (two !== undefined) expect(why("a", "b")).toBe(`no suitable node (${two})`);
  });

  test("a used host port", () => {
    const set = nodeSet(aNode({ id: "a" }));
    occupy(set, "a", 1, { hostPorts: [8080] });
    expect(
      explain(countRefusals(set.all(), { serviceId: "s", needs: needsOf(aServiceSpec({ hostPorts: [8080] })) })),
    ).toBe("no suitable node (host-mode port already in use on 1 node)");
    expect(placed(set, 1, { hostPorts: [8081] })).toEqual(["a"]);
  });

  test("max replicas: none left", () => {
    const set = nodeSet(aNode({ id: "a" }));
    occupy(set, "a", 1, { serviceId: "s" });
    expect(placed(set, 1, { maxReplicas: 1 })).toEqual([]);
    expect(
      explain(countRefusals(set.all(), { serviceId: "s", needs: needsOf(aServiceSpec({ maxReplicas: 1 })) })),
    ).toBe("no suitable node (max replicas per node limit exceed)");
  });
});

test("R-502 the reasons, most nodes first; each node counts for the first filter it fails", () => {
  const set = nodeSet(
    aNode({ id: "a", nanoCpus: 1 }),
    aNode({ id: "b", labels: { disk: "ssd" }, nanoCpus: 1 }),
    aNode({ id: "c", state: "DOWN" }),
    aNode({ id: "d" }),
  );
  const needs = needsOf(aServiceSpec({ nanoCpus: 1e9, constraints: ["node.labels.disk==ssd"] }));
  expect(explain(countRefusals(set.all(), { serviceId: "s", needs }))).toBe(
    "no suitable node (insufficient resources on 2 nodes; 1 node not available for new tasks; scheduling constraints not satisfied on 1 node)",
  );
});

describe("R-503 the best node", () => {
  test("has the fewest tasks of the service, whatever else runs there", () => {
    const set = nodeSet(aNode({ id: "a" }), aNode({ id: "b" }));
    occupy(set, "a", 1, { serviceId: "s" });
    occupy(set, "b", 10);
    expect(placed(set, 1)).toEqual(["b"]);
  });

  test("then the fewest tasks", () => {
    const set = nodeSet(aNode({ id: "a" }), aNode({ id: "b" }), aNode({ id: "c" }));
    occupy(set, "a", 2);
    occupy(set, "c", 1);
    expect(placed(set, 1)).toEqual(["b"]);
  });

  test("then the most free resources", () => {
    const set = nodeSet(aNode({ id: "a" }), aNode({ id: "b", memoryBytes: 64 * 2 ** 30 }));
    expect(placed(set, 1)).toEqual(["b"]);
  });

  test("many tasks at once are levelled", () => {
    const set = nodeSet(aNode({ id: "a" }), aNode({ id: "b" }), aNode({ id: "c" }));
    occupy(set, "a", 3, { serviceId: "s" });
    occupy(set, "b", 1, { serviceId: "s" });
    const to = placed(set, 8);
    expect(["a", "b", "c"].map((id) => to.filter((node) => node === id).length)).toEqual([1, 3, 4]);
  });

  test("stops where nothing fits any more", () => {
    expect(
      placed(nodeSet(aNode({ id: "a", nanoCpus: 2e9 }), aNode({ id: "b", nanoCpus: 1e9 })), 5, { nanoCpus: 1e9 }),
    ).toHaveLength(3);
  });
});

describe("R-504 a node where such tasks failed", () => {
  const failing = (times: number, agoMs: number) => {
    const set = nodeSet(aNode({ id: "a" }), aNode({ id: "b" }));
    occupy(set, "b", 3, { serviceId: "s" });
    for (let n = 0; n < times; n++) set.fail("a", "s.1", nowMs - agoMs);
    return set;
  };
  test.each([
    { title: "fewer than five times", set: () => failing(failuresMax - 1, 0), expected: ["a"] },
    { title: "five times", set: () => failing(failuresMax, 0), expected: ["b"] },
    {
      title: "five times, but more than five minutes ago",
      set: () => failing(failuresMax, failureWindowMs),
      expected: ["a"],
    },
  ])("$title", ({ set, expected }) => {
    expect(placed(set(), 1)).toEqual(expected);
  });

  test("it is not excluded", () => {
    const set = nodeSet(aNode({ id: "a" }));
    for (let n = 0; n < 9; n++) set.fail("a", "s.1", nowMs);
    expect(placed(set, 1)).toEqual(["a"]);
  });

  test("another revision or service starts clean", () => {
    const set = failing(9, 0);
    expect(placed(set, 1, {}, "other")).toEqual(["a"]);
  });
});

describe("R-505 constraints", () => {
  const node = aNode({
    id: "abc",
    hostname: "h1",
    labels: { disk: "SSD", Rack: "1" },
    engineLabels: { os: "debian" },
    node: { role: NodeRole.MANAGER, status: { state: NodeState.READY, addr: "192.168.1.7" } },
  });
  test.each([
    ["node.id==abc", true],
    ["node.id == ABC", true],
    ["NODE.ID!=abc", false],
    ["node.hostname==h1", true],
    ["node.hostname!=h2", true],
    ["node.role==manager", true],
    ["node.role==worker", false],
    ["node.platform.os==linux", true],
    ["node.platform.arch==x86_64", true],
    ["node.platform.arch==amd64", false],
    ["node.labels.disk==ssd", true],
    ["node.labels.DISK==ssd", false],
    ["node.labels.Rack==1", true],
    ["node.labels.none!=x", true],
    ["node.labels.none==x", false],
    ["engine.labels.os==debian", true],
    ["engine.labels.os!=debian", false],
    ["node.ip==192.168.1.7", true],
    ["node.ip!=192.168.1.7", false],
    ["node.ip==192.168.0.0/16", true],
    ["node.ip==192.168.2.0/24", false],
    ["node.ip!=192.168.2.0/24", true],
    ["node.ip==nonsense", false],
    ["node.ip!=nonsense", false],
    ["node.ip==fe80::1", false],
    ["node.unknown==x", false],
    ["node.unknown!=x", false],
  ])("%s is %s", (expression, expected) => {
    expect(satisfiesAll(node, parseConstraints([expression]))).toBe(expected);
  });

  test("all must hold", () => {
    expect(satisfiesAll(node, parseConstraints(["node.role==manager", "node.hostname==h2"]))).toBe(false);
    expect(satisfiesAll(node, [])).toBe(true);
  });

  test("an IPv6 address lies in its network", () => {
    const six = aNode({ node: { status: { addr: "2001:db8::7" } } });
    expect(satisfiesAll(six, parseConstraints(["node.ip==2001:db8::/32"]))).toBe(true);
    expect(satisfiesAll(six, parseConstraints(["node.ip==2001:db9::/32"]))).toBe(false);
  });

  test.each([
    ["node.id", "constraint expected one operator from ==, !="],
    ["node.id=abc", "constraint expected one operator from ==, !="],
    ["", "constraint expected one operator from ==, !="],
    ["==abc", "key '' is invalid"],
    ["n==abc", "key 'n' is invalid"],
    ["1node==abc", "key '1node' is invalid"],
    ["node id==abc", "key 'node id' is invalid"],
    ["node.id==", "value '' is invalid"],
    ["node.id==a,b", "value 'a,b' is invalid"],
    ["node.id=={x}", "value '{x}' is invalid"],
    ["node.id!=a==b", "key 'node.id!=a' is invalid"],
  ])("%s: %s", (expression, message) => {
    expect(() => parseConstraints([expression])).toThrow(message);
  });
});

test("R-506 a host port is free when the last task that uses it has stopped", () => {
  const set = nodeSet(aNode({ id: "a" }));
  const needs = needsOf(aServiceSpec({ hostPorts: [80] }));
  const info = set.get("a");
  for (const taskId of ["x", "y"]) {
    if (info) set.occupy(info, { taskId, serviceId: "s", needs, generic: [], isActive: true });
  }
  set.vacate("x");
  expect(placed(set, 1, { hostPorts: [80] })).toEqual([]);
  set.vacate("y");
  expect(placed(set, 1, { hostPorts: [80] })).toEqual(["a"]);
});

test("R-507 a task that is told to stop holds its resources but no longer counts for the spread", () => {
  const set = nodeSet(aNode({ id: "a", nanoCpus: 3e9 }), aNode({ id: "b", nanoCpus: 3e9 }));
  occupy(set, "a", 2, { serviceId: "s", nanoCpus: 1e9, isActive: false });
  occupy(set, "b", 1, { serviceId: "s", nanoCpus: 1e9 });
  expect(placed(set, 3, { nanoCpus: 1e9 })).toEqual(["a", "b", "b"]);
});

describe("R-514 a limit of replicas per node and tasks that replace others", () => {
  const limited = { maxReplicas: 1 };
  const full = () => {
    const set = nodeSet(aNode({ id: "a" }), aNode({ id: "b" }));
    for (const id of ["a", "b"]) {
      const info = set.get(id);
      const needs = needsOf(aServiceSpec(limited));
      if (info) set.occupy(info, { taskId: `old-${id}`, serviceId: "s", needs, generic: [], isActive: true });
    }
    return set;
  };
  const beside = (set: NodeSet, replaced: string, options: ServiceOptions = limited) =>
    placeBeside(set, group(options), "new", replaced)?.info.id;

  test("a full service has no room for a new task, but for one beside the task it replaces", () => {
    expect(placed(full(), 1, limited)).toEqual([]);
    expect(beside(full(), "old-b")).toBe("b");
  });

  test("no more than one at a time goes over the limit", () => {
    const set = full();
    expect(beside(set, "old-b")).toBe("b");
    expect(beside(set, "old-b")).toBeUndefined();
  });

  test("nothing else is overlooked", () => {
    expect(beside(full(), "old-b", { ...limited, nanoCpus: 5e9 })).toBeUndefined();
    expect(beside(full(), "gone")).toBeUndefined();
    const stopping = full();
    const info = stopping.get("b");
    const needs = needsOf(aServiceSpec(limited));
    if (info) stopping.occupy(info, { taskId: "old-b", serviceId: "s", needs, generic: [], isActive: false });
    expect(beside(stopping, "old-b")).toBeUndefined();
    expect(placed(stopping, 1, limited)).toEqual(["b"]);
  });
});

describe("R-509 platforms", () => {
  test.each([
    { platform: { os: "linux", architecture: "amd64" }, fits: true },
    { platform: { os: "linux", architecture: "x86_64" }, fits: true },
    { platform: { os: "", architecture: "" }, fits: true },
    { platform: { os: "linux", architecture: "" }, fits: true },
    { platform: { os: "windows", architecture: "amd64" }, fits: false },
    { platform: { os: "linux", architecture: "arm64" }, fits: false },
  ])("x86_64 linux runs $platform.os/$platform.architecture: $fits", ({ platform, fits }) => {
    const options = { spec: { task: { placement: { platforms: [platform] } } } };
    expect(placed(nodeSet(aNode({ id: "a" })), 1, options)).toEqual(fits ? ["a"] : []);
  });

  test("aarch64 is arm64", () => {
    const node = aNode({ id: "a", node: { description: { platform: { os: "linux", architecture: "aarch64" } } } });
    const options = { spec: { task: { placement: { platforms: [{ os: "linux", architecture: "arm64" }] } } } };
    expect(placed(nodeSet(node), 1, options)).toEqual(["a"]);
  });
});

describe("R-510 generic resources", () => {
  const named = (...names: readonly string[]): GenericResource[] =>
    names.map((value) => ({ kind: "gpu", amount: { $case: "named", value } }));
  const counted = (value: number): GenericResource => ({ kind: "gpu", amount: { $case: "discrete", value } });
  const node = (generic: readonly GenericResource[]) =>
    aNode({ id: "a", node: { description: { resources: { nanoCpus: 1, memoryBytes: 1, generic: [...generic] } } } });
  const asks = (value: number): ServiceOptions => ({
    spec: { task: { resources: { reservations: { generic: [counted(value)] } } } },
  });
  const given = (set: NodeSet, ids: readonly string[], count: number) =>
    place(set, group(asks(count)), ids, nowMs).map(({ generic }) => generic);

  test("names are given one by one and never twice", () => {
    const set = nodeSet(node(named("a", "b", "c")));
    expect(given(set, ["x", "y"], 2)).toEqual([named("a", "b")]);
    expect(given(set, ["z"], 1)).toEqual([named("c")]);
  });

  test("what ended gives its names back", () => {
    const set = nodeSet(node(named("a", "b")));
    given(set, ["x"], 1);
    given(set, ["y"], 1);
    set.vacate("x");
    expect(given(set, ["z"], 1)).toEqual([named("a")]);
  });

  test("a count is a count", () => {
    const set = nodeSet(node([counted(3)]));
    expect(given(set, ["x", "y"], 2)).toEqual([[counted(2)]]);
  });
});

describe("R-511 placement preferences", () => {
  const rack = (id: string, value?: string) =>
    aNode({ id, ...(value === undefined ? {} : { labels: { rack: value } }) });
  const overRacks: ServiceOptions = {
    spec: { task: { placement: { preferences: [{ spread: "node.labels.rack" }] } } },
  };

  test("spread over the values of a label, not over nodes", () => {
    const set = nodeSet(rack("a", "1"), rack("b", "1"), rack("c", "1"), rack("d", "2"));
    const to = placed(set, 6, overRacks);
    expect(to.filter((id) => id === "d")).toHaveLength(3);
    expect(["a", "b", "c"].map((id) => to.filter((node) => node === id).length)).toEqual([1, 1, 1]);
  });

  test("nodes without the label are one branch", () => {
    const to = placed(nodeSet(rack("a", "1"), rack("b"), rack("c")), 4, overRacks);
    expect(to.filter((id) => id === "a")).toHaveLength(2);
  });

  test("tasks on nodes that take no more count for their branch", () => {
    const set = nodeSet(
      rack("a", "1"),
      rack("b", "2"),
      aNode({ id: "c", labels: { rack: "1" }, availability: NodeAvailability.PAUSE }),
    );
    occupy(set, "c", 3, { serviceId: "s" });
    expect(placed(set, 3, overRacks)).toEqual(["b", "b", "b"]);
  });

  test("a full branch leaves the rest to the others", () => {
    const set = nodeSet(rack("a", "1"), aNode({ id: "b", labels: { rack: "2" }, nanoCpus: 1e9 }));
    const options = {
      spec: {
        task: {
          placement: { preferences: [{ spread: "node.labels.rack" }] },
          resources: { reservations: { nanoCpus: 1e9 } },
        },
      },
    };
    expect(placed(set, 4, options).filter((id) => id === "a")).toHaveLength(3);
  });

  test("nested, in their order", () => {
    const at = (id: string, dc: string, value: string) => aNode({ id, labels: { dc, rack: value } });
    const set = nodeSet(at("a", "x", "1"), at("b", "x", "2"), at("c", "y", "1"));
    const options = {
      spec: { task: { placement: { preferences: [{ spread: "node.labels.dc" }, { spread: "node.labels.rack" }] } } },
    };
    const to = placed(set, 4, options);
    expect(["a", "b", "c"].map((id) => to.filter((node) => node === id).length)).toEqual([1, 1, 2]);
  });
});

function volumeOf(name: string): ServiceOptions {
  return {
    spec: { task: { container: { mounts: [{ type: MountType.VOLUME, target: "/d", volume: { driver: { name } } }] } } },
  };
}

function logOf(name: string): ServiceOptions {
  return { spec: { task: { logDriver: { name } } } };
}

function platformOf(architecture: string): ServiceOptions {
  return { spec: { task: { placement: { platforms: [{ os: "linux", architecture }] } } } };
}

function plugins(type: string, name: string): NodeOptions {
  return {
    node: {
      status: { state: NodeState.READY },
      description: { platform: { os: "linux", architecture: "x86_64" }, engine: { plugins: [{ type, name }] } },
    },
  };
}
