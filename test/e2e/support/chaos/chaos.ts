// Five managers as processes, written to all the time, to which one thing after the other is done; after each healing they
// must take writes again, and in the end every answer anyone got must fit into one order and all must hold the same.

import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SeededRandom } from "../../../../src/sim/index.js";
import { checkLinearizable } from "../../../../src/sim/linearizable.js";
import { registers as model } from "../../../../src/sim/register.js";
import { eventually } from "../eventually.js";
import { type Managers, startManagers } from "../managers.js";
import { makeRegisters, readRegister } from "../registers.js";
import { delayFile, type Fault, faults, shuffle } from "./faults.js";
import { holdTheSame } from "./same-state.js";
import { type RegisterOperation, Workload } from "./workload.js";

export interface ChaosOptions {
  readonly seed: number;
  readonly forMs: number;
  readonly say: (line: string) => void;
}

export interface ChaosReport {
  /** How often each fault struck. */
  readonly struck: Readonly<Record<string, number>>;
  readonly operations: number;
  readonly unknown: number;
  /** The longest from a healing to an accepted write at every door. */
  readonly progressMsMax: number;
}

const MANAGERS = 5;
/** Room for a few log segments and snapshots; small enough to be filled at once. */
const DISK_BYTES = 192 * 1024 * 1024;
const REGISTERS = Array.from({ length: 8 }, (_, at) => `register-${at}`);
const CLIENTS = 2;
const THINK_MS = 40;
/** After a healing every door takes writes again within this. */
const PROGRESS_MS = 30_000;
/** And all members are there, ready and reachable, within this. */
const HEALTHY_MS = 60_000;
const SLOW_DISK = new URL("slow-disk.mjs", `file://${resolve("test/e2e/support/chaos")}/`).href;

/** Runs for `forMs` and checks; throws what is wrong, with the logs and the history left in .cache/chaos. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  await using managers = await startManagers("skep", MANAGERS, {
    diskBytes: DISK_BYTES,
    nodeArgs: (folder) => ["--import", `${SLOW_DISK}?control=${encodeURIComponent(delayFile(folder))}`],
  });
  const run = new Chaos(managers, options);
  try {
    return await run.run();
  } catch (error) {
    const kept = keep(options.seed, managers, run.history);
    throw new Error(`seed ${options.seed}: ${String(error)}\nlogs and history: ${kept}`, { cause: error });
  }
}

class Chaos {
  readonly #managers: Managers;
  readonly #options: ChaosOptions;
  readonly #random: SeededRandom;
  readonly #struck: Record<string, number> = {};
  #workload: Workload | undefined;
  #progressMsMax = 0;

  constructor(managers: Managers, options: ChaosOptions) {
    this.#managers = managers;
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  get history(): readonly RegisterOperation[] {
    return this.#workload?.history ?? [];
  }

  async run(): Promise<ChaosReport> {
    const { all } = this.#managers;
    await this.#managers.form();
    const [first] = all;
    if (first === undefined) throw new Error("no manager");
    await makeRegisters(first.http, REGISTERS);
    const options = { registers: REGISTERS, clients: CLIENTS, thinkMs: THINK_MS };
    const workload = new Workload(all, this.#random.fork("workload"), options);
    this.#workload = workload;
    const until = performance.now() + this.#options.forMs;
    for (let round = 1; performance.now() < until; round += 1) await this.#round(this.#random.fork(`round ${round}`));
    await workload.stop();
    const history = [...workload.history, ...(await this.#lastReads())];
    await holdTheSame(this.#managers);
    check(history);
    return {
      struck: this.#struck,
      operations: history.length,
      unknown: history.filter(({ returned }) => returned === undefined).length,
      progressMsMax: this.#progressMsMax,
    };
  }

  /** Strikes once or twice, waits, heals, waits for progress. */
  async #round(random: SeededRandom): Promise<void> {
    const { all } = this.#managers;
    const leader = await this.#managers.leader();
    const drawn = draw(random);
    // At most two of five, more often than not with the one it hurts most.
    const order = shuffle(all, random);
    const hosts = random.chance(0.6) && leader ? [leader, ...order.filter((host) => host !== leader)] : order;
    const active: Fault[] = [];
    for (const [at, name] of drawn.entries()) {
      const fault = faults[name];
      const victims = drawn.length === 2 ? hosts.slice(at, at + 1) : hosts.slice(0, 1 + random.int(2));
      if (fault === undefined) continue;
      const struck = await fault.strike(victims, random, this.#managers);
      this.#struck[name] = (this.#struck[name] ?? 0) + 1;
      active.push(struck);
    }
    const what = active.map((fault) => fault.what).join(" + ");
    await new Promise((resolve) => setTimeout(resolve, 500 + random.int(4_000)));
    for (const fault of active) await fault.heal();
    const progressMs = await this.#progress();
    this.#progressMsMax = Math.max(this.#progressMsMax, progressMs);
    this.#options.say(
      `${what}; leader was ${leader?.name ?? "nobody"}; writes everywhere ${progressMs.toFixed(0)} ms later`,
    );
    await new Promise((resolve) => setTimeout(resolve, random.int(1_000)));
  }

  /** What ended by itself is started again, as systemd does; then every door must take a write, and all be members. */
  async #progress(): Promise<number> {
    const from = performance.now();
    const { all } = this.#managers;
    await Promise.all(all.filter(({ skep }) => !skep.isAlive).map((host) => host.start()));
    const { tookMs } = await eventually(
      () => {
        const silent = all.filter((host) => (this.#workload?.lastAcceptedAt(host) ?? 0) < from);
        if (silent.length > 0) throw new Error(`no write accepted at ${silent.map(({ name }) => name).join(" ")}`);
        return true;
      },
      { what: "every manager takes writes after the healing", withinMs: PROGRESS_MS, everyMs: 10 },
    );
    await this.#managers.untilHealthy(all, HEALTHY_MS);
    return tookMs;
  }

  /** Each register once more, through every manager. */
  async #lastReads(): Promise<readonly RegisterOperation[]> {
    const last: RegisterOperation[] = [];
    for (const host of this.#managers.all) {
      for (const key of REGISTERS) {
        const calledAt = performance.now();
        const reading = await readRegister(host.http, key);
        if (reading === undefined) throw new Error(`${host.name} does not read ${key} after all is healed`);
        const returned = { at: performance.now(), output: reading.value };
        last.push({ client: `last/${host.name}`, input: { kind: "read", key }, calledAt, returned });
      }
    }
    return last;
  }
}

/** One fault, or two that may be beside each other. */
function draw(random: SeededRandom): readonly string[] {
  const first = drawOne(random);
  if (faults[first]?.isAlone || random.chance(0.5)) return [first];
  const second = drawOne(random);
  return faults[second]?.isAlone ? [first] : [first, second];
}

function drawOne(random: SeededRandom): string {
  const bag = Object.entries(faults).flatMap(([name, { weight }]) => Array.from({ length: weight }, () => name));
  return random.pick(bag) ?? "kill";
}

function check(history: readonly RegisterOperation[]): void {
  const found = checkLinearizable(history, { ...model, initial: "" });
  if (found.ok !== true) throw new Error(`the history is not linearizable: ${found.explain}`);
}

/** Answers with the folder. */
function keep(seed: number, { all }: Managers, history: readonly RegisterOperation[]): string {
  const folder = resolve(".cache/chaos", String(seed));
  mkdirSync(folder, { recursive: true });
  for (const { name, skep } of all) {
    if (existsSync(skep.logPath)) copyFileSync(skep.logPath, join(folder, `${name}.log`));
  }
  writeFileSync(join(folder, "history.jsonl"), history.map((each) => `${JSON.stringify(each)}\n`).join(""));
  return folder;
}
