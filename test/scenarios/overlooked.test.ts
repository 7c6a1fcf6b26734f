// Nothing is overlooked: random days with services of all modes and all that may become of hosts. In the end, with some hosts
// still down, drained or paused, the store is quiet, and a new leader, which looks at everything, finds nothing to do.

import { describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, type ServiceSpec, UpdateOrder } from "../../src/gen/skep/v1/specs.js";
import { isOnNode, isTerminal, isWanted, stateOf } from "../../src/model/index.js";
import { SeededRandom } from "../../src/sim/index.js";
import { specOf } from "../../src/store/index.js";
import { aCluster, aNode, aService, aServiceSpec, putRevision, putService, stateName } from "../support/memory.js";
import { type Orchestration, orchestration, replicas, spread, tasksOf } from "../support/orchestration.js";

const seeds = Array.from({ length: 15 }, (_, seed) => seed + 1);
const stepsTotal = 40;
const nodesTotal = 5;
const hour = 3_600_000;

describe("after a storm over services of all modes", () => {
  test.each(seeds)("the store is quiet, and a new leader has nothing to do: seed %i", async (seed) => {
    const random = new SeededRandom(seed);
    const o = orchestration();
    o.agents.fateOf = (task) => {
      const own = random.fork(task.id);
      const ends = task.jobIteration !== undefined || own.chance(0.1);
      return {
        prepareMs: own.int(400),
        startMs: own.int(200),
        stopMs: own.int(8_000),
        ...(ends && { ends: { afterMs: own.int(4_000), as: own.chance(0.2) ? "FAILED" : "COMPLETE" } as const }),
      };
    };
    await o.writer.update((tx) => {
      tx.put("cluster", aCluster());
      for (let n = 1; n <= nodesTotal; n++) tx.put("node", aNode({ id: `n${n}`, labels: { disk: "ssd" } }));
    });
    for (let step = 0; step < stepsTotal; step++) {
      await disturb(o, random);
      await o.clock.advance(random.int(2_500));
    }
    o.agents.fateOf = (task) => (task.jobIteration === undefined ? {} : { ends: { afterMs: 100, as: "COMPLETE" } });
    await o.clock.advance(3 * hour);
    const before = rowsOf(o);
    await o.clock.advance(hour);
    expect(rowsOf(o)).toEqual(before);
    await o.failOver();
    await o.clock.advance(hour);
    expect(rowsOf(o)).toEqual(before);
    await o.end();
    expect(o.failures).toEqual([]);
  });
});

/** Four hosts, the last two without the label. */
async function halfLabelled(): Promise<Orchestration> {
  const o = orchestration();
  await o.writer.update((tx) => {
    tx.put("cluster", aCluster());
    for (let n = 1; n <= 4; n++) tx.put("node", aNode({ id: `n${n}`, labels: n <= 2 ? { disk: "ssd" } : {} }));
  });
  return o;
}

async function ended(o: Orchestration): Promise<void> {
  await o.end();
  expect(o.failures).toEqual([]);
}

test("R-606 a new leader in the middle of an update to other constraints takes nothing down at once", async () => {
  const o = await halfLabelled();
  const order = UpdateOrder.START_FIRST;
  const options = { name: "web", replicas: 8, spec: { update: { order, parallelism: 1 } } } as const;
  o.agents.fateOf = () => ({ prepareMs: 3_000 });
  await o.writer.update((tx) => putService(tx, aService({ id: "web", ...options })));
  await o.clock.advance(10_000);
  await o.writer.update((tx) =>
    putRevision(tx, "web", aServiceSpec({ ...options, constraints: ["node.labels.disk==ssd"] })),
  );
  for (let seconds = 0; seconds < 60; seconds++) {
    if (seconds % 5 === 0) await o.failOver();
    await o.clock.advance(1_000);
    expect(o.agents.running.size).toBeGreaterThanOrEqual(8);
  }
  expect(spread(o, "web")).toEqual({ n1: 4, n2: 4 });
  await ended(o);
});

test("R-218 a spec that came while every node was paused is followed when one is active", async () => {
  const o = await halfLabelled();
  const options = { name: "web", spec: { mode: { $case: "global", value: {} } } } as const;
  await o.writer.update((tx) => putService(tx, aService({ id: "web", ...options })));
  await o.clock.advance(1_000);
  for (const { id } of [...o.store.table("node").all()]) await setAvailability(o, id, NodeAvailability.PAUSE, 0);
  await o.writer.update((tx) => putRevision(tx, "web", aServiceSpec({ ...options, image: "nginx:2" })));
  await o.clock.advance(10_000);
  expect(replicas(o, "web").length).toBe(4);
  await setAvailability(o, "n3", NodeAvailability.ACTIVE, 0);
  await o.clock.advance(10_000);
  const revisions = tasksOf(o, "web")
    .filter(isWanted)
    .map(({ nodeId, revision }) => `${nodeId} r${revision}`);
  expect(revisions.sort()).toEqual(["n1 r1", "n2 r1", "n3 r2", "n4 r1"]);
  await ended(o);
});

test("R-218 an update whose task waits on a node that is then paused goes on elsewhere at once", async () => {
  const o = await halfLabelled();
  const options = { name: "web", spec: { mode: { $case: "global", value: {} } } } as const;
  await o.writer.update((tx) => putService(tx, aService({ id: "web", ...options })));
  await o.writer.update((tx) => tx.put("node", aNode({ id: "n1", nanoCpus: 0 })));
  await o.clock.advance(1_000);
  await o.writer.update((tx) => putRevision(tx, "web", aServiceSpec({ ...options, nanoCpus: 1e9 })));
  await o.clock.advance(60_000);
  const waits = "0 n1 PENDING";
  expect(replicas(o, "web")).toEqual([waits, "0 n2 RUNNING", "0 n3 RUNNING", "0 n4 RUNNING"]);
  expect(tasksOf(o, "web").filter((task) => isWanted(task) && task.revision === 2).length).toBe(1);
  await setAvailability(o, "n1", NodeAvailability.PAUSE, 0);
  await o.clock.advance(60_000);
  expect(tasksOf(o, "web").filter((task) => isWanted(task) && task.revision === 2).length).toBe(4);
  await ended(o);
});

test("R-225 a job begins anew when the host on which its old run stopped is down", async () => {
  const o = await halfLabelled();
  const mode = { $case: "replicatedJob", value: { totalCompletions: 1, maxConcurrent: 1 } } as const;
  const options = { name: "web", constraints: ["node.labels.disk==ssd"], spec: { mode } } as const;
  o.agents.fateOf = ({ jobIteration }) =>
    jobIteration === 0 ? { stopMs: hour } : { ends: { afterMs: 1, as: "COMPLETE" } };
  await o.writer.update((tx) => putService(tx, aService({ id: "web", ...options })));
  await o.clock.advance(1_000);
  await o.writer.update((tx) => putRevision(tx, "web", aServiceSpec(options)));
  await o.clock.advance(10_000);
  expect(tasksOf(o, "web").length).toBe(1);
  await o.agents.kill("n1");
  await o.clock.advance(10_000);
  expect(replicas(o, "web")).toEqual(["1 n2 COMPLETE"]);
  await ended(o);
});

test("R-207 what ran on a node that is removed by force runs elsewhere at once, also with condition none", async () => {
  const o = await halfLabelled();
  await o.writer.update((tx) => putService(tx, aService({ id: "web", replicas: 4, restart: "NONE" })));
  await o.clock.advance(1_000);
  await orphan(o, "n1");
  await o.clock.advance(100);
  expect(replicas(o, "web").map((line) => line.replace(/n./, "n"))).toEqual([1, 2, 3, 4].map((n) => `${n} n RUNNING`));
  await ended(o);
});

test("R-209 a clock that is set back before a drain makes no second replacement", async () => {
  const o = await halfLabelled();
  const options = {
    replicas: 1,
    constraints: ["node.hostname==n1"],
    spec: { update: { order: UpdateOrder.START_FIRST } },
  };
  await o.writer.update((tx) => putService(tx, aService({ id: "web", ...options })));
  await o.clock.advance(60_000);
  o.clock.jumpWall(-120_000);
  await setAvailability(o, "n1", NodeAvailability.DRAIN, 10 * 60_000);
  for (let step = 0; step < 5; step++) {
    await o.clock.advance(60_000);
    await o.failOver();
  }
  expect(tasksOf(o, "web").length).toBe(2);
  await ended(o);
});

const names = ["replicated", "startfirst", "global", "job", "globaljob"] as const;
type Name = (typeof names)[number];

async function disturb(o: Orchestration, random: SeededRandom): Promise<void> {
  const name = random.pick(names) ?? "global";
  const node = random.pick([...o.store.table("node").all()])?.id ?? "";
  const [service] = [...o.store.table("service").all()].filter((each) => each.name === name);
  const id = service?.id ?? `${name}-${o.clock.now()}`;
  const draw = random.next();
  if (service === undefined) {
    await o.writer.update((tx) => putService(tx, aService({ id, name, ...draft(name, random) })));
  } else if (draw < 0.3) {
    await o.writer.update((tx) => putRevision(tx, id, aServiceSpec({ name, ...draft(name, random) })));
  } else if (draw < 0.33) {
    await o.writer.update((tx) => tx.delete("service", id));
  } else if (draw < 0.36) {
    // An update that changes nothing.
    await o.writer.update((tx) => putRevision(tx, id, specOf(tx, service)));
  } else if (draw < 0.5) {
    await setAvailability(o, node, random.int(3) as NodeAvailability, random.int(20_000));
  } else if (draw < 0.56) {
    await o.agents.kill(node);
  } else if (draw < 0.6) {
    await o.agents.cut(node);
  } else if (draw < 0.66) {
    await (random.chance(0.5) ? o.agents.revive(node) : o.agents.mend(node));
  } else if (draw < 0.74) {
    await setLabel(o, node, random.chance(0.6) ? "ssd" : "hdd");
  } else if (draw < 0.8) {
    await remove(o, node);
  } else if (draw < 0.86) {
    await o.writer.update((tx) => tx.put("node", aNode({ id: `n-${o.clock.now()}`, labels: { disk: "ssd" } })));
  } else if (draw < 0.96) {
    const running = random.pick([...o.agents.running.keys()]);
    if (running) await o.agents.end(running, random.chance(0.3) ? "COMPLETE" : "FAILED");
  } else {
    await o.failOver();
  }
}

function draft(id: Name, random: SeededRandom): Parameters<typeof aServiceSpec>[0] {
  const spec = {
    mode: modeOf(id, random),
    update: {
      order:
        id === "startfirst" || (id === "global" && random.chance(0.5))
          ? UpdateOrder.START_FIRST
          : UpdateOrder.STOP_FIRST,
      parallelism: random.int(3),
      delay: { seconds: random.int(2), nanos: 0 },
      monitor: { seconds: 1, nanos: 0 },
      failureAction: random.int(3) as 0 | 1 | 2,
    },
  };
  return {
    image: `image:${random.int(4)}`,
    restart: random.pick(["ANY", "ON_FAILURE", "NONE"] as const) ?? "ANY",
    restartDelayMs: random.int(3_000),
    maxAttempts: random.chance(0.3) ? 1 + random.int(3) : 0,
    constraints: random.chance(0.3) ? ["node.labels.disk==ssd"] : [],
    maxReplicas: random.chance(0.2) ? 2 : 0,
    spec: spec as never,
  };
}

function modeOf(id: Name, random: SeededRandom): ServiceSpec["mode"] {
  if (id === "global") return { $case: "global", value: {} };
  if (id === "globaljob") return { $case: "globalJob", value: {} };
  if (id !== "job") return { $case: "replicated", value: { replicas: random.int(7) } };
  return { $case: "replicatedJob", value: { totalCompletions: random.int(7), maxConcurrent: 1 + random.int(3) } };
}

async function setAvailability(
  o: Orchestration,
  id: string,
  availability: NodeAvailability,
  drainTimeoutMs: number,
): Promise<void> {
  await o.writer.update((tx) => {
    const node = tx.table("node").get(id);
    if (node?.spec === undefined) return;
    const { drainingSince: since, ...rest } = node;
    const drains = availability === NodeAvailability.DRAIN;
    tx.put("node", {
      ...rest,
      spec: { ...node.spec, availability, drainTimeout: wallTime(drainTimeoutMs) },
      ...(drains && { drainingSince: since ?? wallTime(o.clock.now()) }),
    });
  });
}

async function setLabel(o: Orchestration, id: string, disk: string): Promise<void> {
  await o.writer.update((tx) => {
    const node = tx.table("node").get(id);
    if (node?.spec === undefined) return;
    tx.put("node", { ...node, spec: { ...node.spec, annotations: { name: "", labels: { disk } } } });
  });
}

/** `node rm`, also of a node that is up. */
async function remove(o: Orchestration, id: string): Promise<void> {
  if (o.clock.now() % 2 === 0) await o.agents.kill(id);
  await orphan(o, id);
}

/** `node rm --force`, as control does it. */
async function orphan(o: Orchestration, id: string): Promise<void> {
  await o.writer.update((tx) => {
    const now = wallTime(o.clock.now());
    for (const task of [...tx.table("task").by("node", id)].filter(isOnNode)) {
      const blank = { message: "", err: "", container: undefined, ports: [] };
      tx.setStatus(task.id, { ...blank, state: TaskState.ORPHANED, timestamp: now, appliedAt: now });
    }
    tx.delete("node", id);
  });
}

/** What a user sees, a line a row. */
function rowsOf(o: Orchestration): readonly string[] {
  const services = [...o.store.table("service").all()].map(
    ({ name, revision, updateStatus }) =>
      `${name} r${revision} ${updateStatus?.state ?? "-"} ${updateStatus?.message ?? ""}`,
  );
  const nodes = [...o.store.table("node").all()].map(
    ({ id, status, spec }) =>
      `${id} state ${status?.state} availability ${spec?.availability} ${spec?.annotations?.labels["disk"]}`,
  );
  const tasks = [...o.store.table("task").all()]
    .filter((task) => !isTerminal(stateOf(task)))
    .map((task) =>
      [
        `${task.serviceId}.${task.slot} r${task.revision} on ${task.nodeId || "-"} ${stateName(stateOf(task))}`,
        `wanted ${stateName(task.desiredState)} ${task.id}`,
      ].join(" "),
    );
  return [...services, ...nodes, ...tasks].sort();
}
