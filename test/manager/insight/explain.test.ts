// Why a service is not as asked: every stage a task can wait in, what refuses it where, and the command that helps.

import { describe, expect, test } from "vitest";
import type { Explanation } from "../../../src/api/types.js";
import { wallTime } from "../../../src/base/index.js";
import { type Node, Service, TaskState, UpdateState, WaitStage } from "../../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../../src/gen/skep/v1/specs.js";
import { explain } from "../../../src/manager/insight/index.js";
import type { Transaction } from "../../../src/store/index.js";
import {
  aNode,
  aService,
  aTask,
  memoryStore,
  type NodeOptions,
  putService,
  type ServiceOptions,
  type TaskOptions,
} from "../../support/memory.js";

const nowMs = 1_000_000_000_000;
const gib = 2 ** 30;

/** A swarm with these rows, explained. */
async function explained(
  service: ServiceOptions,
  nodes: readonly (Node | NodeOptions)[],
  tasks: readonly TaskOptions[],
  more: (tx: Transaction) => void = () => {},
): Promise<Explanation> {
  const { store, writer } = memoryStore();
  await writer.update((tx) => {
    putService(tx, aService({ id: "web", ...service }));
    for (const node of nodes) tx.put("node", aNode(node as NodeOptions));
    for (const task of tasks) tx.put("task", aTask({ serviceId: "web", atMs: nowMs - 41_000, ...task }));
    more(tx);
  });
  const before = store.revision;
  const answer = explain(store, "web", nowMs);
  expect(store.revision).toBe(before);
  return answer;
}

function pending(slot: number, more: TaskOptions = {}): TaskOptions {
  const wait = { stage: WaitStage.SCHEDULER, reason: "no suitable node", since: wallTime(nowMs - 41_000) };
  return { id: `pending-${slot}`, slot, state: "PENDING", ...more, task: { wait, ...more.task } };
}

/** `h1 constraint ok | port: …` per node. */
function table({ Waits }: Explanation): readonly string[] {
  const nodes = Waits.flatMap(({ Nodes = [] }) => Nodes);
  return nodes.map(
    ({ Hostname, Checks }) =>
      `${Hostname} ${Checks.filter(({ Filter, Passes }) => Filter !== "node" || !Passes)
        .map(({ Filter, Says }) => `${Filter} ${Says}`)
        .join(" | ")}`,
  );
}

describe("a task that finds no node", () => {
  test("the case of the manual: a label, the replicas of a node, and somebody else's port", async () => {
    const answer = await explained(
      { replicas: 3, constraints: ["node.labels.disk==ssd"], maxReplicas: 1, hostPorts: [8080] },
      [
        { id: "h1", labels: { disk: "ssd" } },
        { id: "h2", labels: { disk: "ssd" } },
        { id: "h3", labels: { disk: "hdd" } },
      ],
      [{ id: "t1", slot: 1, nodeId: "h1", state: "RUNNING" }, pending(2), pending(3)],
      (tx) => {
        putService(tx, aService({ id: "old", name: "old-web", hostPorts: [8080] }));
        tx.put("task", aTask({ id: "o1", serviceId: "old", nodeId: "h2", state: "RUNNING" }));
      },
    );
    expect(answer).toMatchObject({ Name: "web", Mode: "replicated", Running: 1, Desired: 3 });
    expect(answer.Waits).toHaveLength(1);
    expect(answer.Waits[0]).toMatchObject({
      ...{ Stage: "scheduler", State: "pending", Reason: "no suitable node", TaskCount: 2, Tasks: ["web.2", "web.3"] },
      Since: new Date(nowMs - 41_000).toISOString(),
    });
    expect(table(answer)).toEqual([
      "h2 constraint ok | port 8080/tcp is held by old-web.1 | max-replicas-per-node ok",
      'h3 constraint node.labels.disk is "hdd", wanted "ssd" | port ok | max-replicas-per-node ok',
      "h1 constraint ok | port 8080/tcp is held by web.1 | max-replicas-per-node it has 1 task of the service, at most 1 may be on a node",
    ]);
    expect(answer.Waits[0]?.Refused).toEqual([
      { Filter: "port", Nodes: 2 },
      { Filter: "constraint", Nodes: 1 },
      { Filter: "max-replicas-per-node", Nodes: 1 },
    ]);
    expect(answer.WouldHelp).toEqual(["'skep node update --label-add disk=ssd h3'", "'skep service rm old-web'"]);
  });

  const cases: readonly [string, ServiceOptions, NodeOptions, string][] = [
    ["drained", {}, { availability: NodeAvailability.DRAIN }, "'skep node update --availability active h1'"],
    ["paused", {}, { availability: NodeAvailability.PAUSE }, "'skep node update --availability active h1'"],
    [
      "down",
      {},
      { state: "DOWN", node: { status: { state: 1, message: "heartbeat failure" } } },
      "bring h1 back (heartbeat failure)",
    ],
    ["too little memory", { memoryBytes: 9 * gib }, {}, "'skep service update --reserve-memory 8192m web'"],
    ["too few CPUs", { nanoCpus: 5e9 }, {}, "'skep service update --reserve-cpu 4 web'"],
    ["nothing to give", { memoryBytes: gib }, { memoryBytes: 0 }, "a node with more to give"],
    [
      "a label too many",
      { constraints: ["node.labels.a!=b"] },
      { labels: { a: "b" } },
      "'skep node update --label-rm a h1'",
    ],
    ["a role", { constraints: ["node.role==manager"] }, {}, "'skep node promote h1'"],
    [
      "a hostname",
      { constraints: ["node.hostname==h9"] },
      {},
      "'skep service update --constraint-rm node.hostname==h9 web'",
    ],
    [
      "two reasons at once",
      { constraints: ["node.labels.a==b"] },
      { availability: NodeAvailability.DRAIN },
      "'skep node update --availability active h1' and 'skep node update --label-add a=b h1'",
    ],
  ];
  test.each(cases)("%s: what would help", async (_, service, node, help) => {
    const answer = await explained(service, [{ id: "h1", ...node }], [pending(1)]);
    expect(answer.WouldHelp).toEqual([help]);
  });

  test("no node at all", async () => {
    const answer = await explained({}, [], [pending(1)]);
    expect(answer.WouldHelp).toEqual(["'skep swarm join-token worker' shows how a node joins"]);
  });

  test("of many nodes a hundred are listed, those first that could most easily take it, and the rest counted", async () => {
    const nodes = Array.from({ length: 250 }, (_, n) => ({
      id: `h${n + 1}`,
      labels: n === 249 ? { disk: "ssd" } : {},
      availability: n === 249 ? NodeAvailability.PAUSE : NodeAvailability.ACTIVE,
    }));
    const answer = await explained({ constraints: ["node.labels.disk==ssd"], memoryBytes: 9 * gib }, nodes, [
      pending(1),
    ]);
    expect(answer.Waits[0]).toMatchObject({ NodesLeftOut: 150 });
    expect(answer.Waits[0]?.Nodes).toHaveLength(100);
    expect(answer.WouldHelp.length).toBeLessThanOrEqual(5);
  });
});

describe("a task that has a node", () => {
  const held = { desired: "READY", state: "READY" } as const;
  const notBefore = wallTime(nowMs + 8_000);
  const cases: readonly [string, TaskOptions, NodeOptions, object][] = [
    [
      "pulls its image",
      { state: "PREPARING", task: { status: { state: TaskState.PREPARING, message: "pulling nginx: 40 of 120 MB" } } },
      {},
      { Stage: "node", State: "preparing", Node: "h1", Reason: "pulling nginx: 40 of 120 MB" },
    ],
    ["was not taken yet", { state: "ASSIGNED" }, {}, { Stage: "node", Reason: "no word of it from its node yet" }],
    [
      "is on a node that is not there",
      { state: "STARTING" },
      { node: { status: { state: 1, message: "heartbeat failure" } } },
      { Stage: "node", Reason: "its node h1 is not ready: heartbeat failure" },
    ],
    [
      "is on a node whose engine is silent",
      { state: "ACCEPTED" },
      { node: { status: { state: 2, suspended: true, message: "engine does not answer: ECONNREFUSED" } } },
      { Stage: "node", Reason: "its node h1 starts nothing new: engine does not answer: ECONNREFUSED" },
    ],
    [
      "waits for its restart delay",
      { ...held, task: { restart: { notBefore, backoffMs: 20_000 } } },
      {},
      { Stage: "restart", Until: new Date(nowMs + 8_000).toISOString() },
    ],
    [
      "waits for the one it replaces",
      { ...held, task: { restart: { replaces: "old" } } },
      {},
      { Stage: "predecessor", Reason: "the task it replaces, old on h1, is stopping" },
    ],
  ];
  test.each(cases)("%s", async (_, task, node, wait) => {
    const old = { id: "old", slot: 1, nodeId: "h1", state: "RUNNING", desired: "SHUTDOWN" } as const;
    const isReplacement = task.task?.restart?.replaces !== undefined;
    const others = isReplacement ? [old] : [];
    const answer = await explained({}, [{ id: "h1", ...node }], [...others, { id: "new", nodeId: "h1", ...task }]);
    expect(answer.Waits).toHaveLength(1);
    expect(answer.Waits[0]).toMatchObject({ Tasks: ["web.1"], ...wait });
  });
});

describe("a task that ends again and again", () => {
  const failed = (id: string, atMs: number, more: TaskOptions = {}): TaskOptions => ({
    ...{ id, slot: 1, nodeId: "h1", state: "FAILED", desired: "SHUTDOWN", atMs },
    ...more,
    task: {
      status: {
        ...{ state: TaskState.FAILED, err: "task: non-zero exit (137)", appliedAt: wallTime(atMs) },
        container: { containerId: "c", exitCode: 137 },
      },
    },
  });

  test("its last error, when it is tried again, and how many tries are left", async () => {
    const restart = {
      starts: [wallTime(nowMs - 1)],
      backoffMs: 10_000,
      notBefore: wallTime(nowMs + 8_000),
      replaces: "f2",
    };
    const answer = await explained(
      { maxAttempts: 3 },
      [{ id: "h1" }],
      [
        failed("f1", nowMs - 60_000),
        failed("f2", nowMs - 2_000),
        { id: "next", nodeId: "h1", state: "READY", desired: "READY", task: { restart } },
      ],
    );
    expect(answer.Failures).toEqual([
      {
        ...{ Task: "web.1", Node: "h1", State: "failed", Error: "task: non-zero exit (137)", ExitCode: 137, Ended: 2 },
        ...{ At: new Date(nowMs - 2_000).toISOString(), NextAt: new Date(nowMs + 8_000).toISOString() },
        ...{ AttemptsLeft: 2, GivenUp: false },
      },
    ]);
  });

  test("given up when its policy asks for no other", async () => {
    const answer = await explained({ restart: "NONE" }, [{ id: "h1" }], [failed("f1", nowMs - 2_000)]);
    expect(answer.Failures).toMatchObject([{ Task: "web.1", GivenUp: true }]);
  });

  test.each([
    ["runs well since", { state: "RUNNING", atMs: nowMs - 6 * 60_000 }, 0],
    ["runs for a moment", { state: "RUNNING", atMs: nowMs - 5_000 }, 1],
  ] as const)("one that %s", async (_, next, failures) => {
    const answer = await explained(
      {},
      [{ id: "h1" }],
      [failed("f1", nowMs - 400_000), { id: "n", nodeId: "h1", ...next }],
    );
    expect(answer.Failures).toHaveLength(failures);
  });
});

describe("an update, a job, a global service", () => {
  test.each([
    [
      "PAUSED",
      "paused",
      /^nothing until somebody acts: 'skep service update web'.*'skep service rollback web' goes back$/,
    ],
    ["ROLLBACK_PAUSED", "rollback_paused", /^nothing until somebody acts/],
    ["UPDATING", "updating", /^it goes on by itself, 1 task at a time, each watched for 5 s$/],
  ] as const)("an update that is %s says what comes next", async (state, word, next) => {
    const answer = await explained({}, [], [], (tx) => {
      const service = tx.table("service").get("web");
      const updateStatus = { state: UpdateState[state], message: "because", total: 3, done: 1, failed: 1 };
      if (service) tx.put("service", Service.fromPartial({ ...service, previousRevision: 1, updateStatus }));
    });
    expect(answer.Update).toMatchObject({ State: word, Message: "because", Total: 3, Done: 1, Failed: 1 });
    expect(answer.Update?.Next).toMatch(next);
  });

  test("nodes that a global service is not to be on, by reason", async () => {
    const answer = await explained(
      { constraints: ["node.labels.disk==ssd"], spec: { mode: { $case: "global", value: {} } } },
      [
        { id: "h1", labels: { disk: "ssd" } },
        { id: "h2", labels: { disk: "ssd" }, availability: NodeAvailability.DRAIN },
        { id: "h3" },
        { id: "h4" },
      ],
      [{ id: "g1", slot: 0, nodeId: "h1", state: "RUNNING" }],
    );
    expect(answer.Lacking.map(({ Reason, Nodes }) => `${Nodes.join(" ")}: ${Reason}`)).toEqual([
      "h2: its availability is drain",
      'h3 h4: node.labels.disk is not set, wanted "ssd"',
    ]);
  });

  test("a service that is as asked has nothing to tell", async () => {
    const answer = await explained({}, [{ id: "h1" }], [{ id: "t", nodeId: "h1", state: "RUNNING" }]);
    expect(answer).toMatchObject({ Running: 1, Desired: 1, Waits: [], Failures: [], Lacking: [], WouldHelp: [] });
    expect(answer).not.toHaveProperty("Update");
  });
});

test("a service that is not there is not found", async () => {
  const { store } = memoryStore();
  expect(() => explain(store, "nope", nowMs)).toThrow("service nope not found");
});
