// Random days in the life of a cluster: services created, scaled, updated, removed while hosts die and come back, drain,
// containers fail and leaders change. What must always hold is checked all the way; at the end all must have settled.

import { describe, expect, test } from "vitest";
import { NodeState, UpdateState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, UpdateOrder } from "../../src/gen/skep/v1/specs.js";
import { isOnNode, isWanted, replicasOf, stateOf, updateOf } from "../../src/model/index.js";
import { SeededRandom } from "../../src/sim/index.js";
import { specOf } from "../../src/store/index.js";
import { aCluster, aNode, aService, aServiceSpec, putRevision, putService, stateName } from "../support/memory.js";
import { type Orchestration, orchestration, tasksOf } from "../support/orchestration.js";

const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);
const nodesTotal = 5;
const stepsTotal = 60;

describe("a storm over services and hosts", () => {
  test.each(seeds)("settles, and no stop-first slot ever ran twice: seed %i", async (seed) => {
    const random = new SeededRandom(seed);
    const o = orchestration();
    o.agents.fateOf = (task) => {
      const own = random.fork(task.id);
      return {
        prepareMs: own.int(400),
        startMs: own.int(200),
        stopMs: own.int(3_000),
        ...(task.revision % 4 === 3 && own.chance(0.5)
          ? { ends: { afterMs: own.int(4_000), as: "FAILED" as const } }
          : {}),
      };
    };
    await o.writer.update((tx) => {
      tx.put("cluster", aCluster());
      for (let n = 1; n <= nodesTotal; n++) tx.put("node", aNode({ id: `n${n}` }));
    });
    for (let step = 0; step < stepsTotal; step++) {
      await disturb(o, random);
      await o.clock.advance(random.int(2_500));
      checkAlways(o);
    }
    await heal(o);
    await o.clock.advance(20 * 60_000);
    checkSettled(o);
    await o.end();
    expect(o.failures).toEqual([]);
  });
});

const names = ["a", "b", "c"] as const;

async function disturb(o: Orchestration, random: SeededRandom): Promise<void> {
  const id = random.pick(names) ?? "a";
  const node = `n${1 + random.int(nodesTotal)}`;
  const service = o.store.table("service").get(id);
  const draw = random.next();
  if (service === undefined) {
    await o.writer.update((tx) => putService(tx, aService({ id, name: id, ...draft(id, random) })));
  } else if (draw < 0.25) {
    await o.writer.update((tx) =>
      putRevision(tx, id, {
        ...specOf(tx, service),
        mode: { $case: "replicated", value: { replicas: random.int(9) } },
      }),
    );
  } else if (draw < 0.45) {
    await o.writer.update((tx) => putRevision(tx, id, aServiceSpec({ name: id, ...draft(id, random) })));
  } else if (draw < 0.5) {
    await o.writer.update((tx) => tx.delete("service", id));
  } else if (draw < 0.6) {
    await setNode(o, node, NodeState.READY, random.chance(0.5) ? NodeAvailability.DRAIN : NodeAvailability.ACTIVE);
  } else if (draw < 0.66) {
    await o.agents.kill(node);
  } else if (draw < 0.74) {
    await o.agents.revive(node);
  } else if (draw < 0.9) {
    const running = random.pick([...o.agents.running.keys()]);
    if (running) await o.agents.end(running, random.chance(0.2) ? "COMPLETE" : "FAILED");
  } else if (draw < 0.95) {
    await o.failOver();
  }
}

/** Services a and b update stop-first, c start-first: an order never changes, so that the check is simple. */
function draft(id: string, random: SeededRandom): Parameters<typeof aServiceSpec>[0] {
  return {
    replicas: random.int(7),
    image: `image:${random.int(5)}`,
    restartDelayMs: random.int(3_000),
    spec: {
      update: {
        order: id === "c" ? UpdateOrder.START_FIRST : UpdateOrder.STOP_FIRST,
        parallelism: random.int(3),
        delay: { seconds: random.int(2), nanos: 0 },
        monitor: { seconds: 1, nanos: 0 },
        failureAction: random.int(3) as 0 | 1 | 2,
      },
      rollback: { order: id === "c" ? UpdateOrder.START_FIRST : UpdateOrder.STOP_FIRST },
    },
  };
}

async function heal(o: Orchestration): Promise<void> {
  for (let n = 1; n <= nodesTotal; n++) {
    await o.agents.revive(`n${n}`);
    await setNode(o, `n${n}`, NodeState.READY, NodeAvailability.ACTIVE);
  }
  const fate = o.agents.fateOf;
  o.agents.fateOf = (task) => {
    const { ends: _, ...kind } = fate(task);
    return kind;
  };
  // A paused update ends only with another.
  for (const service of [...o.store.table("service").all()]) {
    await o.writer.update((tx) => putRevision(tx, service.id, { ...specOf(tx, service), labels: {} } as never));
  }
}

async function setNode(o: Orchestration, id: string, state: NodeState, availability: NodeAvailability): Promise<void> {
  await o.writer.update((tx) => {
    const node = tx.table("node").get(id);
    if (node?.spec && node.status?.state === state) tx.put("node", { ...node, spec: { ...node.spec, availability } });
  });
}

function checkAlways(o: Orchestration): void {
  for (const [slot, most] of o.agents.most)
    expect(`${slot}: ${most}`).toBe(`${slot}: ${slot.startsWith("c/") ? Math.min(most, 2) : 1}`);
  for (const task of o.store.table("task").all()) {
    if (!isOnNode(task)) continue;
    expect(o.store.table("node").get(task.nodeId)).toBeDefined();
  }
}

function checkSettled(o: Orchestration): void {
  for (const service of o.store.table("service").all()) {
    const spec = specOf(o.store, service);
    const wanted = tasksOf(o, service.id).filter(isWanted);
    const report = wanted.map((task) => `${task.slot} ${stateName(stateOf(task))} r${task.revision}`);
    expect(report.length, `${service.id} ${report.join(", ")}`).toBe(replicasOf(spec));
    expect(new Set(wanted.map((task) => task.slot)).size).toBe(wanted.length);
    for (const task of wanted) expect(`${task.id} ${stateName(stateOf(task))}`).toBe(`${task.id} RUNNING`);
    expect([undefined, UpdateState.COMPLETED, UpdateState.ROLLBACK_COMPLETED]).toContain(service.updateStatus?.state);
    expect(updateOf(spec, false).monitorMs).toBeGreaterThan(0);
  }
  const owned = new Set([...o.store.table("service").all()].map((service) => service.id));
  for (const task of o.store.table("task").all()) expect(owned.has(task.serviceId), task.id).toBe(true);
  for (const id of o.agents.running.keys()) {
    const task = o.store.table("task").get(id);
    expect(task !== undefined && isWanted(task), id).toBe(true);
  }
  for (const revision of o.store.table("revision").all()) expect(owned.has(revision.serviceId), revision.id).toBe(true);
}
