import { expect, test } from "vitest";
import { runChaos } from "./support/chaos/chaos.js";
import { onRealHosts } from "./support/on-real-hosts.js";

/** Of faults; making the swarm, healing the last fault and checking come on top. */
const FAULTS_MS = Number(process.env["SKEP_CHAOS_MS"] ?? 300_000);
const seed = Number(process.env["SKEP_CHAOS_SEED"] ?? Date.now() % 2 ** 31);

onRealHosts("five managers under faults, written to all the time", () => {
  test(`seed ${seed}: every answer fits into one order, and all hold the same in the end`, async () => {
    const report = await runChaos({ seed, forMs: FAULTS_MS, say: (line) => console.log(line) });
    console.log(`seed ${seed}: ${JSON.stringify(report)}`);
    expect(report.operations).toBeGreaterThan(1_000);
  }, 600_000);
});
