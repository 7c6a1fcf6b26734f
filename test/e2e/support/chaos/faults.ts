// What is done to managers while they are written to. Each fault strikes a minority unless it says otherwise, and can be
// healed; drawn from the seed, so that the same seed does the same to the same hosts in the same order.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SeededRandom } from "../../../../src/sim/index.js";
import type { ManagerHost, Managers } from "../managers.js";
import { writeMuch } from "../registers.js";
import { leaveAndComeBack } from "./members.js";

export interface Fault {
  /** What was done to whom, for the log. */
  readonly what: string;
  heal(): Promise<void>;
}

type Strike = (hosts: readonly ManagerHost[], random: SeededRandom, managers: Managers) => Promise<Fault>;

/** By name, each with how often it is drawn and whether others may strike beside it. */
export const faults: Readonly<Record<string, { readonly weight: number; readonly isAlone?: true; strike: Strike }>> = {
  kill: { weight: 4, strike: killed },
  "kill all": { weight: 1, isAlone: true, strike: (_hosts, random, { all }) => killed(all, random) },
  stop: { weight: 2, strike: stopped },
  pause: { weight: 3, strike: paused },
  cut: { weight: 3, strike: cut },
  "cut one way": { weight: 4, strike: cutOneWay },
  split: { weight: 2, isAlone: true, strike: split },
  break: { weight: 2, strike: broken },
  "full disk": { weight: 3, strike: fullDisk },
  "slow disk": { weight: 3, strike: slowDisk },
  member: { weight: 2, isAlone: true, strike: leaveAndComeBack },
};

/** The file whose presence slows a host's disk; see slow-disk.mjs. */
export function delayFile(folder: string): string {
  return join(folder, "sync-delay");
}

async function killed(hosts: readonly ManagerHost[], _random: SeededRandom): Promise<Fault> {
  await Promise.all(hosts.map((host) => host.end("SIGKILL")));
  return { what: `kill -9 ${names(hosts)}`, heal: () => each(hosts, (host) => host.start()) };
}

async function stopped(hosts: readonly ManagerHost[]): Promise<Fault> {
  await Promise.all(hosts.map((host) => host.end("SIGTERM")));
  return { what: `SIGTERM ${names(hosts)}`, heal: () => each(hosts, (host) => host.start()) };
}

async function paused(hosts: readonly ManagerHost[]): Promise<Fault> {
  for (const { skep } of hosts) skep.signal("SIGSTOP");
  return {
    what: `SIGSTOP ${names(hosts)}`,
    heal: async () => {
      for (const { skep } of hosts) skep.signal("SIGCONT");
    },
  };
}

async function cut(hosts: readonly ManagerHost[]): Promise<Fault> {
  await each(hosts, (host) => host.cut());
  return { what: `link silent ${names(hosts)}`, heal: () => each(hosts, (host) => host.mend()) };
}

/** What these hosts say is not heard, or they hear nothing: of all others, or of one. */
async function cutOneWay(hosts: readonly ManagerHost[], random: SeededRandom, { all }: Managers): Promise<Fault> {
  const others = all.filter((host) => !hosts.includes(host));
  const one = random.pick(others);
  const far = random.chance(0.5) || one === undefined ? others : [one];
  const way = random.chance(0.5) ? ("input" as const) : ("output" as const);
  return dropping(hosts, far, [way], `${way} of ${names(hosts)} from or to ${names(far)} dropped`);
}

/** Two groups, or three none of which is a majority. */
async function split(_hosts: readonly ManagerHost[], random: SeededRandom, { all }: Managers): Promise<Fault> {
  const shuffled = shuffle(all, random);
  const [first, second] = random.chance(0.5) ? [2, all.length] : [2, 4];
  const groups = [shuffled.slice(0, first), shuffled.slice(first, second), shuffled.slice(second)];
  const healers: Fault[] = [];
  for (const group of groups) {
    const far = all.filter((host) => !group.includes(host));
    if (group.length > 0) healers.push(await dropping(group, far, ["input", "output"], ""));
  }
  const what = `split ${groups
    .filter((group) => group.length > 0)
    .map(names)
    .join(" | ")}`;
  return { what, heal: () => each(healers, (fault) => fault.heal()) };
}

async function broken(hosts: readonly ManagerHost[]): Promise<Fault> {
  const counts = await Promise.all(hosts.map((host) => host.breakConnections()));
  const what = `${counts.reduce((sum, count) => sum + count, 0)} connections of ${names(hosts)} broken`;
  return { what, heal: async () => {} };
}

/**
 * To the last byte; the file system is the host's own. What a log has made room for beforehand would last for long, so large
 * values are written through all managers until one of its segments is full.
 */
async function fullDisk(hosts: readonly ManagerHost[], _random: SeededRandom, { all }: Managers): Promise<Fault> {
  await each(hosts, (host) => {
    const fill = `f=${host.skep.dataFolder}/fill; dd if=/dev/zero of=$f bs=64k; dd if=/dev/zero bs=1k >> $f; true`;
    return host.exec(["sh", "-c", `{ ${fill}; } 2>/dev/null`]);
  });
  await each(all, ({ name, http }) => writeMuch(http, `filler-${name}`));
  return {
    what: `disk full ${names(hosts)}`,
    heal: () => each(hosts, (host) => host.exec(["rm", "-f", `${host.skep.dataFolder}/fill`])),
  };
}

const DELAYS_MS = [20, 100, 500, 3_000] as const;

async function slowDisk(hosts: readonly ManagerHost[], random: SeededRandom): Promise<Fault> {
  const delayMs = random.pick(DELAYS_MS) ?? DELAYS_MS[0];
  for (const { folder } of hosts) writeFileSync(delayFile(folder), String(delayMs));
  return {
    what: `syncs ${delayMs} ms slower ${names(hosts)}`,
    heal: async () => {
      for (const { folder } of hosts) rmSync(delayFile(folder), { force: true });
    },
  };
}

let tables = 0;

/** Packets between `hosts` and `far` are dropped without a word as they come in to, or go out of, `hosts`. */
async function dropping(
  hosts: readonly ManagerHost[],
  far: readonly ManagerHost[],
  ways: readonly ("input" | "output")[],
  what: string,
): Promise<Fault> {
  const table = `inet chaos${++tables}`;
  const addresses = far.map(({ address }) => address).join(", ");
  const chains = ways.map(
    (way) =>
      `chain ${way} { type filter hook ${way} priority 0; ip ${way === "input" ? "saddr" : "daddr"} { ${addresses} } drop; }`,
  );
  await each(hosts, (host) => host.exec(["nft", "-f", "-"], { input: `table ${table} {\n${chains.join("\n")}\n}\n` }));
  return { what, heal: () => each(hosts, (host) => host.exec(["nft", "delete", "table", ...table.split(" ")])) };
}

export function shuffle<T>(items: readonly T[], random: SeededRandom): readonly T[] {
  return items
    .map((item) => [random.next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

function names(hosts: readonly ManagerHost[]): string {
  return hosts.map(({ name }) => name).join(" ");
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  await Promise.all(items.map(work));
}
