// Docker's own swarm mode and Skep on the same hosts in one run, round by round in turn, as ratios.
//   npm run bench -- [--rounds 3] [--managers 1] [--workers 4] [--sides docker,skep] [--replicas 1,10,50,100] [--json FILE]
// Exits 1 when a bar is missed. Meant for a quiet machine: both sides suffer from noise, but not at the same moment.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Hosts, realHosts, startHosts } from "../test/e2e/support/index.js";
import { BenchCluster } from "./support/cluster.js";
import { type Measured, missed, note, table } from "./support/report.js";
import { docker, type Side, skep } from "./support/side.js";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    managers: { type: "string", default: "1" },
    workers: { type: "string", default: "4" },
    sides: { type: "string", default: "docker,skep" },
    replicas: { type: "string", default: "1,10,50,100" },
    json: { type: "string" },
  },
});
const managers = Number(flags.managers);
const sizes = flags.replicas.split(",").map(Number);
const sides = flags.sides
  .split(",")
  .map((name) => [docker, skep].find((side) => side.name === name) ?? fail(`no side ${name}`));

const LIST_CLIENTS = 8;
const LIST_MS = 3_000;
/** Services that a list shows. */
const LISTED = 20;
/** Replicas of the service that loses a worker: two on each of five hosts. */
const LOSS_REPLICAS = 10;

const found = realHosts();
if (!found.ok) fail(`no real hosts: ${found.why}`);
const measured: Measured = new Map();
await using hosts = await startHosts(managers + Number(flags.workers));
for (let round = 1; round <= Number(flags.rounds); round += 1) {
  for (const side of sides) await measure(side, hosts, round);
}
const names = sides.map(({ name }) => name);
console.log(`\n${managers} managers, ${flags.workers} workers, ${flags.rounds} rounds\n\n${table(measured, names)}`);
if (flags.json !== undefined) {
  writeFileSync(
    flags.json,
    JSON.stringify(
      [...measured].map(([name, values]) => [name, Object.fromEntries(values)]),
      null,
      2,
    ),
  );
}
const notMet = missed(measured, names);
if (notMet.length > 0) console.log(`\nmissed: ${notMet.join(", ")}`);
process.exitCode = notMet.length > 0 ? 1 : 0;

async function measure(side: Side, { all }: Hosts, round: number): Promise<void> {
  const cluster = new BenchCluster(side, all);
  const tell = (name: string, value: number): void => {
    note(measured, name, side.name, value);
    console.log(
      `round ${round}  ${side.name.padEnd(7)} ${name.padEnd(12)} ${value.toFixed(0)}${name.endsWith("/s") ? "" : " ms"}`,
    );
  };
  try {
    const { initMs, joinMs } = await cluster.form(managers);
    tell("init", initMs);
    tell("join", joinMs);
    const warm = await cluster.create("bench-warm", 2 * all.length);
    await cluster.remove(warm.id, 2 * all.length);
    for (const replicas of sizes.flatMap((size) => (size === 1 ? [1, 1, 1] : [size]))) {
      const { id, tookMs } = await cluster.create(`bench-${replicas}`, replicas);
      tell(`create ${replicas}`, tookMs);
      tell(`remove ${replicas}`, await cluster.remove(id, replicas));
    }
    const { id } = await cluster.create("bench-loss", LOSS_REPLICAS);
    tell("worker loss", await cluster.loseWorker(id, LOSS_REPLICAS));
    await cluster.remove(id, LOSS_REPLICAS);
    for (let index = 0; index < LISTED; index += 1) await cluster.create(`bench-list-${index}`, 0);
    tell("lists/s", await cluster.listsPerSecond(LIST_CLIENTS, LIST_MS));
  } finally {
    await cluster.clear();
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
