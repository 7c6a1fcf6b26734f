// Every check of the simulated cluster is shown to find what it is there for: first what it judges, value by value, then a
// bug planted into a running swarm.

import { describe, expect, test } from "vitest";
import { type Node, NodeState, Service, type Task, TaskState, WaitStage } from "../../src/gen/skep/v1/objects.js";
import { backwardMoves } from "../../src/sim/cluster/checks/forward.js";
import { foreignWrites } from "../../src/sim/cluster/checks/ownership.js";
import { type ServiceWish, SimCluster, type SimClusterOptions } from "../../src/sim/cluster/index.js";
import type { RowChange, Rows, TableName, Transaction } from "../../src/store/index.js";
import { aNode, aService, aTask } from "../support/memory.js";

const task = aTask({ id: "t1", state: "PENDING" });
const placed = aTask({ id: "t1", state: "RUNNING", nodeId: "n1" });
const { service } = aService({});
const node = aNode({ id: "n1" });

function put<T extends "task" | "service" | "node">(table: T, previous: Rows[T] | undefined, row: Rows[T]): RowChange {
  return { table, id: row.id, row, previous } as RowChange;
}

function status(from: Task, state: keyof typeof TaskState): RowChange {
  return put("task", from, { ...from, status: { ...newStatus, state: TaskState[state] } });
}

const newStatus = aTask({}).status ?? expect.unreachable();

describe("one writer per field", () => {
  const fresh = aTask({ id: "t1" });
  test.each<[part: string, what: string, change: RowChange, isForeign: boolean]>([
    ["orchestrator", "makes a task", put("task", undefined, fresh), false],
    ["orchestrator", "makes a task that runs already", put("task", undefined, placed), true],
    ["scheduler", "makes a task", put("task", undefined, fresh), true],
    ["control", "makes a service", put("service", undefined, service), false],
    ["orchestrator", "makes a service", put("service", undefined, service), true],
    ["ca", "makes a node", put("node", undefined, node), false],
    ["dispatcher", "makes a node", put("node", undefined, node), true],
    ["allocator", "moves NEW to PENDING", status(fresh, "PENDING"), false],
    ["scheduler", "moves NEW to PENDING", status(fresh, "PENDING"), true],
    ["scheduler", "moves PENDING to ASSIGNED", status(task, "ASSIGNED"), false],
    ["dispatcher", "moves PENDING to ASSIGNED", status(task, "ASSIGNED"), true],
    ["scheduler", "ends what is PENDING", status(task, "SHUTDOWN"), false],
    ["orchestrator", "ends what is PENDING", status(task, "SHUTDOWN"), true],
    ["dispatcher", "says that it runs", status({ ...task, status: { ...newStatus, state: 192 } }, "RUNNING"), false],
    ["orchestrator", "says that it failed", status(placed, "FAILED"), true],
    ["control", "orphans a task", status(placed, "ORPHANED"), false],
    ["control", "fails a task", status(placed, "FAILED"), true],
    ["enforcer", "rejects a task", status(placed, "REJECTED"), false],
    ["scheduler", "gives a node", put("task", task, { ...task, nodeId: "n1" }), false],
    ["orchestrator", "gives a node", put("task", task, { ...task, nodeId: "n1" }), true],
    ["orchestrator", "wants it stopped", put("task", task, { ...task, desiredState: TaskState.SHUTDOWN }), false],
    ["dispatcher", "wants it stopped", put("task", task, { ...task, desiredState: TaskState.SHUTDOWN }), true],
    ["scheduler", "says why it waits", put("task", task, { ...task, wait: aWait }), false],
    ["allocator", "says why it is PENDING", put("task", task, { ...task, wait: aWait }), true],
    ["allocator", "says why it is NEW", put("task", fresh, { ...fresh, wait: aWait }), false],
    ["orchestrator", "changes its revision", put("task", task, { ...task, revision: 2 }), true],
    ["dispatcher", "changes a node's status", put("node", node, { ...node, status: undefined }), false],
    ["orchestrator", "changes a node's status", put("node", node, { ...node, status: undefined }), true],
    ["control", "changes a node's spec", put("node", node, { ...node, spec: undefined }), false],
    ["ca", "changes a node's spec", put("node", node, { ...node, spec: undefined }), true],
    ["control", "changes a spec", put("service", service, { ...service, revision: 2, specVersion: 9 }), false],
    ["orchestrator", "changes a spec", put("service", service, { ...service, revision: 2, specVersion: 9 }), true],
    ["orchestrator", "tells of an update", put("service", service, { ...service, updateStatus: anUpdate }), false],
    ["control", "tells of an update", put("service", service, { ...service, updateStatus: anUpdate }), true],
  ])("%s %s", (part, _what, change, isForeign) => {
    expect(foreignWrites(part, change).length > 0).toBe(isForeign);
  });
});

const aWait = { stage: WaitStage.SCHEDULER, reason: "no suitable node", since: undefined };
const anUpdate = Service.fromPartial({ updateStatus: { state: 1 } }).updateStatus;

describe("only forward", () => {
  test.each<[what: string, change: RowChange, isBackward: boolean]>([
    ["RUNNING → FAILED", status(placed, "FAILED"), false],
    ["RUNNING → STARTING", status(placed, "STARTING"), true],
    ["desired SHUTDOWN → RUNNING", put("task", { ...placed, desiredState: TaskState.SHUTDOWN }, placed), true],
    ["another node", put("task", placed, { ...placed, nodeId: "n2" }), true],
    ["no node any more", put("task", placed, { ...placed, nodeId: "" }), true],
    ["the first node", put("task", task, { ...task, nodeId: "n1" }), false],
  ])("%s", (_what, change, isBackward) => {
    expect(backwardMoves(change).length > 0).toBe(isBackward);
  });
});

/** What a planted part writes in a task's place. */
type Bend = (task: Task, tx: Transaction) => Task | undefined;

/** A part whose writes of tasks are bent. */
function bent(guilty: string, bend: Bend): Pick<SimClusterOptions, "plant"> {
  return {
    plant: (part, tx) => {
      if (part !== guilty) return tx;
      const put = <T extends TableName>(table: T, row: Rows[T]): void => {
        const bentRow = table === "task" ? bend(row as Task, tx) : row;
        if (bentRow) tx.put(table, bentRow as Rows[T]);
      };
      const setStatus: Transaction["setStatus"] = (taskId, newOne) => {
        const before = tx.table("task").get(taskId);
        const after = before && bend({ ...before, status: newOne }, tx);
        if (after) tx.put("task", after);
      };
      const { cluster, revision } = tx;
      return {
        cluster,
        revision,
        table: (name) => tx.table(name),
        delete: (...args) => tx.delete(...args),
        put,
        setStatus,
      };
    },
  };
}

/** Creates a service in a swarm with a planted bug, lets things happen, and gives what the checks said. */
async function found(
  options: SimClusterOptions,
  wish: Partial<ServiceWish>,
  happens: (cluster: SimCluster) => Promise<unknown> = (cluster) => cluster.advance(10_000),
): Promise<string> {
  const cluster = await SimCluster.start(options);
  const run = async (): Promise<unknown> => {
    await cluster.do(cluster.user.create({ name: "web", replicas: 3, stopGraceMs: 1_000, ...wish }));
    return happens(cluster);
  };
  return run().then(
    () => "nothing was found",
    (error: unknown) => String(error),
  );
}

function nodeNamed(tx: Transaction, hostname: string): Node {
  return [...tx.table("node").by("hostname", hostname)][0] ?? expect.unreachable();
}

const toW1: Bend = (row, tx) => (row.nodeId === "" ? row : { ...row, nodeId: nodeNamed(tx, "w1").id });

describe("a bug planted into a running swarm is found", () => {
  test("no bug, nothing found", async () => {
    expect(await found({}, {})).toBe("nothing was found");
  });

  test("a dispatcher that wants tasks stopped", async () => {
    const plant = bent("dispatcher", (row) => ({ ...row, desiredState: TaskState.SHUTDOWN }));
    expect(await found(plant, {})).toContain("one writer per field: dispatcher changed task.desiredState");
  });

  test("a dispatcher that takes a status back", async () => {
    const back = { ...newStatus, state: TaskState.ACCEPTED };
    const plant = bent("dispatcher", (row) =>
      row.status?.state === TaskState.RUNNING ? { ...row, status: back } : row,
    );
    expect(await found(plant, {})).toMatch(/only forward: task \w+: status went back from starting to accepted/);
  });

  test("a scheduler that places on a drained node", async () => {
    const drain = async (cluster: SimCluster): Promise<void> => {
      await cluster.do(cluster.user.setAvailability("w1", "DRAIN"));
      await cluster.do(cluster.user.scale("web", 5));
      await cluster.advance(5_000);
    };
    expect(await found(bent("scheduler", toW1), {}, drain)).toContain("placement fits: task");
  });

  test("a scheduler that gives a host port twice", async () => {
    expect(await found(bent("scheduler", toW1), { hostPort: 8080 })).toContain("a host port is given once");
  });

  test("a scheduler that counts no resources", async () => {
    const engine = { cpus: 2 };
    expect(await found({ engine, ...bent("scheduler", toW1) }, { nanoCpus: 1e9 })).toContain(
      "nanoCpus 3000000000 are too many",
    );
  });

  test("a scheduler that ignores constraints", async () => {
    const constraints = ["node.hostname==w2"];
    expect(await found(bent("scheduler", toW1), { constraints })).toContain("it does not satisfy node.hostname==w2");
  });

  test("a scheduler that ignores the limit of replicas per node", async () => {
    expect(await found(bent("scheduler", toW1), { maxReplicasPerNode: 1 })).toContain("3 replicas are more than 1");
  });

  test("a scheduler that says nothing", async () => {
    const plant = bent("scheduler", (row) => (row.wait ? undefined : row));
    expect(await found(plant, { constraints: ["node.hostname==w9"] })).toMatch(
      /nothing waits silently: task \w+ has been pending for [\d.]+ ms without a reason/,
    );
  });

  test("an orchestrator that does not wait for the old task of a slot to stop", async () => {
    const plant = bent("orchestrator", (row) =>
      row.desiredState === TaskState.READY ? { ...row, desiredState: TaskState.RUNNING } : row,
    );
    const update = async (cluster: SimCluster): Promise<void> => {
      await cluster.advance(3_000);
      await cluster.do(cluster.user.setImage("web", "nginx:2"));
      await cluster.advance(10_000);
    };
    expect(await found(plant, { sim: "hang=stop" }, update)).toMatch(/one task per slot: slot \w+\/1 runs \w+ and \w+/);
  });

  test("a reaper that deletes what still runs", async () => {
    const plant: SimClusterOptions["plant"] = (part, tx) => {
      if (part !== "orchestrator") return tx;
      const { cluster, revision } = tx;
      const put: Transaction["put"] = (table, row) => {
        if (table === "task" && (row as Task).desiredState === TaskState.REMOVE) tx.delete(table, row.id);
        else tx.put(table, row);
      };
      const setStatus: Transaction["setStatus"] = (...args) => tx.setStatus(...args);
      return {
        cluster,
        revision,
        table: (name) => tx.table(name),
        delete: (...args) => tx.delete(...args),
        put,
        setStatus,
      };
    };
    const remove = async (cluster: SimCluster): Promise<void> => {
      await cluster.advance(3_000);
      await cluster.do(cluster.user.remove("web"));
      await cluster.advance(3_000);
    };
    expect(await found({ plant }, {}, remove)).toMatch(
      /one task per slot: a container runs on w\d for task \w+, which is gone/,
    );
  });

  test("an orchestrator that stops what runs", async () => {
    const plant = bent("orchestrator", (row) =>
      row.status?.state === TaskState.RUNNING ? { ...row, desiredState: TaskState.SHUTDOWN } : row,
    );
    const restart = async (cluster: SimCluster): Promise<void> => {
      await cluster.advance(3_000);
      cluster.killContainer("web");
      await cluster.advance(10_000);
    };
    expect(await found(plant, {}, restart)).toContain("nothing is stopped without a reason: task");
  });

  test("a dispatcher that gives a node up for nothing", async () => {
    const isDown = { value: false };
    const plant: SimClusterOptions["plant"] = (part, tx) => {
      if (part !== "dispatcher" || !isDown.value) return tx;
      const { cluster, revision } = tx;
      const put: Transaction["put"] = (table, row) => {
        tx.put(table, row);
        const other = nodeNamed(tx, "w1");
        if (other.status) tx.put("node", { ...other, status: { ...other.status, state: NodeState.DOWN } });
      };
      const setStatus: Transaction["setStatus"] = (...args) => tx.setStatus(...args);
      return {
        cluster,
        revision,
        table: (name) => tx.table(name),
        delete: (...args) => tx.delete(...args),
        put,
        setStatus,
      };
    };
    const restart = async (cluster: SimCluster): Promise<void> => {
      await cluster.advance(60_000);
      isDown.value = true;
      await cluster.do(cluster.host("w2").stopDaemon());
      await cluster.advance(10_000);
    };
    expect(await found({ plant }, {}, restart)).toContain("a node is given up for a reason: w1 has long been well");
  });

  test("a part of the manager that throws", async () => {
    const plant = bent("allocator", () => {
      throw new Error("planted");
    });
    expect(await found(plant, {})).toMatch(/no part fails: component failed .*allocator.*planted/);
  });

  test("a second container of a task", async () => {
    const plant = async (cluster: SimCluster): Promise<void> => {
      await cluster.advance(3_000);
      const [machine] = cluster.host("w1").engine.machines;
      if (!machine) expect.unreachable();
      await cluster.do(cluster.host("w2").engine.pull("nginx:latest", "", () => {}, never));
      await cluster.do(cluster.host("w2").engine.create("twin", machine.config, never));
      await cluster.advance(100);
    };
    expect(await found({}, {}, plant)).toMatch(/one container per task: task \w+ has a second container/);
  });

  test("a manager that acknowledges before its disk has synced", async () => {
    const cluster = await SimCluster.start();
    forgetToSync(cluster);
    await cluster.restartManager();
    await cluster.do(cluster.user.create({ name: "web" }));
    cluster.manager.crash("nothing");
    await expect(cluster.startManager()).rejects.toThrow(/nothing applied is lost/);
  });

  test("a node that lost its heartbeat is no bug", async () => {
    const cut = async (cluster: SimCluster): Promise<void> => {
      cluster.host("w1").cutLine();
      await cluster.eventually("w1 is down", () => cluster.node("w1").status?.state === NodeState.DOWN);
      await cluster.advance(3_000);
    };
    expect(await found({}, {}, cut)).toBe("nothing was found");
  });
});

const never = new AbortController().signal;

/** From the next opening on, a sync of the log does nothing. */
function forgetToSync({ manager: { disk } }: SimCluster): void {
  const open = disk.open.bind(disk);
  disk.open = async (path, options) => {
    const file = await open(path, options);
    return {
      write: (data, offset) => file.write(data, offset),
      read: (length, offset) => file.read(length, offset),
      size: () => file.size(),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
      sync: async () => {},
    };
  };
}
