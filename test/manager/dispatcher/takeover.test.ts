// A dispatcher that begins looks at its nodes in turns, and agents do not wait for that: whoever has come by then, or has come and
// gone, is known already; whoever never comes is given up.

import { expect, test } from "vitest";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";
import { aCluster, aNode, memoryStore } from "../../support/memory.js";
import { ManualTurns } from "../../support/turns.js";
import { aLeader, FakeAgent } from "./support.js";

const nodeIds = Array.from({ length: 12 }, (_, at) => `n${at}`);
const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);
/** Longer than any grace, also one that is given anew whenever a node comes. */
const settledMs = 120_000;

test.each(seeds)("whoever comes, goes or is removed meanwhile: seed %i", async (seed) => {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const turns = new ManualTurns(clock);
  const m = memoryStore(clock, seed, { turnSteps: 1 + random.int(2), nextTurn: turns.nextTurn });
  const written: Promise<unknown>[] = [
    m.writer.update((tx) => {
      tx.put("cluster", aCluster());
      for (const id of nodeIds) tx.put("node", aNode({ id, state: "READY" }));
    }),
  ];
  await turns.all();
  const leader = aLeader(m);
  const expected = new Map(nodeIds.map((id) => [id, "DOWN: heartbeat failure"]));
  const agents = new Map<string, FakeAgent>();
  await clock.settle();
  expect(turns.isDue).toBe(true);
  while (turns.isDue) {
    const id = random.pick(nodeIds) ?? "n0";
    const draw = random.next();
    if (draw < 0.3 && expected.has(id) && !agents.has(id)) {
      agents.set(id, new FakeAgent(leader, id).keepBeating());
      expected.set(id, "READY");
    } else if (draw < 0.4 && agents.has(id)) {
      agents.get(id)?.cut();
      if (expected.has(id)) expected.set(id, "DOWN: heartbeat failure");
    } else if (draw < 0.45 && expected.delete(id)) {
      written.push(m.writer.update((tx) => tx.delete("node", id)));
    }
    await clock.settle();
    await turns.one();
  }
  await Promise.all(written);
  await turns.advance(settledMs);
  const said = [...expected.keys()].map((id) => [id, leader.statusOf(id)]);
  expect(said).toEqual([...expected]);
  expect(leader.failure).toBeUndefined();
  await leader.stop();
});
