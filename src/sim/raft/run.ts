// One plan: a safety phase in which anything may break and everything is checked after every step, then healing, and a
// liveness phase in which the cluster has to come to work again within a bound. In the end, what the clients saw is judged.

import { checkLinearizable } from "../linearizable.js";
import { SeededRandom } from "../random.js";
import { registers } from "../register.js";
import { VirtualClock } from "../time.js";
import { CheckFailed, Checks } from "./checks.js";
import { Clients } from "./clients.js";
import { RaftCluster } from "./cluster.js";
import { Faults } from "./faults.js";
import { tickMs } from "./member.js";
import { RaftNetwork } from "./network.js";
import { drawPlan, type FaultKind, type Plan } from "./plan.js";
import type { Plants } from "./plants.js";
import { Steps } from "./steps.js";

export interface RaftRun {
  readonly seed: number;
  /** What failed first; undefined for a good run. */
  readonly failure: Error | undefined;
  readonly counts: RunCounts;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
}

/** What a run held. */
export interface RunCounts {
  readonly virtualMs: number;
  /** Of these, from healing to work. */
  readonly healedMs: number;
  readonly steps: number;
  readonly messages: number;
  /** Terms that had a leader. */
  readonly elections: number;
  readonly faults: number;
  readonly changes: number;
  readonly lost: number;
  /** Of these, members that noticed a flipped bit. */
  readonly refused: number;
  readonly snapshots: number;
  readonly acknowledged: number;
  readonly reads: number;
  /** 1 when the search for an order of the calls was given up. */
  readonly undecided: number;
}

/** Virtual time to settle at the beginning, and of the way back to work. */
const settleMs = 100 * tickMs;
const livenessMs = 500 * tickMs;
/** More than any run needs: beyond it something goes round and round. */
const stepsMax = 500_000;
/** Orders looked at for one register; good histories need few. */
const configurationsMax = 8_000;

export function runRaftSeed(seed: number, plants: Plants = {}): Promise<RaftRun> {
  return runPlan(drawPlan(seed), plants);
}

export function runPlan(plan: Plan, plants: Plants = {}): Promise<RaftRun> {
  return new Run(plan, plants).whole();
}

class Run {
  readonly #plan: Plan;
  readonly #clock = new VirtualClock();
  readonly #steps = new Steps(this.#clock);
  readonly #checks = new Checks();
  readonly #network: RaftNetwork;
  readonly #cluster: RaftCluster;
  readonly #faults: Faults;
  readonly #clients: Clients;
  #failure: Error | undefined;
  #healedMs = 0;
  #undecided = 0;

  constructor(plan: Plan, plants: Plants) {
    this.#plan = plan;
    const random = new SeededRandom(plan.seed);
    const [clock, steps, checks] = [this.#clock, this.#steps, this.#checks];
    const onBug = (error: Error): void => {
      this.#failure ??= error;
    };
    const plant = plants.message ?? ((message) => message);
    const { isEncoded } = plan;
    const network = new RaftNetwork({ isEncoded, plant }, { clock, random: random.fork("network") });
    const common = { plan, plants, clock, steps, network, checks, onBug };
    const cluster = new RaftCluster({ ...common, random: random.fork("members") });
    this.#faults = new Faults({ ...common, cluster, isIdKept: plants.isIdKept ?? false });
    this.#clients = new Clients({ ...common, cluster, random: random.fork("clients") });
    [this.#network, this.#cluster] = [network, cluster];
  }

  async whole(): Promise<RaftRun> {
    try {
      await this.#safety();
      if (!this.#failure) await this.#liveness();
      if (!this.#failure && this.#plan.isForced) await this.#force();
      if (!this.#failure) this.#judge();
    } catch (error) {
      this.#failure ??= error as Error;
    }
    for (const member of this.#cluster.members.values()) member.crash("kill");
    const faults = Object.fromEntries(this.#faults.counts);
    return { seed: this.#plan.seed, failure: this.#failure, counts: this.#counts(), faults };
  }

  async #safety(): Promise<void> {
    const cluster = this.#cluster;
    for (let count = this.#plan.members; count > 0; count--) cluster.add();
    this.#every(tickMs, () => cluster.operate());
    await this.#until(() => cluster.isSettled, settleMs);
    this.#faults.begin();
    this.#clients.begin();
    await this.#until(() => false, this.#plan.safetyMs);
    this.#clients.end();
  }

  async #liveness(): Promise<void> {
    this.#faults.heal();
    const sinceMs = this.#clock.monotonic();
    await this.#works("after healing");
    this.#healedMs = Math.round(this.#clock.monotonic() - sinceMs);
  }

  /** Everybody has everything now, so whoever goes on alone has lost nothing. */
  async #force(): Promise<void> {
    const { wanted } = this.#cluster;
    const members = [...this.#cluster.members.values()].filter(({ id }) => wanted.includes(id));
    const survivor = new SeededRandom(this.#plan.seed).fork("survivor").pick(members);
    if (survivor) this.#cluster.force(survivor);
    await this.#works("as a new cluster");
  }

  async #works(when: string): Promise<void> {
    const before = this.#checks.acknowledgedCount;
    this.#every(10 * tickMs, () => {
      if (this.#checks.acknowledgedCount === before) this.#clients.write();
    });
    const isBack = await this.#until(() => this.#isWorking(before), livenessMs);
    if (!isBack && !this.#failure) throw new CheckFailed("liveness", `no work ${when}; ${this.#describe()}`);
  }

  #judge(): void {
    for (const { id, machine } of this.#cluster.members.values()) this.#checks.complete(id, machine?.writes ?? []);
    const found = checkLinearizable(this.#clients.history, registers, { configurationsMax });
    if (found.ok === undefined) this.#undecided = 1;
    if (found.ok === false) throw new CheckFailed("linearizability", found.explain);
  }

  #every(ms: number, run: () => void): void {
    this.#clock.after(ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  /** Goes on until `isDone`, which is asked once a tick; false when that did not come, or something failed. */
  async #until(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.#clock.monotonic() + limitMs;
    await this.#steps.settle();
    for (let askAtMs = 0; !this.#failure && this.#clock.monotonic() < endMs; ) {
      if (this.#clock.monotonic() >= askAtMs) {
        if (isDone()) return true;
        askAtMs = this.#clock.monotonic() + tickMs;
      }
      if (!(await this.#steps.step())) return false;
      if (this.#steps.count > stepsMax) throw new CheckFailed("liveness", `too many steps; ${this.#describe()}`);
    }
    return false;
  }

  /** One leader, all who are meant to vote, a new write acknowledged, and everybody has all of it. */
  #isWorking(before: number): boolean {
    const cluster = this.#cluster;
    if (this.#checks.acknowledgedCount === before || !cluster.isSettled || cluster.leaders.length !== 1) return false;
    const statuses = [...cluster.members.values()].map(({ member }) => member?.status);
    const last = Math.max(...statuses.map((status) => status?.lastIndex ?? 0));
    return statuses.every((status) => status?.applied === last);
  }

  #counts(): RunCounts {
    const { elections, acknowledgedCount: acknowledged } = this.#checks;
    const { messages, snapshots } = this.#network;
    const { changes, lost, refused } = this.#cluster;
    const faults = [...this.#faults.counts.values()].reduce((sum, count) => sum + count, 0);
    const [virtualMs, steps] = [Math.round(this.#clock.monotonic()), this.#steps.count];
    const { reads } = this.#clients;
    return {
      ...{
        virtualMs,
        healedMs: this.#healedMs,
        steps,
        messages,
        elections,
        faults,
        changes,
        lost,
        refused,
        snapshots,
        acknowledged,
        reads,
      },
      undecided: this.#undecided,
    };
  }

  #describe(): string {
    const cluster = this.#cluster;
    const members = [...cluster.members.values()].map(({ id, member, isRunning, isPaused }) => {
      const status = member?.status;
      const state = !isRunning ? "down" : isPaused ? "paused" : `${status?.role} t${status?.term}`;
      const { voters, learners } = member?.membership ?? { voters: [], learners: [] };
      const marks = `commit ${status?.commit} applied ${status?.applied} last ${status?.lastIndex}`;
      return `${id} ${state} ${marks} voters ${voters.join(",")} learners ${learners.join(",")}`;
    });
    const peers = cluster.leaders.map(({ id, member }) => `${id} sees ${JSON.stringify(member?.peers)}`);
    return `wanted ${cluster.wanted.join(",")}; ${[...members, ...peers].join("; ")}`;
  }
}
