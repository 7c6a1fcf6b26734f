// What a light load of writes notices when its leader goes: killed, cut off without a word, stopped; and that a leader whose
// connections break stays. Three managers of Docker's own swarm mode, then three of Skep, as processes on hosts of their own.
//   npm run bench:failover -- [--rounds 30] [--docker-rounds 3] [--strokes kill,cut,stop,break] [--sides docker,skep] [--json FILE] [--logs FOLDER]
// Exits 1 when a bar is missed, an election was held for nothing or an acknowledged write is gone.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Kind, type ManagerHost, type Managers, startManagers } from "../test/e2e/support/managers.js";
import { WriteLoad } from "../test/e2e/support/write-load.js";
import { median } from "./support/cluster.js";
import { align } from "./support/report.js";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "30" },
    "docker-rounds": { type: "string", default: "3" },
    strokes: { type: "string", default: "kill,cut,stop,break" },
    sides: { type: "string", default: "docker,skep" },
    json: { type: "string" },
    /** Where the logs of the managers go. */
    logs: { type: "string" },
  },
});

type Stroke = "kill" | "cut" | "stop";

const MANAGERS = 3;
const LOAD = { perSecond: 20, registers: 32 };
/** A swarm that is not back after this has failed. */
const BACK_MS = 60_000;
/** Writes go on this long after the first that was accepted, so that a second pause is seen, too. */
const AFTER_MS = 500;
/** Before a stroke, so that it meets a swarm at rest. */
const CALM_MS = 500;
const BROKEN = 1_000;
/** Mean pause between two breaks; on the whole a connection lives some ten times as long. */
const BREAK_MS = 20;

/** What Skep must reach, in milliseconds. */
const bars: Readonly<Record<Stroke, { readonly median: number; readonly worst?: number }>> = {
  kill: { median: 50, worst: 300 },
  cut: { median: 2_500 },
  stop: { median: 50 },
};
const told: Readonly<Record<Stroke, string>> = {
  kill: "kill -9 → next write accepted",
  cut: "link silent → next write accepted",
  stop: "SIGTERM → longest time without an accepted write",
};

/** The end of the one that was signalled last. */
let ended: Promise<unknown> = Promise.resolve();
const times = new Map<string, number[]>();
const faults: string[] = [];
/** What is wrong with the other side; it does not fail the run. */
const said: string[] = [];
const sides = flags.sides.split(",") as readonly Kind[];
for (const kind of sides) await measure(kind);

const rows = (["kill", "cut", "stop"] as const).filter((stroke) => flags.strokes.includes(stroke)).map(row);
const head = ["", ...sides.flatMap((side) => [`${side} median`, "worst", "rounds"]), "ratio", "bar"];
console.log(`\n${align([head, ...rows])}`);
if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify({ times: [...times], faults, said }, null, 2));
for (const each of said) console.log(`note   ${each}`);
for (const fault of faults) console.log(`FAULT  ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function measure(kind: Kind): Promise<void> {
  await using managers = await startManagers(kind, MANAGERS);
  await managers.form();
  const load = await WriteLoad.start(managers.all, LOAD);
  const rounds = Number(kind === "docker" ? flags["docker-rounds"] : flags.rounds);
  for (const stroke of ["kill", "cut", "stop"] as const) {
    for (let at = 1; flags.strokes.includes(stroke) && at <= rounds; at += 1) {
      const took = await round(managers, load, stroke);
      times.set(`${kind} ${stroke}`, [...(times.get(`${kind} ${stroke}`) ?? []), took]);
      console.log(`${kind.padEnd(7)} ${stroke.padEnd(5)} round ${String(at).padStart(2)}  ${took.toFixed(1)} ms`);
    }
  }
  if (flags.strokes.includes("break")) await breakConnections(kind, managers, load);
  await load.stop();
  if (flags.logs !== undefined) {
    for (const { name, folder } of managers.all) cpSync(join(folder, `${kind}.log`), join(flags.logs, `${name}.log`));
  }
  const { acknowledged, lost, belied } = await load.account(await managers.untilHealthy());
  console.log(
    `${kind}: ${acknowledged} acknowledged writes; ${lost.length} lost, ${belied.length} done though refused`,
  );
  for (const each of [...lost, ...belied]) (kind === "skep" ? faults : said).push(`${kind}: ${each}`);
}

/** One stroke at the leader, until all three are back. */
async function round(managers: Managers, load: WriteLoad, stroke: Stroke): Promise<number> {
  const leader = await managers.untilHealthy();
  await new Promise((resolve) => setTimeout(resolve, CALM_MS * (1 + Math.random())));
  load.close([leader.name]);
  const before = load.writes.length;
  const from = await strike(leader, stroke);
  if (flags.logs !== undefined) console.log(`${new Date().toISOString()} ${stroke} ${leader.name}`);
  const accepted = (): readonly number[] =>
    load.writes
      .slice(before)
      .filter(({ door, outcome, begunAt }) => outcome === "yes" && begunAt >= from && door !== leader.name)
      .map(({ endedAt }) => endedAt)
      .sort((a, b) => a - b);
  await load.press(() => {
    const now = performance.now();
    return now - (accepted()[0] ?? now) > AFTER_MS || now - from > BACK_MS;
  });
  const [first] = accepted();
  if (first === undefined) throw new Error(`${stroke}: no write was accepted within ${BACK_MS} ms`);
  const took = stroke === "stop" ? longestPause(from, accepted()) : first - from;
  await (stroke === "cut" ? leader.mend() : restart(leader));
  await managers.untilHealthy();
  load.close([]);
  return took;
}

/** Answers with the moment of the stroke: of the signal, or when the link is known to be silent. */
async function strike(leader: ManagerHost, stroke: Stroke): Promise<number> {
  if (stroke === "cut") {
    await leader.cut();
    return performance.now();
  }
  const at = performance.now();
  ended = leader.end(stroke === "kill" ? "SIGKILL" : "SIGTERM");
  return at;
}

async function restart(host: ManagerHost): Promise<void> {
  await ended;
  await host.start();
}

function longestPause(from: number, accepted: readonly number[]): number {
  return Math.max(...accepted.map((at, nth) => at - (accepted[nth - 1] ?? from)));
}

/** Breaks connections until it is `BROKEN`, the leader alive all the time. */
async function breakConnections(kind: Kind, managers: Managers, load: WriteLoad): Promise<void> {
  const leader = await managers.untilHealthy();
  const term = termOf(kind, managers);
  const [before, from] = [load.writes.length, performance.now()];
  let broken = 0;
  while (broken < BROKEN) {
    const host = managers.all[Math.floor(Math.random() * MANAGERS)];
    broken += (await host?.breakConnection(Math.random())) ?? 0;
    await new Promise((resolve) => setTimeout(resolve, BREAK_MS * 2 * Math.random()));
  }
  const seconds = (performance.now() - from) / 1_000;
  const [now, termNow] = [await managers.untilHealthy(), termOf(kind, managers)];
  const writes = load.writes.slice(before);
  const good = writes.filter(({ outcome }) => outcome === "yes").length;
  console.log(
    `${kind}: ${broken} connections broken in ${seconds.toFixed(1)} s; term ${term} → ${termNow}, ` +
      `leader ${leader.name} → ${now.name}; ${good} of ${writes.length} writes accepted meanwhile`,
  );
  if (kind === "skep" && (now !== leader || term !== termNow)) faults.push("an election while the leader lived");
}

/** The highest that any manager's log tells of. */
function termOf(kind: Kind, managers: Managers): number {
  const line = kind === "skep" ? / raft leader term=(\d+)/g : /elected leader .*? at term (\d+)/g;
  const terms = managers.all.flatMap(({ folder }) => {
    const log = readFileSync(join(folder, `${kind}.log`), "utf8");
    return [...log.matchAll(line)].map(([, term]) => Number(term));
  });
  return Math.max(...terms);
}

function row(stroke: Stroke): readonly string[] {
  const figures = sides.map((side) => times.get(`${side} ${stroke}`) ?? []);
  const [theirs = Number.NaN, ours = Number.NaN] = figures.map(median);
  const bar = bars[stroke];
  const skep = times.get(`skep ${stroke}`) ?? [];
  const isMet = median(skep) <= bar.median && Math.max(...skep) <= (bar.worst ?? Number.POSITIVE_INFINITY);
  if (skep.length > 0 && !isMet) faults.push(`${stroke}: the bar is missed`);
  const wanted = `≤ ${bar.median} ms${bar.worst === undefined ? "" : `, worst ≤ ${bar.worst} ms`}`;
  return [
    told[stroke],
    ...figures.flatMap((values) => [ms(median(values)), ms(Math.max(...values)), String(values.length)]),
    sides.length === 2 ? `${(ours / theirs).toFixed(4)}×` : "",
    skep.length > 0 ? `${wanted} ${isMet ? "met" : "MISSED"}` : wanted,
  ];
}

function ms(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(1)} ms` : "–";
}
