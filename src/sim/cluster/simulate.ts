// One seed: a drawn swarm, a drawn user and drawn faults, with the checks asked all the time; then the faults end, and
// everything has to come to what the user wants, and stay so.

import { messageOf } from "../../base/index.js";
import { type Task, TaskState, UpdateState } from "../../gen/skep/v1/objects.js";
import { SeededRandom } from "../random.js";
import { SimCluster } from "./cluster.js";
import { type End, faults } from "./faults.js";
import { Model, type Wanted } from "./model.js";
import { workload } from "./workload.js";

export interface SeedOptions {
  readonly seed: number;
  /** Things that happen before the faults end. */
  readonly steps?: number;
}

export interface SeedResult {
  readonly seed: number;
  /** What went wrong; undefined when nothing did. */
  readonly failure: string | undefined;
  readonly virtualMs: number;
  /** From the end of the faults to what the user wants; undefined when that never came. */
  readonly convergedInMs: number | undefined;
  /** What happened, a line each, with the transcript in between. */
  readonly transcript: readonly string[];
}

const defaultSteps = 40;
/** Between two things that happen; drawn once for a run, so that some are dense and some are not. */
const pausesMaxMs = [150, 1_000, 3_000, 8_000];
const answerMaxMs = 60_000;
const faultMaxMs = 25_000;
/** A slot that failed often waits up to 5 minutes, a pull that hangs as long. */
const convergeMaxMs = 15 * 60_000;
const historyMax = 5;
/** Older specs of a service that are kept, apart from those that tasks were made from. */
const revisionsMax = 10;
const stableMs = 10_000;
/** For nodes to be back before anything is asked of them. */
const settleMs = 10_000;

/** Never rejects: what goes wrong is in the result. */
export async function runSeed({ seed, steps = defaultSteps }: SeedOptions): Promise<SeedResult> {
  const random = new SeededRandom(seed).fork("simulation");
  const hosts = 2 + random.int(4);
  const cluster = await SimCluster.start({ seed, hosts, linkDelayMs: 1 + random.int(20) });
  const run = new Run(cluster, random);
  let failure: string | undefined;
  let convergedInMs: number | undefined;
  try {
    for (let step = 0; step < steps; step++) await run.step();
    await run.endAll();
    convergedInMs = await run.converge();
  } catch (error) {
    failure = messageOf(error);
  }
  return { seed, failure, convergedInMs, virtualMs: cluster.clock.monotonic(), transcript: cluster.trace.lines };
}

class Run {
  readonly #cluster: SimCluster;
  readonly #random: SeededRandom;
  readonly #model = new Model();
  readonly #pauseMaxMs: number;
  #endedMs = 0;
  #seen = { happened: Number.NaN, isCome: false };
  #ends: { readonly atMs: number; readonly what: string; readonly end: End }[] = [];

  constructor(cluster: SimCluster, random: SeededRandom) {
    this.#cluster = cluster;
    this.#random = random;
    this.#pauseMaxMs = random.pick(pausesMaxMs) ?? 0;
  }

  async step(): Promise<void> {
    await this.#pass(this.#random.int(this.#pauseMaxMs));
    // Without a manager a user waits; the simulation does not.
    if (this.#cluster.manager.leading && this.#random.chance(0.5)) await this.#work();
    else this.#fail();
  }

  /** Every fault ends, every node takes tasks again, and an update that a fault has paused is asked for once more. */
  async endAll(): Promise<void> {
    const ends = this.#ends.splice(0);
    for (const { what, end } of ends) await this.#end(what, end);
    this.#endedMs = this.#cluster.clock.monotonic();
    for (const { nodeId } of this.#cluster.members) {
      await this.#answered(this.#cluster.user.setAvailability(nodeId, "ACTIVE"));
    }
    await this.#cluster.advance(settleMs);
    for (const [name, { image }] of this.#model.services) {
      await this.#answered(this.#cluster.user.setImage(name, image));
    }
  }

  /** What the user wants comes true, and stays true. */
  async converge(): Promise<number> {
    const { services } = this.#model;
    const cluster = this.#cluster;
    cluster.trace.say("simulation", "all faults are over");
    await cluster
      .eventually("every service is what its user wants", () => this.#isCome(), convergeMaxMs)
      .catch((error: unknown) => {
        const state = [...services].map(([name, wanted]) => `${name} ${this.#problem(name, wanted) ?? "is well"}`);
        throw new Error(`${messageOf(error)}: ${state.join("; ")}`, { cause: error });
      });
    const tookMs = cluster.clock.monotonic() - this.#endedMs;
    await cluster.throughout("it stays so", () => this.#isCome(), stableMs);
    await this.#checkMemories();
    return tookMs;
  }

  /** Lets time pass, ending the faults that are due meanwhile. */
  async #pass(ms: number): Promise<void> {
    const untilMs = this.#cluster.clock.monotonic() + ms;
    for (;;) {
      const due = this.#ends.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      const restMs = (due?.atMs ?? untilMs) - this.#cluster.clock.monotonic();
      if (restMs > 0) await this.#cluster.advance(restMs);
      if (!due) return;
      this.#ends = this.#ends.filter((each) => each !== due);
      await this.#end(due.what, due.end);
    }
  }

  async #end(what: string, end: End): Promise<void> {
    this.#cluster.trace.say("simulation", `over: ${what}`);
    await end();
  }

  async #work(): Promise<void> {
    const [, name, draw] = weighted(workload, this.#random);
    this.#cluster.trace.say("simulation", `user: ${name}`);
    const request = draw(this.#cluster, this.#model, this.#random);
    if (request) await this.#answered(request);
  }

  /** Runs until a request is answered; a manager that died with it is started again. */
  async #answered(request: Promise<void>): Promise<void> {
    const { manager } = this.#cluster;
    let isOver = false;
    const mark = (): void => {
      isOver = true;
    };
    request.then(mark, mark);
    while (!isOver) {
      await this.#cluster.eventually("the answer", () => isOver || !manager.isUp, answerMaxMs);
      if (isOver) break;
      await this.#cluster.advance(this.#random.int(this.#pauseMaxMs));
      await this.#cluster.startManager();
    }
    await request;
  }

  #fail(): void {
    const [, fault] = weighted(faults, this.#random);
    const begun = fault(this.#cluster, this.#random);
    if (!begun) return;
    this.#cluster.trace.say("simulation", begun.what);
    if (!begun.end) return;
    const lastsMs = this.#random.chance(0.5) ? this.#random.int(3_000) : this.#random.int(faultMaxMs);
    this.#ends.push({ atMs: this.#cluster.clock.monotonic() + lastsMs, what: begun.what, end: begun.end });
  }

  /** A node remembers the tasks that are its own, and no others. */
  async #checkMemories(): Promise<void> {
    const tasks = this.#cluster.store.table("task");
    for (const host of this.#cluster.hosts) {
      const foreign = (await host.remembered()).filter((id) => tasks.get(id)?.nodeId !== host.nodeId);
      if (foreign.length > 0)
        throw new Error(`${host.name} remembers tasks that are not its own: ${foreign.join(" ")}`);
    }
  }

  /** Asked after every timer, so it looks only when something happened. */
  #isCome(): boolean {
    const { happened } = this.#cluster;
    if (happened !== this.#seen.happened) this.#seen = { happened, isCome: this.#look() };
    return this.#seen.isCome;
  }

  #look(): boolean {
    const running = this.#cluster.containers().filter(({ isRunning }) => isRunning);
    const isForeign = running.some(({ serviceName }) => !this.#model.services.has(serviceName));
    return (
      !isForeign &&
      !this.#hasLeftovers() &&
      [...this.#model.services].every(([name, wanted]) => this.#problem(name, wanted) === undefined)
    );
  }

  /** Tasks and containers of services that are gone, and more history than is kept. */
  #hasLeftovers(): boolean {
    const { services } = this.#model;
    const tasks = [...this.#cluster.store.table("task").all()];
    const slots = [...services.values()].reduce((sum, { replicas }) => sum + replicas, 0);
    const isGone = (serviceId: string): boolean => !this.#cluster.store.table("service").get(serviceId);
    const revisions = [...this.#cluster.store.table("revision").all()].length;
    if (revisions > services.size * (revisionsMax + 1) + tasks.length) return true;
    const kept = this.#cluster.containers().filter(({ taskId }) => !this.#cluster.store.table("task").get(taskId));
    return (
      tasks.some(({ serviceId }) => isGone(serviceId)) || kept.length > 0 || tasks.length > slotsEver(tasks, slots)
    );
  }

  /** What a service still lacks. */
  #problem(name: string, wanted: Wanted): string | undefined {
    const cluster = this.#cluster;
    const running = cluster.running(name);
    if (running.length !== wanted.replicas) return `runs ${running.length} of ${wanted.replicas}`;
    const notRunning = cluster.tasks(name).filter(({ desiredState, status }) => {
      return desiredState <= TaskState.COMPLETE && status?.state !== TaskState.RUNNING;
    });
    if (notRunning.length > 0) return `has ${notRunning.length} tasks that are not RUNNING`;
    const service = [...cluster.store.table("service").by("name", name)][0];
    const update = service?.updateStatus?.state;
    if (update === UpdateState.UPDATING) return "is being updated";
    const old = running.filter(({ image }) => image !== wanted.image).length;
    return old > 0 ? `runs ${old} of another image than ${wanted.image}` : undefined;
  }
}

/** Docker keeps five ended tasks of a slot, and those of slots that were scaled away. */
function slotsEver(tasks: readonly Task[], slots: number): number {
  const known = new Set(tasks.map(({ serviceId, slot }) => `${serviceId}/${slot}`)).size;
  return Math.max(known, slots) * (historyMax + 1);
}

function weighted<T extends readonly [weight: number, ...unknown[]]>(items: readonly T[], random: SeededRandom): T {
  const total = items.reduce((sum, [weight]) => sum + weight, 0);
  let left = random.next() * total;
  for (const item of items) {
    left -= item[0];
    if (left < 0) return item;
  }
  throw new Error("nothing to draw from");
}
