// Real processes under faults, for as long as you like; see docs/testing.md.
//   npm run chaos -- [--minutes 5] [--seed N]

import { parseArgs } from "node:util";
import { runChaos } from "../test/e2e/support/chaos/chaos.js";
import { realHosts } from "../test/e2e/support/index.js";

const { values: flags } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, seed: { type: "string" } },
});
const found = realHosts();
if (!found.ok) {
  console.error(`no real hosts: ${found.why}`);
  process.exit(2);
}
const seed = Number(flags.seed ?? Date.now() % 2 ** 31);
const from = performance.now();
console.log(`seed ${seed}`);
const report = await runChaos({
  seed,
  forMs: Number(flags.minutes) * 60_000,
  say: (line) => console.log(`${((performance.now() - from) / 1_000).toFixed(0).padStart(5)} s  ${line}`),
});
console.log(JSON.stringify(report, null, 2));
