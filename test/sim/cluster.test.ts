// Seeds, for as long as the budget lasts: each a drawn swarm with a drawn user and drawn faults. A failing one is told and
// can be told again with `npm run sim -- cluster --seeds N`; it then becomes a test with a name.

import { describe, expect, test } from "vitest";
import { runSeed } from "../../src/sim/cluster/index.js";

const budgetMs = Number(process.env["SIM_BUDGET_MS"] ?? 10_000);
const transcriptTail = 40;

describe("seeds", () => {
  test("a seed gives the same run every time", async () => {
    const [first, second] = [await runSeed({ seed: 7, steps: 15 }), await runSeed({ seed: 7, steps: 15 })];
    expect(first.failure).toBeUndefined();
    expect(second.transcript).toEqual(first.transcript);
  });

  test(`all is well for ${budgetMs / 1000} s`, { timeout: budgetMs + 60_000 }, async () => {
    const untilMs = Date.now() + budgetMs;
    let virtualMs = 0;
    let seed = 0;
    while (Date.now() < untilMs) {
      seed += 1;
      const result = await runSeed({ seed });
      virtualMs += result.virtualMs;
      if (result.failure === undefined) continue;
      expect.fail(`seed ${seed}: ${result.failure}\n${result.transcript.slice(-transcriptTail).join("\n")}`);
    }
    process.stdout.write(`${seed} seeds, ${(virtualMs / 60_000).toFixed(0)} virtual minutes, none failed\n`);
  });
});
