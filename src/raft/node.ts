// One member: the loop around the core. Step → ready → send → persist → apply → advance; what a Ready asks for is carried out
// here and reported back. Appends leave before the own sync, promises after it. Alone, proposals made while a batch is being
// synced travel together in the next one (group commit); with others they enter the log at once, so that a majority of
// followers need not wait for a slow leader's disk, and the batch is what gathered in the log meanwhile.

import { invariant, messageOf } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import {
  type ConfChange,
  type Entry,
  EntryKind,
  type Membership,
  type SnapshotMeta,
} from "../gen/skep/raft/v1/raft.js";
import { type ConfRefusal, nobody } from "./core/conf.js";
import { RaftCore } from "./core/core.js";
import type { Persist, ProgressStatus, Ready } from "./core/types.js";
import { type Loaded, load } from "./load.js";
import { completed, type RaftOptions, saneTicks } from "./options.js";
import { Outgoing } from "./outgoing.js";
import { type Parts, partsOf, type RaftModules } from "./parts.js";
import { statusOf } from "./status.js";
import { type Leadership, NotLeaderError, type RaftNode, type RaftStatus } from "./types.js";

/** While stopping, what is in flight is finished and nothing new is taken. */
type Phase = "new" | "running" | "stopping" | "stopped" | "failed";

export class RaftMember implements RaftNode {
  #options: Required<RaftOptions>;
  readonly #modules: RaftModules;
  readonly #parts: Parts;
  readonly #outgoing: Outgoing;
  readonly #fatalListeners: ((error: Error) => void)[] = [];
  #core: RaftCore | undefined;
  #phase: Phase = "new";
  #loading: Promise<Loaded> | undefined;
  /** A write of the log, or a snapshot on its way into the state. */
  #persisting: Promise<void> | undefined;
  #isTurnAsked = false;

  constructor(options: RaftOptions, modules: RaftModules) {
    this.#options = completed(options);
    this.#modules = modules;
    this.#parts = partsOf(this.#options, modules, (error) => this.#fail(error));
    const { transport, exchange, tenure, doubt } = this.#parts;
    tenure.onChange(({ leading }) => {
      if (leading) doubt.begin();
      else doubt.end();
    });
    this.#outgoing = new Outgoing({ id: options.id, transport, exchange, enter: (report) => this.#enter(report) });
  }

  get status(): RaftStatus {
    const { snapshotIndex } = this.#parts.snapshotter;
    const { tickMs } = this.#options;
    return statusOf({ core: this.#core, snapshotIndex, tickMs, isRunning: this.#phase === "running" });
  }

  /** The member that leads, as in `status`; undefined when none is known, or this one does not run. */
  get leader(): number | undefined {
    return this.#phase === "running" ? this.#core?.leader || undefined : undefined;
  }

  /** As in `status`. */
  get term(): number {
    return this.#core?.term ?? 0;
  }

  /** Who takes part, as of the last entry applied here. */
  get membership(): Membership {
    return this.#core?.membership ?? nobody;
  }

  /** What this member knows of the others while it leads. */
  get peers(): readonly ProgressStatus[] {
    return this.#phase === "running" ? (this.#core?.progress ?? []) : [];
  }

  /** For checks from outside: read only. */
  get core(): RaftCore | undefined {
    return this.#core;
  }

  onLeadership(listener: (change: Leadership) => void): void {
    this.#parts.tenure.onChange(listener);
  }

  /** Told when `leader` or `term` is another than it was. */
  onLeader(listener: () => void): void {
    this.#parts.tenure.onLeader(listener);
  }

  onFatal(listener: (error: Error) => void): void {
    this.#fatalListeners.push(listener);
  }

  async start(): Promise<void> {
    invariant(this.#phase === "new", "a member starts once", { phase: this.#phase });
    const { random, stateMachine } = this.#modules;
    this.#loading = load(this.#options, this.#parts.storage, stateMachine);
    const loaded = await this.#loading;
    const core = new RaftCore(this.#options, random, loaded.state);
    this.#core = core;
    this.#parts.snapshotter.begin(core, loaded.snapshotIndex);
    await this.#applyLoaded(core);
    if (this.#phase !== "new") return;
    this.#takeTicks(core);
    this.#phase = "running";
    this.#parts.ticker.start(() => this.#tick(core));
    // Alone, there is nobody to wait for.
    if (core.status.membership.voters.length === 1) core.campaign();
    this.#askTurn();
  }

  async stop(): Promise<void> {
    if (this.#phase === "running" || this.#phase === "new") this.#phase = "stopping";
    // Who is stopped while it starts has its log to open before it can close it.
    await this.#loading?.catch(() => {});
    this.#parts.exchange.stop();
    // What is in flight still gets its answer; what is queued is never written.
    while (this.#persisting) await this.#persisting;
    await this.#parts.snapshotter.stop();
    if (this.#phase === "stopping") this.#end(undefined);
    if (this.#phase !== "failed") this.#phase = "stopped";
    await this.#parts.storage.raftLog.close();
  }

  /**
   * The term led in, after a look at the clock: before a read is answered from the state. A leader that has not got round to
   * its ticks for half an election timeout (a stopped process goes on) may have a successor: undefined until a majority has
   * said that it has none.
   */
  leadingTerm(): number | undefined {
    this.#lookAtClock();
    return this.#parts.doubt.isOpen ? undefined : this.#writingTerm;
  }

  /** Writes need no certainty: they need a majority in this term. */
  get #writingTerm(): number | undefined {
    return this.#phase === "running" ? this.#parts.tenure.term : undefined;
  }

  propose(data: Uint8Array, term: number): Promise<void> {
    this.#lookAtClock();
    if (this.#writingTerm !== term) return Promise.reject(new NotLeaderError());
    const outcome = this.#parts.proposals.add(data, term);
    this.#askTurnNow();
    return outcome;
  }

  /** A message from another member. */
  step(message: Message): void {
    this.#enter((core) => core.step(message));
  }

  /**
   * A snapshot from another member: its message, and its chunks on a connection of its own. Resolves once it is whole and
   * durable here, or is not needed; rejects when it was not taken.
   */
  async receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const meta = message.body?.$case === "snapshot" ? message.body.value.meta : undefined;
    if (!meta || !this.#core || this.#phase !== "running") throw new NotLeaderError();
    if (this.#core.wantsSnapshot(meta)) await this.#parts.exchange.receive(meta, chunks);
    this.step(message);
  }

  /** Changes who takes part, one member at a time: resolves once that is applied here; rejects as `propose` does, or says why not now. */
  async proposeConfChange(change: ConfChange, term: number): Promise<ConfRefusal | undefined> {
    this.#lookAtClock();
    if (!this.#core || this.#writingTerm !== term) throw new NotLeaderError();
    const index = this.#core.proposeConfChange(change);
    if (typeof index !== "number") return index;
    const applied = this.#parts.proposals.track(index, term);
    this.#askTurn();
    await applied;
    // Else all could restart with the old membership, when who was removed is already gone.
    while (this.#phase === "running" && !this.#core.isMembershipDurable) {
      await (this.#persisting ?? new Promise<void>((resolve) => this.#modules.nextTurn(resolve)));
    }
    return undefined;
  }

  /** Resolves with an index once this member's state contains all that any member had acknowledged before the call. */
  readIndex(): Promise<number> {
    const core = this.#core;
    if (this.#phase !== "running" || !core) return Promise.reject(new NotLeaderError());
    const read = this.#parts.reads.add((context) => core.readIndex(context));
    this.#askTurn();
    return read;
  }

  /** Hands leadership to `to`, or to the voter that has most. Resolves with true once this member leads no more; false: it still does. */
  handOver(to?: number): Promise<boolean> {
    const core = this.#core;
    if (this.#phase !== "running" || core?.role !== "leader") return Promise.resolve(true);
    const target = to ?? core.successor;
    if (target === undefined || !core.transferLeader(target)) return Promise.resolve(false);
    this.#askTurn();
    return this.#parts.tenure.handovers.wait();
  }

  /** A message to this member was lost. */
  unreachable(member: number): void {
    this.#enter((core) => core.reportUnreachable(member));
  }

  /** The connection to this member broke, either way: if it leads, its process may be gone. */
  connectionBroken(member: number): void {
    this.#enter((core) => {
      core.reportUnreachable(member);
      core.suspect(member);
    });
  }

  #enter(run: (core: RaftCore) => void): void {
    const core = this.#core;
    this.#lookAtClock();
    if (!core || this.#phase !== "running") return;
    this.#guarded(() => run(core));
    this.#askTurnNow();
  }

  async #applyLoaded(core: RaftCore): Promise<void> {
    for (let ready = core.ready(); ready; ready = core.ready()) {
      this.#apply(core, ready.committed);
      await new Promise<void>((resolve) => this.#modules.nextTurn(resolve));
    }
  }

  #takeTicks(core: RaftCore): void {
    const asked = this.#options.ticks();
    if (!asked) return;
    const ticks = saneTicks(asked);
    this.#options = { ...this.#options, ...ticks };
    this.#parts.doubt.timeoutIs(ticks.electionTicks * this.#options.tickMs);
    core.setTicks(ticks);
  }

  #askTurn(): void {
    if (this.#isTurnAsked) return;
    this.#isTurnAsked = true;
    this.#modules.nextTurn(() => this.#turn());
  }

  /** At rest nothing is to be gathered: what came in is acted upon once its caller is done. */
  #askTurnNow(): void {
    const { atOnce } = this.#modules;
    if (this.#isTurnAsked || this.#persisting || atOnce === undefined) return this.#askTurn();
    this.#isTurnAsked = true;
    atOnce(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnAsked = false;
    const core = this.#core;
    if (!core || this.#phase !== "running") return;
    // Alone, proposals gather while a batch is under way; so one that is not yet in flight has certainly not happened.
    if (!this.#persisting || !core.isAlone) this.#parts.proposals.dispatch(core.term, (data) => core.propose(data));
    this.#guarded(() => this.#carryOut(core, core.ready()));
  }

  #carryOut(core: RaftCore, ready: Ready | undefined): void {
    if (ready) this.#outgoing.send(ready.send);
    if (ready?.persist) this.#persisting = this.#persist(core, ready.persist, ready.sendAfterPersist);
    else if (ready) this.#outgoing.send(ready.sendAfterPersist);
    if (ready?.install) this.#persisting = this.#install(core, ready.install);
    if (ready) this.#apply(core, ready.committed);
    if (ready?.probe !== undefined) this.#outgoing.probe(ready.probe);
    this.#parts.reads.answered(ready?.reads ?? []);
    this.#parts.reads.release(core.applied);
    this.#parts.tenure.observe(core);
    if (core.role !== "leader") this.#parts.exchange.stopSending();
    this.#parts.snapshotter.consider();
    if (ready) this.#askTurn();
  }

  /** Never rejects: a failure ends the member. */
  async #persist(core: RaftCore, persist: Persist, after: readonly Message[]): Promise<void> {
    const { clock } = this.#modules;
    const startedMs = clock.monotonic();
    try {
      await this.#parts.storage.raftLog.append(persist);
    } catch (error) {
      this.#persisting = undefined;
      return this.#fail(error);
    }
    this.#parts.persistSeconds.observe((clock.monotonic() - startedMs) / 1000);
    this.#persisting = undefined;
    if (this.#phase === "failed") return;
    this.#guarded(() => {
      this.#outgoing.send(after);
      core.advance({ kind: "persisted" });
      // Applied before anything new is taken: who waited for these can join the next batch.
      this.#carryOut(core, core.ready());
      this.#askTurn();
    });
  }

  /** Never rejects: a failure ends the member. Nothing is written or applied meanwhile. */
  async #install(core: RaftCore, meta: SnapshotMeta): Promise<void> {
    try {
      await this.#parts.snapshotter.stop();
      await this.#parts.exchange.install(meta);
    } catch (error) {
      this.#persisting = undefined;
      return this.#fail(error);
    }
    this.#persisting = undefined;
    if (this.#phase === "failed") return;
    this.#guarded(() => {
      core.advance({ kind: "installed" });
      this.#parts.snapshotter.begin(core, meta.position?.index ?? 0);
      if (this.#phase !== "running") return;
      this.#carryOut(core, core.ready());
      this.#askTurn();
    });
  }

  #apply(core: RaftCore, committed: readonly Entry[]): void {
    for (const { index, term, kind, data } of committed) {
      if (kind === EntryKind.NORMAL && data.length > 0) this.#modules.stateMachine.apply({ index, term, data });
      core.advance({ kind: "applied", index });
      this.#parts.snapshotter.applied(data.length);
      this.#parts.proposals.applied(index, term);
      this.#parts.appliedIndex.set(index);
    }
  }

  #tick(core: RaftCore): void {
    this.#lookAtClock();
    if (this.#phase !== "running") return;
    this.#guarded(() => core.tick());
    this.#parts.reads.tick();
    if (this.#parts.doubt.isUnanswered && core.role === "leader") this.#askWhetherItLeads();
    this.#askTurn();
  }

  /** Before anything that comes in is taken, and anything is said: what comes in may be as old as the stall. */
  #lookAtClock(): void {
    const { ticker, doubt } = this.#parts;
    const { lateMs } = ticker;
    const todo = doubt.judge(lateMs);
    const core = this.#core;
    if (todo === "none" || core?.role !== "leader" || this.#phase !== "running") return;
    // Alone it goes on.
    if (core.isAlone) return;
    ticker.noticed();
    const ms = Math.round(lateMs);
    if (todo === "doubt") {
      this.#modules.log.warn("raft leader stalled", { ms });
      return this.#askWhetherItLeads();
    }
    this.#modules.log.warn("raft leader stalled, stepping down", { ms });
    this.#guarded(() => core.resign());
    this.#parts.tenure.observe(core);
    this.#askTurn();
  }

  #askWhetherItLeads(): void {
    this.#parts.doubt.open(this.readIndex(), () => this.#parts.tenure.tellLeader());
    this.#parts.tenure.tellLeader();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** running → failed. Nothing unsynced was acknowledged, and nothing will be (S1); who leads hands over with its last word. */
  #fail(error: unknown): void {
    if (this.#phase === "failed") return;
    this.#phase = "failed";
    if (this.#core) this.#outgoing.lastWord(this.#core);
    this.#modules.log.error("raft member failed", { error: messageOf(error) });
    this.#end(error);
    const reason = error instanceof Error ? error : new Error(String(error));
    for (const listener of this.#fatalListeners) listener(reason);
  }

  #end(cause: unknown): void {
    this.#parts.ticker.stop();
    this.#parts.reads.rejectAll();
    this.#parts.tenure.end(cause);
  }
}
