// Wall clocks that jump, leaders that change, containers that take long to stop: whatever the clocks say, a stop-first slot runs
// one container at a time.

import { describe, expect, test } from "vitest";
import { NodeAvailability, UpdateOrder } from "../../src/gen/skep/v1/specs.js";
import { SeededRandom } from "../../src/sim/index.js";
import { aCluster, aNode, aService, aServiceSpec, putRevision, putService } from "../support/memory.js";
import { type Orchestration, orchestration } from "../support/orchestration.js";

const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);
const nodesTotal = 4;
const stepsTotal = 60;
/** A stop that is asked for twice begins anew here: twice this is shorter than a replacement waits. */
const stopMaxMs = 30_000;
const minute = 60_000;

describe("a storm over wall clocks and leaders", () => {
  test.each(seeds)("R-308 never runs more in a slot than its order allows: seed %i", async (seed) => {
    const random = new SeededRandom(seed);
    const o = orchestration();
    o.agents.fateOf = (task) => {
      const own = random.fork(task.id);
      const ends = own.chance(0.2) && { afterMs: own.int(20_000), as: "FAILED" as const };
      return { prepareMs: own.int(400), startMs: own.int(200), stopMs: own.int(stopMaxMs), ...(ends && { ends }) };
    };
    await o.writer.update((tx) => {
      tx.put("cluster", aCluster());
      for (let n = 1; n <= nodesTotal; n++) tx.put("node", aNode({ id: `n${n}` }));
      for (const id of names) putService(tx, aService({ id, name: id, ...draft(id, random) }));
    });
    for (let step = 0; step < stepsTotal; step++) {
      await disturb(o, random);
      await o.clock.advance(random.int(10_000));
      expect(tooMany(o)).toEqual([]);
    }
    await o.end();
    expect(o.failures).toEqual([]);
  });
});

const names = ["web", "global", "first"] as const;

async function disturb(o: Orchestration, random: SeededRandom): Promise<void> {
  const id = random.pick(names) ?? "web";
  const draw = random.next();
  if (draw < 0.3) o.clock.jumpWall(random.int(20 * minute) - 10 * minute);
  else if (draw < 0.55) await o.failOver();
  else if (draw < 0.8)
    await o.writer.update((tx) => putRevision(tx, id, aServiceSpec({ name: id, ...draft(id, random) })));
  else if (draw < 0.9) await setAvailability(o, `n${1 + random.int(nodesTotal)}`, random.chance(0.5));
  else await restart(o, `n${1 + random.int(nodesTotal)}`);
}

/** The host dies with its containers and is back at once. */
async function restart(o: Orchestration, nodeId: string): Promise<void> {
  await o.agents.kill(nodeId);
  await o.agents.revive(nodeId);
}

async function setAvailability(o: Orchestration, nodeId: string, drains: boolean): Promise<void> {
  const availability = drains ? NodeAvailability.DRAIN : NodeAvailability.ACTIVE;
  await o.writer.update((tx) => {
    const node = tx.table("node").get(nodeId);
    if (node?.spec) tx.put("node", { ...node, spec: { ...node.spec, availability } });
  });
}

function draft(id: string, random: SeededRandom): Parameters<typeof aServiceSpec>[0] {
  const update = {
    order: id === "first" ? UpdateOrder.START_FIRST : UpdateOrder.STOP_FIRST,
    parallelism: random.int(3),
    monitor: { seconds: 1, nanos: 0 },
    failureAction: random.int(3),
  };
  const mode = { $case: "replicated", value: { replicas: 1 + random.int(4) } };
  return {
    image: `image:${random.int(5)}`,
    restartDelayMs: random.int(3) * 5_000,
    spec: {
      mode: id === "global" ? { $case: "global", value: {} } : mode,
      update,
      rollback: { order: update.order },
    } as never,
  };
}

/** The slots that ever ran more containers at once than their order allows. */
function tooMany(o: Orchestration): readonly string[] {
  return [...o.agents.most].filter(([slot, most]) => most > (slot.startsWith("first/") ? 2 : 1)).map(([slot]) => slot);
}
