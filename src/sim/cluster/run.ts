// Carries out a plan: a swarm, what its user does and what goes wrong, with the checks asked all the time; then the faults end,
// and everything has to come to what the user wants, and stay so.

import { messageOf, SwarmError } from "../../base/index.js";
import { NodeState } from "../../gen/skep/v1/objects.js";
import { SeededRandom } from "../random.js";
import { checkSameRows } from "./checks/same.js";
import { SimCluster } from "./cluster.js";
import { type End, faultNamed } from "./faults/index.js";
import { loseAllButOne } from "./forced.js";
import { Model } from "./model.js";
import { type Plan, type Step } from "./plan.js";
import { calm } from "./raft-lines.js";
import { actual, behind, eligible, standings, unsettled } from "./settled.js";
import { isRestless, longestGraceMs, zoneLabel } from "./wishes.js";
import { workNamed } from "./workload.js";

export interface SeedResult {
  readonly seed: number;
  /** What went wrong; undefined when nothing did. */
  readonly failure: string | undefined;
  readonly stack: string | undefined;
  readonly virtualMs: number;
  /** From the end of the faults to what the user wants; undefined when that never came. */
  readonly convergedInMs: number | undefined;
  /** What happened, a line each, with the transcript in between; empty unless it was asked for. */
  readonly transcript: readonly string[];
  /** How much of it there was, for the totals. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Within this every request is answered; a host that leaves waits for its containers to stop besides. */
const requestMaxMs = 60_000 + longestGraceMs;
/** A slot that failed often waits up to 5 minutes, a pull that hangs as long. */
const convergeMaxMs = 15 * 60_000;
/** For nodes to be back before anything is asked of them. */
const backMaxMs = 60_000;
/** For the leader to begin with what was asked last: until then all may look as if it were done. */
const noticedMs = 300;
/** For the last follower to apply what the leader has. */
const catchUpMaxMs = 5_000;
/** What is missing is looked for anew after whatever happened, and this often: who votes changes in the consensus alone. */
const lookAgainMs = 1_000;
const outstandingMax = 6;
/** Enough for what nine replicas of four services reserve on one node. */
const cpus = 16;

interface Seen {
  readonly happened: number;
  readonly atMs: number;
  readonly problem: string | undefined;
}

/** Never rejects: what goes wrong is in the result. */
export async function runPlan(plan: Plan, isTraced = false): Promise<SeedResult> {
  const { seed, managers, hosts, linkDelayMs, isEncoded, snapshotEntries } = plan;
  const raftSizes = {
    tickMs: plan.tickMs,
    segmentBytes: 64 * 1024,
    snapshotEntries,
    trailingEntries: Math.ceil(snapshotEntries / 4),
  };
  let failure: unknown;
  let run: Run | undefined;
  let convergedInMs: number | undefined;
  try {
    const cluster = await SimCluster.start({
      ...{ seed, managers, hosts, linkDelayMs, isEncoded, raftSizes, areManagersHosts: true },
      ...{ engine: { cpus }, isSilent: !isTraced },
    });
    run = new Run(cluster);
    cluster.lines.mix = plan.mix;
    for (const step of plan.steps) await run.step(step);
    await run.endAll();
    convergedInMs = await run.converge(plan.stableMs);
    if (plan.isForced) await run.force(new SeededRandom(seed).fork("survivor"), plan.stableMs);
  } catch (error) {
    failure = error;
  }
  return {
    seed,
    failure: failure === undefined ? undefined : messageOf(failure),
    stack: failure instanceof Error ? failure.stack : undefined,
    convergedInMs,
    virtualMs: run?.cluster.clock.monotonic() ?? 0,
    transcript: run?.cluster.trace.lines ?? [],
    counts: run?.counts ?? {},
  };
}

class Run {
  readonly cluster: SimCluster;
  readonly #model = new Model();
  /** Requests that are not answered yet. */
  readonly #outstanding = new Set<Promise<void>>();
  #refused: unknown;
  #faults = 0;
  #hadSlowLeader = false;
  #requests = 0;
  #forced = 0;
  #endedMs = 0;
  #seen: Seen = { happened: Number.NaN, atMs: 0, problem: undefined };
  #ends: { readonly atMs: number; readonly what: string; readonly end: End }[] = [];

  constructor(cluster: SimCluster) {
    this.cluster = cluster;
  }

  get counts(): Readonly<Record<string, number>> {
    const { hosts, managers } = this.cluster;
    const { revision = 0 } = managers.store ?? {};
    const nodes = hosts.length;
    return {
      faults: this.#faults,
      requests: this.#requests,
      revisions: revision,
      nodes,
      managers: managers.all.length,
      refused: this.cluster.refused,
      forced: this.#forced,
    };
  }

  async step(step: Step): Promise<void> {
    await this.#pass(step.afterMs);
    const random = new SeededRandom(step.detail);
    if (step.kind === "user") this.#work(step.what, random);
    else this.#fail(step, random);
  }

  /** Every fault ends, every node takes tasks again, and what a fault has paused is asked for once more. */
  async endAll(): Promise<void> {
    const { cluster } = this;
    for (const { what, end } of this.#ends.splice(0)) this.#end(what, end);
    cluster.lines.mix = calm;
    for (const host of cluster.members) this.#mend(host.name);
    cluster.disturb();
    cluster.trace.say("simulation", "all faults are over");
    this.#endedMs = cluster.clock.monotonic();
    await cluster
      .eventually("every request is answered", () => this.#outstanding.size === 0, requestMaxMs)
      .catch((error: unknown) => {
        throw new Error(`${messageOf(error)}: ${standings(cluster).join("; ")}`, { cause: error });
      });
    this.#refuseRefusals();
    await cluster
      .eventually("every node is back", () => this.#areNodesBack(), backMaxMs)
      .catch((error: unknown) => {
        throw new Error(`${messageOf(error)}: ${standings(cluster).join("; ")}`, { cause: error });
      });
    for (const [name, candidates] of this.#model.doubts) {
      this.#model.known(name, actual(name, candidates, cluster));
    }
    await this.#makeItPossible();
    await cluster.advance(noticedMs);
  }

  /** What the user wants comes true, and stays true. */
  async converge(stableMs: number): Promise<number> {
    const { cluster } = this;
    await cluster
      .eventually("every service is what its user wants", () => this.#problem() === undefined, convergeMaxMs)
      .catch((error: unknown) => {
        throw new Error(`${messageOf(error)}: ${unsettled(cluster, this.#model)}`, { cause: error });
      });
    const tookMs = cluster.clock.monotonic() - this.#endedMs;
    await cluster
      .throughout("it stays so", () => this.#problem() === undefined, stableMs)
      .catch((error: unknown) => {
        throw new Error(`${messageOf(error)}: ${this.#problem()}`, { cause: error });
      });
    await cluster.eventually("all managers have all", () => behind(cluster).length === 0, catchUpMaxMs);
    await cluster.eventually("who leads is sure of it", () => cluster.leading !== undefined, catchUpMaxMs);
    await this.#checkMemories();
    checkSameRows(cluster.managers.all);
    return tookMs;
  }

  /** All managers but one are lost, and everything comes to what is wanted once more, without them. */
  async force(random: SeededRandom, stableMs: number): Promise<void> {
    const { cluster } = this;
    if (cluster.managers.all.length < 2) return;
    this.#forced += 1;
    await loseAllButOne(cluster, random);
    this.#endedMs = cluster.clock.monotonic();
    await this.#makeItPossible();
    await cluster.advance(noticedMs);
    await this.converge(stableMs);
  }

  /** Lets time pass, ending the faults that are due meanwhile. */
  async #pass(ms: number): Promise<void> {
    const untilMs = this.cluster.clock.monotonic() + ms;
    for (;;) {
      const due = this.#ends.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      const restMs = (due?.atMs ?? untilMs) - this.cluster.clock.monotonic();
      if (restMs > 0) await this.cluster.advance(restMs);
      this.#refuseRefusals();
      if (!due) return;
      this.#ends = this.#ends.filter((each) => each !== due);
      this.#end(due.what, due.end);
    }
  }

  #end(what: string, end: End): void {
    this.cluster.trace.say("simulation", `over: ${what}`);
    end();
  }

  #work(name: string, random: SeededRandom): void {
    // Whoever has asked a lot and heard nothing waits.
    if (this.#outstanding.size >= outstandingMax || !this.cluster.managers.store) return;
    const request = workNamed(name)?.(this.cluster, this.#model, random);
    if (!request) return;
    this.cluster.trace.say("simulation", `user: ${name}`);
    this.#requests += 1;
    this.#outstanding.add(request);
    request
      .catch((error: unknown) => {
        if (this.#isOfAnotherTime(error)) return;
        this.#refused ??= new Error(`the user's "${name}" was refused: ${messageOf(error)}`, { cause: error });
      })
      .finally(() => this.#outstanding.delete(request));
  }

  /** A leader that reaches nobody leads on for an election timeout of its own clock: where that is slow, it misses what the next one made. */
  #isOfAnotherTime(error: unknown): boolean {
    if (!this.#hadSlowLeader || !(error instanceof SwarmError) || error.kind !== "NotFound") return false;
    const managers = this.cluster.managers.all;
    const newest = Math.max(...managers.map(({ manager }) => manager?.term ?? 0));
    return managers.some(({ manager, leading }) => leading !== undefined && (manager?.term ?? 0) < newest);
  }

  #fail({ what, lastsMs }: Step, random: SeededRandom): void {
    const begun = faultNamed(what)?.(this.cluster, random);
    if (!begun) return;
    this.#faults += 1;
    this.#hadSlowLeader ||= what === "slow leader alone";
    this.cluster.trace.say("simulation", begun.what);
    const { end } = begun;
    if (end) this.#ends.push({ atMs: this.cluster.clock.monotonic() + lastsMs, what: begun.what, end });
  }

  /** Whatever several faults have left behind together. */
  #mend(name: string): void {
    const host = this.cluster.host(name);
    host.powerOn();
    if (host.link.isCut) host.healLine();
    host.recoverEngine();
    host.resumeDaemon();
    host.skew(1);
    host.startDaemon();
    this.cluster.managers.get(name)?.mendDisk();
    void this.cluster.managers.get(name)?.restart();
  }

  #areNodesBack(): boolean {
    const { cluster } = this;
    if (!cluster.leading) return false;
    return cluster.members.every((host) => {
      return cluster.node(host.name).status?.state === NodeState.READY && host.isConnected;
    });
  }

  /** What has no room or no node is made to have it; what never rests is calmed. */
  async #makeItPossible(): Promise<void> {
    const { cluster } = this;
    const { user } = cluster;
    const asked: Promise<void>[] = cluster.members.map(({ nodeId }) => user.setAvailability(nodeId, "ACTIVE"));
    const [first] = cluster.members.filter(({ name }) => name !== "m1");
    const needsZone = [...this.#model.services.values()].some(({ wish }) => eligible(wish, cluster).length === 0);
    await cluster.do(Promise.all(asked));
    if (first && needsZone) await cluster.do(user.setLabel(first.nodeId, zoneLabel, "a"));
    for (const [name, wanted] of this.#model.services) {
      const { wish, replicas, image } = wanted;
      const room = eligible(wish, cluster).length;
      const isBounded = (wish.hostPort !== undefined || wish.maxReplicasPerNode !== undefined) && replicas > room;
      if (room === 0) {
        await cluster.do(user.remove(name));
        this.#model.set(name, undefined);
        continue;
      }
      if (wish.mode === "replicated" && isBounded) {
        await cluster.do(user.scale(name, room));
        this.#model.set(name, { ...wanted, replicas: room });
      }
      await cluster.do(isRestless(wish) ? user.calm(name, image) : user.setImage(name, image));
    }
  }

  /** A node remembers the tasks that are its own, and no others. */
  async #checkMemories(): Promise<void> {
    const tasks = this.cluster.store.table("task");
    for (const host of this.cluster.members) {
      const foreign = (await host.remembered()).filter((id) => tasks.get(id)?.nodeId !== host.nodeId);
      if (foreign.length > 0)
        throw new Error(`${host.name} remembers tasks that are not its own: ${foreign.join(" ")}`);
    }
  }

  /** Asked after every timer, so it looks only when something happened. */
  #problem(): string | undefined {
    const { happened, clock } = this.cluster;
    const isOld = happened !== this.#seen.happened || clock.monotonic() >= this.#seen.atMs + lookAgainMs;
    if (isOld) this.#seen = { happened, atMs: clock.monotonic(), problem: unsettled(this.cluster, this.#model) };
    return this.#seen.problem;
  }

  #refuseRefusals(): void {
    if (this.#refused !== undefined) throw this.#refused;
  }
}
