// Global services and jobs: the leader's loops together, on virtual time.

import { afterEach, describe, expect, test } from "vitest";
import { NodeState, type Task, TaskState, TaskStatus, UpdateState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, type ServiceSpec } from "../../src/gen/skep/v1/specs.js";
import { isTerminal, stateOf } from "../../src/model/index.js";
import {
  aCluster,
  aNode,
  aService,
  aServiceSpec,
  type NodeOptions,
  putRevision,
  putService,
  type ServiceOptions,
} from "../support/memory.js";
import { type Orchestration, orchestration, replicas, tasksOf } from "../support/orchestration.js";
import { countReads } from "../support/reads.js";

let o: Orchestration;

const global: ServiceSpec["mode"] = { $case: "global", value: {} };
const globalJob: ServiceSpec["mode"] = { $case: "globalJob", value: {} };
const job = (totalCompletions: number, maxConcurrent = totalCompletions): ServiceSpec["mode"] => ({
  $case: "replicatedJob",
  value: { totalCompletions, maxConcurrent },
});

async function cluster(nodes: number): Promise<Orchestration> {
  o = orchestration();
  await o.writer.update((tx) => {
    tx.put("cluster", aCluster());
    for (let n = 1; n <= nodes; n++) tx.put("node", aNode({ id: `n${n}` }));
  });
  return o;
}

interface Wish extends ServiceOptions {
  readonly mode: ServiceSpec["mode"];
}

async function create({ mode, spec, ...options }: Wish): Promise<void> {
  await o.writer.update((tx) => putService(tx, aService({ id: "web", ...options, spec: { ...spec, mode } as never })));
  await o.clock.advance(100);
}

async function update({ mode, spec, ...options }: Wish): Promise<void> {
  const next = aServiceSpec({ name: "web", ...options, spec: { ...spec, mode } as never });
  await o.writer.update((tx) => putRevision(tx, "web", next));
  await o.clock.advance(10);
}

async function putNode(options: NodeOptions): Promise<void> {
  await o.writer.update((tx) => tx.put("node", aNode(options)));
  await o.clock.advance(100);
}

async function setAvailability(id: string, availability: NodeAvailability): Promise<void> {
  await putNode({ id, availability });
}

/** All tasks of the service on a node: "state desired", oldest first. */
function historyOn(nodeId: string): readonly string[] {
  return tasksOf(o, "web")
    .filter((task) => task.nodeId === nodeId)
    .map((task) => `${nameOf(stateOf(task))} ${nameOf(task.desiredState)}`);
}

function nameOf(state: TaskState): string {
  return Object.entries(TaskState).find(([, value]) => value === state)?.[0] ?? "";
}

afterEach(async () => {
  await o.end();
  expect(o.failures).toEqual([]);
});

describe("a global service", () => {
  test("runs once on every node, also on one that joins later", async () => {
    await cluster(2);
    await create({ mode: global });
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
    await putNode({ id: "n3" });
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING", "0 n3 RUNNING"]);
  });

  test("a node that goes down loses its task, and gets another when it is back", async () => {
    await cluster(2);
    await create({ mode: global });
    await o.agents.kill("n2");
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING"]);
    await o.agents.revive("n2");
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
    expect(Math.max(...o.agents.most.values())).toBe(1);
  });

  test("a drained node is emptied, a paused one is left alone, an active one runs it", async () => {
    await cluster(2);
    await create({ mode: global });
    await setAvailability("n1", NodeAvailability.DRAIN);
    await setAvailability("n2", NodeAvailability.PAUSE);
    expect(replicas(o, "web")).toEqual(["0 n2 RUNNING"]);
    await setAvailability("n1", NodeAvailability.ACTIVE);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
  });

  test("also with condition none a node that was drained runs it again", async () => {
    await cluster(1);
    await create({ mode: global, restart: "NONE" });
    await setAvailability("n1", NodeAvailability.DRAIN);
    await setAvailability("n1", NodeAvailability.ACTIVE);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING"]);
  });

  test("what ends on a paused node is not followed there until it is active", async () => {
    await cluster(1);
    await create({ mode: global });
    await setAvailability("n1", NodeAvailability.PAUSE);
    await o.agents.end(tasksOf(o, "web")[0]?.id ?? "");
    await o.clock.advance(60_000);
    expect(replicas(o, "web")).toEqual([]);
    await setAvailability("n1", NodeAvailability.ACTIVE);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING"]);
  });

  test("follows labels: rejected where it does not fit any more, started where it does", async () => {
    await cluster(0);
    await putNode({ id: "n1", labels: { disk: "ssd" } });
    await putNode({ id: "n2", labels: { disk: "hdd" } });
    await create({ mode: global, constraints: ["node.labels.disk==ssd"] });
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING"]);
    await putNode({ id: "n1", labels: { disk: "hdd" } });
    await putNode({ id: "n2", labels: { disk: "ssd" } });
    expect(replicas(o, "web")).toEqual(["0 n2 RUNNING"]);
    expect(historyOn("n1")).toEqual(["REJECTED SHUTDOWN"]);
  });

  test("with other constraints it leaves the nodes it does not fit any more", async () => {
    await cluster(0);
    await putNode({ id: "n1", labels: { disk: "ssd" } });
    await putNode({ id: "n2", labels: { disk: "hdd" } });
    await create({ mode: global });
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
    await update({ mode: global, constraints: ["node.labels.disk==ssd"] });
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING"]);
    expect(historyOn("n2")).toEqual(["SHUTDOWN SHUTDOWN"]);
  });

  test("with a node that is removed its tasks go", async () => {
    await cluster(2);
    await create({ mode: global });
    await o.agents.kill("n2");
    await o.writer.update((tx) => {
      for (const task of [...tx.table("task").by("node", "n2")])
        tx.setStatus(task.id, TaskStatus.fromPartial({ state: TaskState.ORPHANED }));
      tx.delete("node", "n2");
    });
    await o.clock.advance(100);
    expect(historyOn("n2")).toEqual([]);
  });

  test("a task that is deleted from outside comes again", async () => {
    await cluster(2);
    await create({ mode: global });
    const [task] = tasksOf(o, "web");
    await o.writer.update((tx) => tx.delete("task", task?.id ?? ""));
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
  });

  test("what fails is restarted on its node, after the delay", async () => {
    await cluster(2);
    await create({ mode: global });
    await o.agents.end(tasksOf(o, "web").find(({ nodeId }) => nodeId === "n2")?.id ?? "");
    await o.clock.advance(4_800);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 READY"]);
    await o.clock.advance(400);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
  });

  test("its history on a node is kept to the limit", async () => {
    await cluster(1);
    o.agents.fateOf = () => ({ ends: { afterMs: 100, as: "FAILED" } });
    await create({ mode: global, restartDelayMs: 0 });
    await o.clock.advance(600_000);
    expect(tasksOf(o, "web").length).toBeLessThanOrEqual(5);
  });

  test("waits with a reason where its node cannot take it", async () => {
    await cluster(1);
    await create({ mode: global, nanoCpus: 8e9 });
    const [task] = tasksOf(o, "web");
    expect(task?.status).toMatchObject({
      state: TaskState.PENDING,
      err: "insufficient resources on 1 node",
    });
  });

  test("an update goes over the nodes, one at a time", async () => {
    await cluster(3);
    await create({ mode: global });
    await update({ mode: global, image: "nginx:2" });
    let least = 3;
    for (let ms = 0; ms < 3_000; ms += 10) {
      await o.clock.advance(10);
      least = Math.min(least, o.agents.running.size);
    }
    expect(least).toBe(2);
    await o.clock.advance(10_000);
    expect(o.store.table("service").get("web")?.updateStatus).toMatchObject({
      state: UpdateState.COMPLETED,
      total: 3,
      done: 3,
      failed: 0,
    });
    expect(
      tasksOf(o, "web")
        .filter((task) => !isTerminal(stateOf(task)))
        .map(({ revision }) => revision),
    ).toEqual([2, 2, 2]);
  });

  test("start-first, every node runs it all the time", async () => {
    await cluster(3);
    const order: ServiceOptions["spec"] = { update: { parallelism: 1, order: 1 } };
    await create({ mode: global });
    await update({ mode: global, image: "nginx:2", spec: order });
    for (let ms = 0; ms < 3_000; ms += 10) {
      await o.clock.advance(10);
      expect(new Set([...o.agents.running.values()].map(({ nodeId }) => nodeId)).size).toBe(3);
    }
    await o.clock.advance(10_000);
    expect(o.store.table("service").get("web")?.updateStatus?.state).toBe(UpdateState.COMPLETED);
  });

  test("an update leaves a paused node alone; it follows when the node is active", async () => {
    await cluster(2);
    await create({ mode: global });
    await setAvailability("n2", NodeAvailability.PAUSE);
    await update({ mode: global, image: "nginx:2" });
    await o.clock.advance(10_000);
    expect(o.store.table("service").get("web")?.updateStatus).toMatchObject({ state: UpdateState.COMPLETED, total: 1 });
    expect(historyOn("n2")).toEqual(["RUNNING RUNNING"]);
    await setAvailability("n2", NodeAvailability.ACTIVE);
    expect(historyOn("n2")).toEqual(["SHUTDOWN SHUTDOWN", "RUNNING RUNNING"]);
  });

  test("another leader changes nothing", async () => {
    await cluster(2);
    await create({ mode: global });
    const before = tasksOf(o, "web").map(({ id }) => id);
    await o.failOver();
    await o.clock.advance(1_000);
    expect(tasksOf(o, "web").map(({ id }) => id)).toEqual(before);
  });
});

describe("a replicated job", () => {
  const completes = { ends: { afterMs: 1_000, as: "COMPLETE" } } as const;
  const fails = { ends: { afterMs: 1_000, as: "FAILED" } } as const;
  const inState = (state: keyof typeof TaskState): readonly Task[] =>
    tasksOf(o, "web").filter((task) => stateOf(task) === TaskState[state]);

  test("runs so many at a time until so many completed", async () => {
    await cluster(2);
    o.agents.fateOf = () => completes;
    await create({ mode: job(5, 2) });
    let most = 0;
    for (let ms = 0; ms < 10_000; ms += 50) {
      await o.clock.advance(50);
      most = Math.max(most, o.agents.running.size);
    }
    expect(most).toBe(2);
    expect(
      inState("COMPLETE")
        .map(({ slot }) => slot)
        .sort((a, b) => a - b),
    ).toEqual([1, 2, 3, 4, 5]);
    expect(inState("COMPLETE").every((task) => task.desiredState === TaskState.COMPLETE)).toBe(true);
    expect(tasksOf(o, "web").length).toBe(5);
  });

  test("what fails runs again in its slot, also with condition any; what completed does not", async () => {
    await cluster(1);
    let failures = 2;
    o.agents.fateOf = (task) => (task.slot === 1 && failures-- > 0 ? fails : completes);
    await create({ mode: job(2), restart: "ANY", restartDelayMs: 100 });
    await o.clock.advance(60_000);
    expect(
      inState("COMPLETE")
        .map(({ slot }) => slot)
        .sort((a, b) => a - b),
    ).toEqual([1, 2]);
    expect(inState("FAILED").every(({ slot }) => slot === 1)).toBe(true);
  });

  test("max_attempts is a hard stop, also when other tasks go on", async () => {
    await cluster(1);
    o.agents.fateOf = (task) => (task.slot === 1 ? fails : completes);
    await create({ mode: job(4, 1), maxAttempts: 2, restartDelayMs: 0 });
    await o.clock.advance(600_000);
    expect(
      inState("COMPLETE")
        .map(({ slot }) => slot)
        .sort((a, b) => a - b),
    ).toEqual([2, 3, 4]);
    expect(inState("FAILED").length).toBe(3);
  });

  test("condition none: a failed task is not tried again", async () => {
    await cluster(1);
    o.agents.fateOf = (task) => (task.slot === 1 ? fails : completes);
    await create({ mode: job(3, 1), restart: "NONE" });
    await o.clock.advance(60_000);
    expect(tasksOf(o, "web").length).toBe(3);
    expect(inState("COMPLETE").length).toBe(2);
  });

  test("an unfinished task of a lost node runs again at once elsewhere, also with condition none", async () => {
    await cluster(2);
    o.agents.fateOf = () => ({ ends: { afterMs: 60_000, as: "COMPLETE" } });
    await create({ mode: job(2), restart: "NONE" });
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING", "2 n2 RUNNING"]);
    await o.agents.kill("n2");
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING", "2 n1 RUNNING"]);
  });

  test("what completed on a node that is lost later stays completed", async () => {
    await cluster(2);
    o.agents.fateOf = () => completes;
    await create({ mode: job(2) });
    await o.clock.advance(5_000);
    await o.agents.kill("n2");
    await o.clock.advance(60_000);
    expect(tasksOf(o, "web").length).toBe(2);
  });

  test("an update runs it again: what still runs of the run before goes, and the limit holds meanwhile", async () => {
    await cluster(2);
    o.agents.fateOf = () => ({ ends: { afterMs: 10_000, as: "COMPLETE" }, stopMs: 2_000 });
    await create({ mode: job(4, 2) });
    await o.clock.advance(11_000);
    await update({ mode: job(4, 2), image: "nginx:2" });
    let most = 0;
    for (let ms = 0; ms < 40_000; ms += 50) {
      await o.clock.advance(50);
      most = Math.max(most, o.agents.running.size);
    }
    expect(most).toBe(2);
    const done = inState("COMPLETE").map((task) => `${task.jobIteration}/${task.slot}`);
    expect(done.sort()).toEqual(["0/1", "0/2", "1/1", "1/2", "1/3", "1/4"]);
  });

  test("its history is kept to the limit, but never what this run completed", async () => {
    await cluster(1);
    await o.writer.update((tx) => tx.put("cluster", aCluster({ historyLimit: 0 })));
    o.agents.fateOf = () => completes;
    await create({ mode: job(2) });
    await o.clock.advance(5_000);
    for (let run = 1; run <= 4; run++) {
      await update({ mode: job(2), image: `nginx:${run}` });
      await o.clock.advance(5_000);
    }
    expect(
      tasksOf(o, "web")
        .map((task) => `${task.jobIteration}/${task.slot}`)
        .sort(),
    ).toEqual(["4/1", "4/2"]);
  });

  test("a run that asks for fewer completions leaves nothing of the others", async () => {
    await cluster(1);
    o.agents.fateOf = () => completes;
    await create({ mode: job(4) });
    await o.clock.advance(5_000);
    await update({ mode: job(1) });
    await o.clock.advance(5_000);
    expect(
      tasksOf(o, "web")
        .map((task) => `${task.jobIteration}/${task.slot}`)
        .sort(),
    ).toEqual(["0/1", "1/1"]);
  });

  test("a drained node's tasks run elsewhere", async () => {
    await cluster(2);
    o.agents.fateOf = () => ({ ends: { afterMs: 60_000, as: "COMPLETE" } });
    await create({ mode: job(2) });
    await setAvailability("n1", NodeAvailability.DRAIN);
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["1 n2 RUNNING", "2 n2 RUNNING"]);
    expect(Math.max(...o.agents.most.values())).toBe(1);
  });

  test("goes on under another leader", async () => {
    await cluster(2);
    o.agents.fateOf = () => completes;
    await create({ mode: job(5, 1) });
    await o.clock.advance(2_500);
    await o.failOver();
    await o.clock.advance(20_000);
    expect(inState("COMPLETE").length).toBe(5);
    expect(tasksOf(o, "web").length).toBe(5);
  });
});

describe("a global job", () => {
  const completes = { ends: { afterMs: 1_000, as: "COMPLETE" } } as const;

  test("runs once on every node, at once also on one that joins later", async () => {
    await cluster(2);
    o.agents.fateOf = () => completes;
    await create({ mode: globalJob });
    await o.clock.advance(5_000);
    expect(replicas(o, "web")).toEqual(["0 n1 COMPLETE", "0 n2 COMPLETE"]);
    await putNode({ id: "n3" });
    expect(replicas(o, "web")).toEqual(["0 n1 COMPLETE", "0 n2 COMPLETE", "0 n3 RUNNING"]);
    await o.clock.advance(5_000);
    expect(tasksOf(o, "web").length).toBe(3);
  });

  test("begins on nodes that are ready and active only", async () => {
    await cluster(0);
    await putNode({ id: "n1", availability: NodeAvailability.PAUSE });
    await putNode({ id: "n2", state: "DISCONNECTED" });
    await create({ mode: globalJob });
    expect(tasksOf(o, "web")).toEqual([]);
    await putNode({ id: "n1" });
    await putNode({ id: "n2" });
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
  });

  test("what was interrupted by a drain runs again; what completed does not", async () => {
    await cluster(2);
    o.agents.fateOf = (task) => (task.nodeId === "n1" ? completes : {});
    await create({ mode: globalJob });
    await o.clock.advance(5_000);
    await setAvailability("n1", NodeAvailability.DRAIN);
    await setAvailability("n2", NodeAvailability.DRAIN);
    expect(replicas(o, "web")).toEqual(["0 n1 COMPLETE"]);
    await setAvailability("n1", NodeAvailability.ACTIVE);
    await setAvailability("n2", NodeAvailability.ACTIVE);
    expect(replicas(o, "web")).toEqual(["0 n1 COMPLETE", "0 n2 RUNNING"]);
  });

  test("max_attempts is a hard stop on each node, node events or not", async () => {
    await cluster(1);
    o.agents.fateOf = () => ({ ends: { afterMs: 100, as: "FAILED" } });
    await create({ mode: globalJob, maxAttempts: 1, restartDelayMs: 0 });
    await o.clock.advance(60_000);
    await putNode({ id: "n1", labels: { any: "thing" } });
    await o.clock.advance(60_000);
    expect(historyOn("n1")).toEqual(["FAILED SHUTDOWN", "FAILED SHUTDOWN"]);
  });

  test("an update runs it again on all nodes", async () => {
    await cluster(2);
    o.agents.fateOf = () => completes;
    await create({ mode: globalJob });
    await o.clock.advance(5_000);
    await update({ mode: globalJob, image: "nginx:2" });
    await o.clock.advance(5_000);
    const iterations = tasksOf(o, "web").map((task) => `${task.nodeId} ${task.jobIteration} ${nameOf(stateOf(task))}`);
    expect(iterations.sort()).toEqual(["n1 0 COMPLETE", "n1 1 COMPLETE", "n2 0 COMPLETE", "n2 1 COMPLETE"]);
  });

  test("a node that went down and is back runs what it did not complete", async () => {
    await cluster(2);
    await create({ mode: globalJob });
    await o.agents.kill("n2");
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING"]);
    expect(o.store.table("node").get("n2")?.status?.state).toBe(NodeState.DOWN);
    await o.agents.revive("n2");
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["0 n1 RUNNING", "0 n2 RUNNING"]);
  });
});

describe("a wall clock that jumps", () => {
  test.each([
    { title: "an hour back", byMs: -3_600_000 },
    { title: "an hour ahead", byMs: 3_600_000 },
  ])("$title: a replacement waits as long as before for the task it replaces", async ({ byMs }) => {
    await cluster(2);
    o.agents.fateOf = () => ({ stopMs: 30_000 });
    await create({ mode: { $case: "replicated", value: { replicas: 1 } } });
    await setAvailability("n1", NodeAvailability.DRAIN);
    o.clock.jumpWall(byMs);
    // Something makes the loop look at the slot.
    await o.writer.update((tx) => putRevision(tx, "web", aServiceSpec({ name: "web" })));
    await o.clock.advance(29_000);
    expect(replicas(o, "web")).toEqual(["1 n2 READY"]);
    await o.clock.advance(2_000);
    expect(replicas(o, "web")).toEqual(["1 n2 RUNNING"]);
    expect(o.agents.most.get("web/1")).toBe(1);
  });

  test("an hour back: a new leader waits the whole of it anew, and no longer", async () => {
    await cluster(2);
    o.agents.fateOf = () => ({ stopMs: 3_600_000 });
    await create({ mode: { $case: "replicated", value: { replicas: 1 } } });
    await setAvailability("n1", NodeAvailability.DRAIN);
    o.clock.jumpWall(-3_600_000);
    await o.failOver();
    await o.clock.advance(59_000);
    expect(replicas(o, "web")).toEqual(["1 n2 READY"]);
    await o.clock.advance(60_000);
    expect(replicas(o, "web")).toEqual(["1 n2 RUNNING"]);
  });
});

describe("the constraint enforcer and jobs", () => {
  test("what runs where it does not fit any more runs elsewhere; what completed there stays", async () => {
    await cluster(0);
    await putNode({ id: "n1", labels: { disk: "ssd" } });
    o.agents.fateOf = (task) => (task.slot === 1 ? { ends: { afterMs: 1_000, as: "COMPLETE" } } : {});
    await create({ mode: job(2), constraints: ["node.labels.disk==ssd"] });
    await o.clock.advance(2_000);
    await putNode({ id: "n2", labels: { disk: "ssd" } });
    await putNode({ id: "n1" });
    await o.clock.advance(6_000);
    expect([...historyOn("n1")].sort()).toEqual(["COMPLETE COMPLETE", "REJECTED SHUTDOWN"]);
    expect(historyOn("n2")).toEqual(["RUNNING COMPLETE"]);
  });
});

describe("many services", () => {
  test("are looked at in several transactions, none forgotten", async () => {
    await cluster(30);
    await o.writer.update((tx) => {
      for (let n = 0; n < 150; n++) putService(tx, aService({ id: `s${n}`, spec: { mode: global } as never }));
    });
    await o.clock.settle();
    await o.failOver();
    await o.writer.update((tx) => tx.put("node", aNode({ id: "n31" })));
    await o.clock.advance(10);
    expect([...o.store.table("task").all()].filter(({ nodeId }) => nodeId === "n31")).toHaveLength(150);
  });
});

describe("an event makes the loops read what it concerns", () => {
  const nodes = 200;
  const labelled = (): Promise<void> => putNode({ id: "n7", labels: { a: "b" } });
  const failed = async (): Promise<void> => {
    await o.agents.end(tasksOf(o, "web").find(({ nodeId }) => nodeId === "n7")?.id ?? "");
    await o.clock.advance(100);
  };

  test("a label of a node: one slot, and nothing is written but the label", async () => {
    await cluster(nodes);
    await create({ mode: global });
    const before = o.store.revision;
    expect(await countReads(labelled)).toBeLessThan(nodes / 2);
    expect(o.store.revision - before).toBe(1);
  });

  test("a node that joins", async () => {
    await cluster(nodes);
    await create({ mode: global });
    expect(await countReads(() => putNode({ id: "new" }))).toBeLessThan(nodes / 2);
    expect(replicas(o, "web")).toHaveLength(nodes + 1);
  });

  test("a task that fails on one of many nodes", async () => {
    await cluster(nodes);
    await create({ mode: global });
    const looking = await countReads(async () => void tasksOf(o, "web"));
    expect((await countReads(failed)) - looking).toBeLessThan(nodes / 2);
  });
});
