// How long a swarm is without a leader when the leader's process dies: on virtual time, with what disks and links take drawn.
// The budget is for real processes (docs/raft.md); here it is shown that no wait of the protocol's own is in it.

import { expect, test } from "vitest";
import { SeededRandom } from "../../src/sim/index.js";
import { aSwarm } from "../support/raft_swarm.js";

const failoversEach = 8;

interface Machine {
  readonly syncMsMax: number;
  readonly linkMsMax: number;
  /** Between the two survivors noticing the broken connection. */
  readonly noticedMsMax: number;
}

/** From the death of the leader until its successor has had a write acknowledged. */
async function failoverMs(seed: number, { syncMsMax, linkMsMax, noticedMsMax }: Machine): Promise<number> {
  const random = new SeededRandom(seed);
  const swarm = aSwarm({ delayMs: () => 0.1 + random.next() * linkMsMax });
  await swarm.start(3);
  await swarm.clock.advance(random.int(300));
  for (const id of [2, 3]) swarm.diskOf(id).delayMs.sync = random.next() * syncMsMax;
  const diedAt = swarm.clock.monotonic();
  swarm.down.add(1);
  for (const id of [2, 3]) {
    swarm.clock.after(random.next() * noticedMsMax, () => swarm.get(id).connectionBroken(1));
  }
  const leading = (): number | undefined => [2, 3].find((id) => swarm.get(id).leadingTerm() !== undefined);
  await swarm.clock.runUntil(() => leading() !== undefined, 5000, "a successor");
  await swarm.write(leading() ?? 0, ["after"]);
  return swarm.clock.monotonic() - diedAt;
}

async function failovers(machine: Machine): Promise<{ readonly median: number; readonly worst: number }> {
  const all: number[] = [];
  for (let seed = 1; seed <= failoversEach; seed++) all.push(await failoverMs(seed, machine));
  const sorted = all.sort((a, b) => a - b);
  return { median: sorted[failoversEach / 2] ?? 0, worst: sorted.at(-1) ?? 0 };
}

test.each([
  ["quick disks and links", { syncMsMax: 0.5, linkMsMax: 0.3, noticedMsMax: 3 }, 10],
  ["syncs of up to 10 ms", { syncMsMax: 10, linkMsMax: 1, noticedMsMax: 10 }, 70],
] as const)("%s: nobody waits for a tick in any of eight failovers", async (_case, machine, worstMs) => {
  const { median, worst } = await failovers(machine);
  expect(worst).toBeLessThan(worstMs);
  expect(median).toBeLessThan(worstMs / 2);
});
