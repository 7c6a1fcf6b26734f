// Runs seeds of the Raft simulator: node scripts/run.mjs scripts/sim-raft.ts --seeds 1..1000 [--seconds 20]
// Prints each failing seed with what failed; exit code 1 when one did.

import process from "node:process";
import { runRaftSeed } from "../src/sim/raft/index.js";

const [first = 1, last = 100] = option("--seeds", "1..100").split("..").map(Number);
const endMs = Date.now() + Number(option("--seconds", "1000000")) * 1000;
const startedMs = Date.now();
const total = { seeds: 0, failed: 0, steps: 0, messages: 0, acknowledged: 0, reads: 0 };
for (let seed = first; seed <= last && Date.now() < endMs; seed++) {
  const run = await runRaftSeed(seed);
  total.seeds += 1;
  for (const key of ["steps", "messages", "acknowledged", "reads"] as const) total[key] += run[key];
  if (!run.failure) continue;
  total.failed += 1;
  console.log(`seed ${seed}: ${run.failure.message}\n  ${run.faults}`);
  if (process.argv.includes("--stack")) console.log(run.failure.stack, run.failure.cause ?? "");
}
const seconds = (Date.now() - startedMs) / 1000;
console.log(
  `raft simulation: seeds ${first}..${first + total.seeds - 1}, ${total.failed} failed, ${seconds.toFixed(1)} s ` +
    `(${(total.seeds / seconds).toFixed(1)} seeds/s); ${total.steps} steps, ${total.messages} messages, ` +
    `${total.acknowledged} writes acknowledged, ${total.reads} reads`,
);
process.exitCode = total.failed > 0 || total.acknowledged === 0 ? 1 : 0;

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise);
}
