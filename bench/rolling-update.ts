// A rolling update of 25 tasks at parallelism 5, by Docker's own swarm mode and by Skep on the same hosts in one run, in
// turn; and how few tasks ran meanwhile, by the states and times in the store.
//   npm run bench:update -- [--rounds 3] [--workers 4] [--sides docker,skep] [--replicas 25] [--parallelism 5]
// Exits 1 when a bar is missed. Meant for a quiet machine.

import { parseArgs } from "node:util";
import { type Hosts, realHosts, startHosts } from "../test/e2e/support/index.js";
import { BenchCluster, type UpdateConfig } from "./support/cluster.js";
import { type Bars, type Measured, missed, note, table } from "./support/report.js";
import { docker, type Side, skep } from "./support/side.js";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "4" },
    sides: { type: "string", default: "docker,skep" },
    replicas: { type: "string", default: "25" },
    parallelism: { type: "string", default: "5" },
  },
});
const replicas = Number(flags.replicas);
const parallelism = Number(flags.parallelism);
const sides = flags.sides
  .split(",")
  .map((name) => [docker, skep].find((side) => side.name === name) ?? fail(`no side ${name}`));

const bars: Bars = { "stop-first": { atMost: 0.6 } };
/** By order: the fewest tasks that may run at any time. */
const floors: Readonly<Record<UpdateConfig["Order"], number>> = {
  "stop-first": replicas - parallelism,
  "start-first": replicas,
};

const found = realHosts();
if (!found.ok) fail(`no real hosts: ${found.why}`);
const measured: Measured = new Map();
const broken: string[] = [];
{
  await using hosts = await startHosts(1 + Number(flags.workers));
  for (let round = 1; round <= Number(flags.rounds); round += 1) {
    for (const side of sides) await measure(side, hosts, round);
  }
}
const names = sides.map(({ name }) => name);
console.log(
  `\n1 manager, ${flags.workers} workers, ${flags.rounds} rounds, ${replicas} tasks, parallelism ${parallelism}\n`,
);
console.log(table(measured, names, bars));
const notMet = [...missed(measured, names, bars), ...broken];
if (notMet.length > 0) console.log(`\nmissed: ${notMet.join(", ")}`);
process.exitCode = notMet.length > 0 ? 1 : 0;

async function measure(side: Side, { all }: Hosts, round: number): Promise<void> {
  const cluster = new BenchCluster(side, all);
  try {
    await cluster.form(1);
    const { id } = await cluster.create("bench-roll", replicas);
    for (const order of ["stop-first", "start-first"] as const) {
      const config = { Parallelism: parallelism, Order: order };
      const { tookMs, completeMs, leastRunning } = await cluster.update(id, replicas, config);
      note(measured, order, side.name, tookMs);
      note(measured, `${order}, complete`, side.name, completeMs);
      const shown = `${tookMs.toFixed(0)} ms, complete after ${completeMs.toFixed(0)} ms, never fewer than ${leastRunning}`;
      console.log(`round ${round}  ${side.name.padEnd(7)} ${order.padEnd(12)} ${shown}`);
      const isPromised = side === skep && leastRunning < floors[order];
      if (isPromised) broken.push(`${order}: only ${leastRunning} ran, ${floors[order]} are promised`);
    }
  } finally {
    await cluster.clear();
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
