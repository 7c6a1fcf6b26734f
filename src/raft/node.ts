// One member: the loop around the core. Step → ready → persist → apply → advance; what a Ready asks for is carried out
// here and reported back. Proposals made while a batch is being synced travel together in the next one (group commit).

import {
  type Clock,
  type Disk,
  type Gauge,
  type Histogram,
  invariant,
  type Log,
  type Metrics,
  messageOf,
  type Random,
  type Timer,
} from "../base/index.js";
import { type Entry, EntryKind } from "../gen/skep/raft/v1/raft.js";
import { RaftCore } from "./core/core.js";
import type { Persist, Ready } from "./core/types.js";
import { load, type Storage } from "./load.js";
import { RaftLog } from "./log/log.js";
import { type RaftOptions, raftDefaults } from "./options.js";
import { Proposals } from "./proposals.js";
import type { Sealer } from "./sealer.js";
import { Snapshots } from "./snapshot/snapshots.js";
import { Snapshotter } from "./snapshot/snapshotter.js";
import { type Leadership, NotLeaderError, type RaftNode, type RaftStatus, type StateMachine } from "./types.js";

export interface RaftModules {
  readonly disk: Disk;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly stateMachine: StateMachine;
  /** Calls `fn` once all that is ready to run now has run; never synchronously. setImmediate in the real one. */
  readonly nextTurn: (fn: () => void) => void;
}

/** While stopping, what is in flight is finished and nothing new is taken. */
type Phase = "new" | "running" | "stopping" | "stopped" | "failed";

export class RaftMember implements RaftNode {
  readonly #options: Required<RaftOptions>;
  readonly #modules: RaftModules;
  readonly #storage: Storage;
  readonly #proposals: Proposals;
  readonly #snapshotter: Snapshotter;
  readonly #persistSeconds: Histogram;
  readonly #appliedIndex: Gauge;
  readonly #leadershipListeners: ((change: Leadership) => void)[] = [];
  readonly #fatalListeners: ((error: Error) => void)[] = [];
  #core: RaftCore | undefined;
  #phase: Phase = "new";
  /** The term led in; undefined while not leading. */
  #leadingTerm: number | undefined;
  #persisting: Promise<void> | undefined;
  #isTurnAsked = false;
  #ticker: Timer | undefined;

  constructor(options: RaftOptions, modules: RaftModules) {
    const { disk, sealer, log, metrics } = modules;
    this.#options = { ...raftDefaults, ...options };
    this.#modules = modules;
    const { folder, segmentBytes } = this.#options;
    const raftLog = new RaftLog({ folder: `${folder}/log`, segmentBytes }, { disk, sealer, log });
    const snapshots = new Snapshots(folder, { disk, sealer });
    this.#storage = { disk, log, folder, raftLog, snapshots };
    this.#proposals = new Proposals(this.#options);
    this.#snapshotter = new Snapshotter(this.#options, { snapshots, raftLog, log, stateMachine: modules.stateMachine });
    this.#persistSeconds = metrics.histogram("skep_raft_persist_seconds", "Time to make one batch of entries durable.");
    this.#appliedIndex = metrics.gauge("skep_raft_applied_index", "Index of the last log entry applied here.");
  }

  get status(): RaftStatus {
    const snapshotIndex = this.#snapshotter.snapshotIndex;
    const core = this.#core?.status;
    if (!core)
      return { role: "follower", term: 0, leader: undefined, commit: 0, applied: 0, lastIndex: 0, snapshotIndex };
    const { term, commit, applied, lastIndex } = core;
    // A member that has stopped leads nothing, whatever its core last knew.
    const isRunning = this.#phase === "running";
    const role = isRunning ? core.role : "follower";
    const leader = isRunning && core.leader !== 0 ? core.leader : undefined;
    return { role, term, leader, commit, applied, lastIndex, snapshotIndex };
  }

  onLeadership(listener: (change: Leadership) => void): void {
    this.#leadershipListeners.push(listener);
  }

  onFatal(listener: (error: Error) => void): void {
    this.#fatalListeners.push(listener);
  }

  async start(): Promise<void> {
    invariant(this.#phase === "new", "a member starts once", { phase: this.#phase });
    const { random, stateMachine } = this.#modules;
    const loaded = await load(this.#options, this.#storage, stateMachine);
    const core = new RaftCore(this.#options, random, loaded.state);
    this.#core = core;
    this.#snapshotter.begin(core, loaded.snapshotIndex);
    await this.#applyLoaded(core);
    this.#phase = "running";
    this.#tickLater(core);
    // Alone, there is nobody to wait for.
    const { voters } = core.status.membership;
    if (voters.length === 1) core.campaign();
    this.#askTurn();
  }

  async stop(): Promise<void> {
    if (this.#phase === "running") this.#phase = "stopping";
    // What is in flight still gets its answer; what is queued is never written.
    while (this.#persisting) await this.#persisting;
    await this.#snapshotter.stop();
    if (this.#phase === "stopping") this.#end(undefined);
    if (this.#phase !== "failed") this.#phase = "stopped";
    await this.#storage.raftLog.close();
  }

  propose(data: Uint8Array, term: number): Promise<void> {
    if (this.#phase !== "running" || this.#leadingTerm !== term) return Promise.reject(new NotLeaderError());
    const outcome = this.#proposals.add(data, term);
    this.#askTurn();
    return outcome;
  }

  async #applyLoaded(core: RaftCore): Promise<void> {
    for (let ready = core.ready(); ready; ready = core.ready()) {
      this.#apply(core, ready.committed);
      await new Promise<void>((resolve) => this.#modules.nextTurn(resolve));
    }
  }

  #askTurn(): void {
    if (this.#isTurnAsked) return;
    this.#isTurnAsked = true;
    this.#modules.nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnAsked = false;
    const core = this.#core;
    if (!core || this.#phase !== "running") return;
    // While a batch is under way, proposals gather; so one that is not yet in flight has certainly not happened.
    if (!this.#persisting) this.#proposals.dispatch(core.status.term, (data) => core.propose(data));
    this.#guarded(() => this.#carryOut(core, core.ready()));
  }

  #carryOut(core: RaftCore, ready: Ready | undefined): void {
    if (ready?.persist) this.#persisting = this.#persist(core, ready.persist);
    if (ready) this.#apply(core, ready.committed);
    this.#observeLeadership(core);
    this.#snapshotter.consider();
    if (ready) this.#askTurn();
  }

  /** Never rejects: a failure ends the member. */
  async #persist(core: RaftCore, persist: Persist): Promise<void> {
    const { clock } = this.#modules;
    const startedMs = clock.monotonic();
    try {
      await this.#storage.raftLog.append(persist);
    } catch (error) {
      this.#persisting = undefined;
      return this.#fail(error);
    }
    this.#persistSeconds.observe((clock.monotonic() - startedMs) / 1000);
    this.#persisting = undefined;
    if (this.#phase === "failed") return;
    this.#guarded(() => {
      core.advance({ kind: "persisted" });
      // Applied before anything new is taken: who waited for these can join the next batch.
      this.#carryOut(core, core.ready());
      this.#askTurn();
    });
  }

  #apply(core: RaftCore, committed: readonly Entry[]): void {
    for (const { index, term, kind, data } of committed) {
      if (kind === EntryKind.NORMAL && data.length > 0) this.#modules.stateMachine.apply({ index, term, data });
      core.advance({ kind: "applied", index });
      this.#snapshotter.applied(data.length);
      this.#proposals.applied(index, term);
      this.#appliedIndex.set(index);
    }
  }

  #observeLeadership(core: RaftCore): void {
    const { term, termStart, applied } = core.status;
    const leadingTerm = termStart !== undefined && applied >= termStart ? term : undefined;
    if (leadingTerm === this.#leadingTerm) return;
    this.#stopLeading(undefined);
    if (leadingTerm !== undefined) this.#startLeading(leadingTerm);
  }

  /** not leading → leading, once an entry of the own term has been applied. */
  #startLeading(term: number): void {
    this.#leadingTerm = term;
    this.#modules.log.info("raft leader", { term });
    for (const listener of this.#leadershipListeners) listener({ leading: true, term });
  }

  /** leading → not leading. Proposals learn it before anybody is told to stop. */
  #stopLeading(cause: unknown): void {
    const term = this.#leadingTerm;
    this.#leadingTerm = undefined;
    this.#proposals.rejectAll(cause);
    if (term === undefined) return;
    this.#modules.log.info("raft leadership ended", { term });
    for (const listener of this.#leadershipListeners) listener({ leading: false, term });
  }

  #tickLater(core: RaftCore): void {
    this.#ticker = this.#modules.clock.after(this.#options.tickMs, () => {
      if (this.#phase !== "running") return;
      core.tick();
      this.#askTurn();
      this.#tickLater(core);
    });
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** running → failed. Nothing unsynced was acknowledged, and nothing will be (S1). */
  #fail(error: unknown): void {
    if (this.#phase === "failed") return;
    this.#phase = "failed";
    this.#modules.log.error("raft member failed", { error: messageOf(error) });
    this.#end(error);
    const reason = error instanceof Error ? error : new Error(String(error));
    for (const listener of this.#fatalListeners) listener(reason);
  }

  #end(cause: unknown): void {
    this.#ticker?.cancel();
    this.#stopLeading(cause);
  }
}
