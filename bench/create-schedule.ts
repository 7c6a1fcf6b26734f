// Create and schedule through Raft: three managers in three processes, their logs on this disk, mutual TLS between them. Tasks
// are created PENDING, so many services at once, on a cluster of 1,000 nodes; the clock stops when the last is ASSIGNED in the
// leader's store. SwarmKit's own bench of the same: 4,890 tasks a second on this machine.
//   npm run bench:schedule -- [--services 10] [--tasks 1000 of each] [--nodes 1000] [--rounds 7] [--cpu-prof FOLDER]
// The first round warms up and does not count. Exits 1 below 15,000 tasks a second (median).

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { NodeRole } from "../src/gen/skep/v1/specs.js";
import { testSwarm } from "../test/support/pki.js";
import { median } from "./support/cluster.js";
import { useOf } from "./support/process-use.js";
import {
  runSchedulingProcess,
  type SchedulingProcess,
  schedulingProcess,
  schedulingRole,
} from "./support/scheduling-process.js";

const { values: flags } = parseArgs({
  args: process.argv[2] === schedulingRole ? [] : process.argv.slice(2),
  options: {
    services: { type: "string", default: "10" },
    tasks: { type: "string", default: "1000" },
    nodes: { type: "string", default: "1000" },
    rounds: { type: "string", default: "7" },
    "cpu-prof": { type: "string" },
  },
});
const work = { nodes: Number(flags.nodes), services: Number(flags.services), tasksOfEach: Number(flags.tasks) };
const nodeFlags = flags["cpu-prof"] === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", flags["cpu-prof"]];
const tasksPerSecondMin = 15_000;

if (process.argv[2] === schedulingRole) runSchedulingProcess();
else await main();

async function main(): Promise<void> {
  const root = fs.mkdtempSync(path.join(process.env["SKEP_BENCH_DIR"] ?? os.tmpdir(), "skep-schedule-"));
  const members: SchedulingProcess[] = [];
  try {
    for (let id = 1; id <= 3; id += 1) members.push(schedulingProcess(nodeFlags));
    const [leader] = members;
    if (leader === undefined) throw new Error("there are three");
    await form(root, members, leader);
    await leader.ask("prepare", work.nodes);
    await measure(members, leader);
    for (const member of members.toReversed()) await member.ask("stop");
  } finally {
    for (const member of members) await member.end();
    fs.rmSync(root, { recursive: true, force: true });
  }
}

async function form(root: string, members: readonly SchedulingProcess[], leader: SchedulingProcess): Promise<void> {
  const swarm = await testSwarm();
  const addrs: [number, string][] = [];
  for (const [at, member] of members.entries()) {
    const id = at + 1;
    const credentials = await swarm.node(`manager-${id}`, { role: NodeRole.MANAGER });
    addrs.push([id, await member.ask("start", { id, credentials, path: path.join(root, String(id)) })]);
  }
  for (const member of members) await member.ask("meet", addrs);
  for (const id of [2, 3]) await leader.ask("add", id);
}

async function measure(members: readonly SchedulingProcess[], leader: SchedulingProcess): Promise<void> {
  const total = work.services * work.tasksOfEach;
  await leader.ask("createAndSchedule", work);
  const rates: number[] = [];
  const before = members.map(({ pid }) => useOf(pid).cpuSeconds);
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    rates.push(total / (await leader.ask("createAndSchedule", work)));
  }
  const after = members.map(({ pid }) => useOf(pid));
  const micros = after.map(({ cpuSeconds }, at) => ((cpuSeconds - (before[at] ?? 0)) * 1e6) / (total * rates.length));
  const rate = median(rates);
  console.log(
    `${work.services} × ${work.tasksOfEach} tasks on ${work.nodes} nodes: ${rate.toFixed(0)} tasks/s (${rates.map((each) => each.toFixed(0)).join(", ")}), load of the machine ${os.loadavg()[0]}`,
  );
  console.log(`µs of processor a task, leader and followers: ${micros.map((each) => each.toFixed(1)).join(", ")}`);
  console.log(`peak memory in MiB: ${after.map(({ peakMiB }) => peakMiB.toFixed(0)).join(", ")}`);
  if (rate < tasksPerSecondMin) process.exitCode = 1;
}
