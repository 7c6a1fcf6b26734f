// Seeds, for as long as the budget lasts: each a drawn swarm with a drawn user and drawn faults. A failing one is told and
// can be told again with `npm run sim -- cluster --seeds N`; it then becomes a test with a name.

import { describe, expect, test } from "vitest";
import { drawPlan, runPlan, Totals } from "../../src/sim/cluster/index.js";

const budgetMs = Number(process.env["SIM_CLUSTER_BUDGET_MS"] ?? 20_000);
const transcriptTail = 40;
/** Fewer seeds say nothing of what seeds hold. */
const judgedSeeds = 20;
/** What a seed holds at least, on average. */
const least = { faults: 4, requests: 4, revisions: 40, nodes: 3, managers: 1.5 } as const;

describe("seeds", () => {
  test("a seed gives the same run every time", async () => {
    const plan = drawPlan(7, 12);
    const [first, second] = [await runPlan(plan, true), await runPlan(plan, true)];
    expect(first.failure).toBeUndefined();
    expect(second.transcript).toEqual(first.transcript);
  });

  test(`all is well for ${budgetMs / 1000} s`, { timeout: budgetMs + 120_000 }, async () => {
    const untilMs = Date.now() + budgetMs;
    const totals = new Totals();
    for (let seed = 1; Date.now() < untilMs; seed += 1) {
      const result = await runPlan(drawPlan(seed));
      totals.add(result);
      if (result.failure === undefined) continue;
      const { transcript } = await runPlan(drawPlan(seed), true);
      expect.fail(`seed ${seed}: ${result.failure}\n${transcript.slice(-transcriptTail).join("\n")}`);
    }
    process.stdout.write(`${totals.seeds} cluster seeds, none failed\n${totals.lines().join("\n")}\n`);
    if (totals.seeds < judgedSeeds) return;
    for (const [what, count] of Object.entries(least)) {
      expect([what, totals.of(what) / totals.seeds]).toEqual([what, expect.toSatisfy((each: number) => each >= count)]);
    }
  });
});
