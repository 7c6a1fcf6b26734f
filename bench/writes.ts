// Spec updates a second through the whole path: a client updates its service and reads it back, then again. Three managers
// of Docker's own swarm mode and three of Skep on the same disk, asked in turn, at the leader and at a follower.
//   npm run bench:writes -- [--seconds 3] [--rounds 5] [--managers 3] [--clients 1,16,64] [--sides docker,skep] [--json FILE]
// Both swarms are up all the time and one is asked; each case is warmed up and then measured in rounds, side by side.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Kind, type ManagerHost, type Managers, startManagers } from "../test/e2e/support/managers.js";
import { type Bars, type Measured, missed, note, table } from "./support/report.js";
import { ServiceClient } from "./support/service-client.js";
import { syncMs } from "./support/sync-time.js";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    managers: { type: "string", default: "3" },
    clients: { type: "string", default: "1,16,64" },
    doors: { type: "string", default: "leader,follower" },
    sides: { type: "string", default: "docker,skep" },
    json: { type: "string" },
  },
});
const WARM_UP_MS = 5_000;
/** Of the warm-up: one client alone would leave most of the code cold for half a minute. */
const WARM_UP_CLIENTS = 16;
const seconds = Number(flags.seconds);
const rounds = Number(flags.rounds);
const sides = flags.sides.split(",") as readonly Kind[];
const bars: Bars = {
  "1 client, leader /s": { atLeast: 2 },
  "1 client, follower /s": { atLeast: 2 },
  "16 clients, leader /s": { atLeast: 5 },
  "16 clients, follower /s": { atLeast: 5 },
};

const measured: Measured = new Map();
const swarms: (readonly [Kind, Managers])[] = [];
try {
  await main();
} finally {
  for (const [, managers] of swarms) await managers[Symbol.asyncDispose]();
}

async function main(): Promise<void> {
  for (const kind of sides) {
    const managers = await startManagers(kind, Number(flags.managers));
    swarms.push([kind, managers]);
    await managers.form();
    console.log(`${kind}: ${flags.managers} managers are up`);
  }
  const disk = syncMs(swarms[0]?.[1].all[0]?.folder ?? ".");
  console.log(`client: Node ${process.version}, a keep-alive connection to the unix socket for each, nothing shared`);
  console.log(`disk: write + fdatasync ${disk.toFixed(3)} ms (median of 1,000)\n`);
  for (const clients of flags.clients.split(",").map(Number)) {
    for (const door of flags.doors.split(",")) await measure(clients, door);
  }
  console.log(
    `\nupdates with their read back a second, medians of ${rounds} rounds of ${seconds} s\n\n${table(measured, sides, bars)}`,
  );
  if (flags.json !== undefined) {
    const plain = [...measured].map(([name, values]) => [name, Object.fromEntries(values)]);
    writeFileSync(flags.json, JSON.stringify({ diskSyncMs: disk, measured: plain }, null, 2));
  }
  const notMet = missed(measured, sides, bars);
  if (notMet.length > 0) console.log(`\nmissed: ${notMet.join(", ")}`);
  process.exitCode = notMet.length > 0 ? 1 : 0;
}

/** All sides in turn, round by round; each has its own clients, which stay connected for the whole case. */
async function measure(count: number, door: string): Promise<void> {
  const name = `${count} ${count === 1 ? "client" : "clients"}, ${door} /s`;
  const parties: { readonly kind: Kind; readonly clients: readonly ServiceClient[] }[] = [];
  for (const [kind, managers] of swarms) {
    const { http } = await doorOf(managers, door);
    const ids = Array.from({ length: Math.max(count, WARM_UP_CLIENTS) }, (_, at) => `bench-${at}`);
    const clients = await Promise.all(ids.map((service) => ServiceClient.open(http, service)));
    await cyclesPerSecond(clients, WARM_UP_MS);
    for (const client of clients.splice(count)) client.close();
    parties.push({ kind, clients });
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const { kind, clients } of parties) {
      const rate = await cyclesPerSecond(clients, seconds * 1_000);
      note(measured, name, kind, rate);
      console.log(`round ${round}  ${kind.padEnd(7)} ${name.padEnd(26)} ${rate.toFixed(0)}`);
    }
  }
  for (const { clients } of parties) for (const client of clients) client.close();
}

async function doorOf(managers: Managers, door: string): Promise<ManagerHost> {
  const leader = await managers.untilHealthy();
  const host = door === "leader" ? leader : managers.all.find((each) => each !== leader);
  if (host === undefined) throw new Error(`no ${door}`);
  return host;
}

async function cyclesPerSecond(clients: readonly ServiceClient[], forMs: number): Promise<number> {
  const from = performance.now();
  let cycles = 0;
  const run = async (client: ServiceClient): Promise<void> => {
    while (performance.now() - from < forMs) {
      await client.updateAndReadBack();
      if (performance.now() - from < forMs) cycles += 1;
    }
  };
  await Promise.all(clients.map(run));
  return (cycles * 1_000) / forMs;
}
