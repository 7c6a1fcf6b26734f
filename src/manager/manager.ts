// What runs always on a manager: the Raft member, the store behind it, and, for as long as it leads, everything else.

import {
  type Clock,
  type Disk,
  InvariantError,
  type Log,
  type Metrics,
  messageOf,
  type Random,
  SwarmError,
  sleep,
  type Timer,
} from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { Membership as RaftMembership } from "../gen/skep/raft/v1/raft.js";
import {
  RaftMember,
  type RaftOptions,
  type RaftStatus,
  type Sealer,
  type StateMachine,
  type Transport,
} from "../raft/index.js";
import { NotLeader, Store, UnknownOutcome, type Writer } from "../store/index.js";
import { bootstrapSwarm, type NewSwarm } from "./bootstrap.js";
import type { Pki } from "./ca/index.js";
import { asStoreError } from "./consensus.js";
import { type Control, type Membership } from "./control/index.js";
import { Directory, type KnownManager } from "./directory.js";
import { forgetOthers } from "./forget-others.js";
import { Heard } from "./heard.js";
import { Leading } from "./leading.js";
import { localControl } from "./local-control.js";
import { membershipOf } from "./membership.js";
import { type Quorum, QuorumWatch } from "./quorum.js";

export interface ManagerOptions {
  readonly nodeId: string;
  /** The swarm this node's certificate is of: a log of another one is refused. */
  readonly clusterId?: string;
  /** host:port other nodes reach this manager at. */
  readonly advertiseAddr: string;
  readonly raftId: number;
  /** Set on the first start of a new swarm's first manager. */
  readonly newSwarm: NewSwarm | undefined;
  /** An empty log is to be filled by the leader of the swarm this manager joins. */
  readonly join?: boolean;
  /** Every other manager is given up: this one alone is the consensus. */
  readonly forceNewCluster?: boolean;
  /** Who the others are, until the store knows better: the answer to Join. */
  readonly peers?: readonly KnownManager[];
  /** Called when this manager can go on no more: its disk failed, or a bug was found. */
  readonly onFatal: (error: Error) => void;
  /** Who leads may be another than it was, or this manager's leading work has begun or ended. */
  readonly onLeader?: () => void;
  /** Freezes every row deeply: for simulations. */
  readonly freezeRows?: boolean;
  /** Sizes of the log and its ticks other than the library's: for simulations. */
  readonly raftSizes?: Pick<
    RaftOptions,
    "tickMs" | "segmentBytes" | "snapshotEntries" | "trailingEntries" | "laggingEntriesMax"
  >;
}

export interface ManagerModules {
  readonly disk: Disk;
  readonly sealer: Sealer;
  readonly pki: Pki;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** To the other managers; without one there are none. */
  readonly transport?: Transport;
  readonly nextTurn: (fn: () => void) => void;
  readonly atOnce?: (fn: () => void) => void;
  /** The handle a part of the leading work writes through; the simulation watches here who writes what. */
  readonly writerOf?: (part: string, writer: Writer) => Writer;
}

/** A part of the leading work that failed is started anew after this long. */
const restartLeadingMs = 1_000;
/** A clean stop waits this long for another manager to take over. */
const handOverMs = 1_000;
/** One that could not be asked just now may be asked again after this long. */
const handOverRetryMs = 100;

export class Manager {
  readonly store: Store;
  readonly #options: ManagerOptions;
  readonly #modules: ManagerModules;
  readonly #raft: RaftMember;
  readonly #self: KnownManager;
  readonly #directory: Directory;
  /** The managers as this one sees them. */
  readonly #managers: Membership;
  readonly #heard: Heard;
  readonly #quorum: QuorumWatch;
  readonly #life = new AbortController();
  #localControl: Control | undefined;
  #leading: Leading | undefined;
  /** The handle of the term led in; absent while not leading. */
  #writer: Writer | undefined;
  /** Ends of earlier leading work that are still under way. */
  #ending: Promise<void> = Promise.resolve();
  #restart: Timer | undefined;
  #hasForgotten = false;
  readonly #waiters = new Set<() => void>();

  constructor(options: ManagerOptions, modules: ManagerModules) {
    this.#options = options;
    this.#modules = modules;
    const { clock, metrics, nextTurn } = modules;
    const { nodeId, raftId, advertiseAddr: addr, peers = [], newSwarm, join = false, freezeRows = false } = options;
    const { forceNewCluster = false, raftSizes } = options;
    this.store = new Store(
      { freeze: freezeRows },
      {
        clock,
        metrics,
        nextTurn,
        log: { propose: (data, term) => this.#raft.propose(data, term).catch(asStoreError) },
      },
    );
    this.#raft = new RaftMember(
      {
        ...{ ...raftSizes, id: raftId, folder: "raft", bootstrap: newSwarm !== undefined, join, forceNewCluster },
        ticks: () => ticksOf(this.store),
      },
      { ...modules, stateMachine: stateMachineOf(this.store) },
    );
    this.#self = { nodeId, raftId, addr };
    this.#directory = new Directory(this.#self, peers, this.store);
    this.#heard = new Heard(clock);
    const seen = { raftId, directory: this.#directory, heard: this.#heard };
    this.#managers = membershipOf({ ...seen, consensus: this.#raft });
    this.#quorum = new QuorumWatch({ ...seen, clock, metrics, store: this.store, status: () => this.#raft.status });
    this.#raft.onLeadership(({ leading, term }) => (leading ? this.#lead(term) : this.#unlead()));
    this.#raft.onLeader(() => options.onLeader?.());
    this.#raft.onFatal(options.onFatal);
  }

  /** What only the leader has; absent while this manager does not lead, or was stopped so long that it is not sure of it. */
  get leading(): Leading | undefined {
    // Looks at the clock: a process that was stopped and goes on may be asked for a read before its first tick.
    return this.#raft.leadingTerm() === undefined ? undefined : this.#leading;
  }

  get raftStatus(): RaftStatus {
    return this.#raft.status;
  }

  /** Its member's role and term, for who asks with each request: the whole status is much to gather. */
  get isRaftLeader(): boolean {
    return this.#raft.leader === this.#self.raftId;
  }

  get term(): number {
    return this.#raft.term;
  }

  /** Reads of what is applied here, whether anybody leads or not; every write is refused. */
  get localControl(): Control {
    this.#localControl ??= localControl({
      ...this.#modules,
      store: this.store,
      membership: this.#managers,
      signal: this.#life.signal,
    });
    return this.#localControl;
  }

  addressOf(raftId: number): string | undefined {
    return this.#directory.addressOf(raftId);
  }

  nodeIdOf(raftId: number): string | undefined {
    return this.#directory.nodeIdOf(raftId);
  }

  /** host:port of the manager that leads; "" when none is known, or this one is still beginning to or not sure that it does. */
  leaderAddr(): string {
    const { leader } = this.#raft;
    if (leader === undefined || (leader === this.#self.raftId && this.leading === undefined)) return "";
    return this.#directory.addressOf(leader) ?? "";
  }

  /** Who takes part in the consensus, by raft id, as of the last entry applied here. */
  get membership(): RaftMembership {
    return this.#raft.membership;
  }

  /** What Join answered: whom this manager may hear from before its store says so. */
  peersAre(peers: readonly KnownManager[]): void {
    this.#directory.peersAre(peers);
  }

  /** Every manager that is known by now: whom to keep in mind for the next start. */
  get managers(): readonly KnownManager[] {
    return this.#directory.all();
  }

  quorum(): Quorum {
    return this.#quorum.now();
  }

  /** Loads what is on disk; rejects when it is damaged or somebody else's. Resolves before this manager leads. */
  async start(): Promise<void> {
    await this.#raft.start();
    this.#refuseForeignData();
    this.#quorum.start();
  }

  /** Hands leadership over if it can, then ends leading and the member, in this order; what is on disk stays. */
  async stop(): Promise<void> {
    this.#restart?.cancel();
    const { clock } = this.#modules;
    await Promise.race([this.handOver(), sleep(clock, handOverMs, this.#life.signal)]);
    this.#restart?.cancel();
    this.#quorum.stop();
    this.#life.abort(new Error("the manager is stopping"));
    await this.#leading?.stop("the manager is stopping");
    await this.#raft.stop();
    await this.#ending;
  }

  /** True once this manager leads no more; false: nobody could take over. */
  async handOver(): Promise<boolean> {
    if (this.#raft.status.role !== "leader") return true;
    if (this.#raft.membership.voters.length <= 1) return false;
    if (await this.#raft.handOver()) return true;
    await sleep(this.#modules.clock, handOverRetryMs);
    return this.#raft.handOver();
  }

  /** Resolves with an index once this manager's store has all that was acknowledged before the call. */
  readIndex(): Promise<number> {
    return this.#raft.readIndex();
  }

  /** A message of another member. */
  step(message: Message): void {
    this.#heard.note(message.from);
    this.#raft.step(message);
  }

  receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#heard.note(message.from);
    return this.#raft.receiveSnapshot(message, chunks);
  }

  /** A message to this member was lost. */
  unreachable(raftId: number): void {
    this.#raft.unreachable(raftId);
  }

  /** The connection to this member broke, either way. */
  connectionBroken(raftId: number): void {
    this.#heard.broke(raftId);
    this.#raft.connectionBroken(raftId);
  }

  /** Resolves once this manager leads and its work has begun; rejects with the signal's reason. */
  async untilLeading(signal: AbortSignal): Promise<Leading> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#leading) return this.#leading;
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** not leading → leading: the first leader of a new swarm writes its first rows before anything else. */
  #lead(term: number): void {
    const writer = this.store.lead(term);
    this.#writer = writer;
    this.#beginOrFail(writer);
  }

  #beginOrFail(writer: Writer): void {
    this.#begin(writer).catch((error: unknown) => {
      if (!isOfTerm(error)) this.#options.onFatal(asError(error));
      else if (this.#writer === writer) this.#beginLater(writer);
    });
  }

  async #begin(writer: Writer): Promise<void> {
    await this.#ending;
    // What is committed since the last start is in the store only now.
    this.#refuseForeignData();
    await this.#writeFirstRows(writer);
    if (this.#writer !== writer) return;
    const leading = new Leading(
      { onFailure: (component, error) => this.#leadingFailed(writer, component, error) },
      {
        ...this.#modules,
        ...{ store: this.store, writer, self: this.#self, membership: this.#managers },
        ...{ consensus: this.#raft, directory: this.#directory, heard: this.#heard },
      },
    );
    this.#leading = leading;
    leading.start();
    this.#options.onLeader?.();
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  async #writeFirstRows(writer: Writer): Promise<void> {
    const { newSwarm, raftId, advertiseAddr: addr, forceNewCluster = false } = this.#options;
    if (newSwarm && this.store.cluster === undefined) {
      await bootstrapSwarm(newSwarm, { raftId, addr }, writer, this.#modules.random);
    }
    if (!forceNewCluster || this.#hasForgotten) return;
    await forgetOthers(this.#self, writer);
    this.#hasForgotten = true;
  }

  /** leading → not leading: what is queued is rejected before the parts are told to stop. */
  #unlead(): void {
    this.#writer = undefined;
    this.store.unlead();
    this.#end("leadership ended");
  }

  #end(reason: string): void {
    this.#restart?.cancel();
    const leading = this.#leading;
    this.#leading = undefined;
    this.#options.onLeader?.();
    if (leading) this.#ending = leading.stop(reason);
  }

  /** A bug ends the process; anything else ends this leading work: another manager leads, or, alone, it begins anew. */
  #leadingFailed(writer: Writer, component: string, error: Error): void {
    if (this.#writer !== writer) return;
    if (error instanceof InvariantError) return this.#options.onFatal(error);
    // Writes are refused while leadership is handed over, which may yet fail.
    this.#end(`component ${component} failed`);
    this.#beginLater(writer);
    if (isOfTerm(error)) return;
    this.#modules.log.error("leading work failed, starting it anew", { component, error: messageOf(error) });
    void this.#handOverAfterFailure();
  }

  #beginLater(writer: Writer): void {
    this.#restart?.cancel();
    this.#restart = this.#modules.clock.after(restartLeadingMs, () => {
      if (this.#writer === writer && !this.#life.signal.aborted) this.#beginOrFail(writer);
    });
  }

  /** A copied data folder would speak with the voice of the node it was copied from. */
  #refuseForeignData(): void {
    const { nodeId, raftId } = this.#self;
    const { clusterId } = this.#options;
    const loadedId = this.store.cluster?.id;
    if (clusterId !== undefined && loadedId !== undefined && loadedId !== clusterId) {
      throw new SwarmError("FailedPrecondition", `the log is of swarm ${loadedId}, this node is of swarm ${clusterId}`);
    }
    const owner = this.#directory.nodeIdOf(raftId);
    if (owner !== undefined && owner !== nodeId) {
      throw new SwarmError("FailedPrecondition", `the log is the one of node ${owner}, this is node ${nodeId}`);
    }
  }

  async #handOverAfterFailure(): Promise<void> {
    if (await this.handOver()) this.#modules.log.info("leadership handed over after a failure");
  }
}

/** Docker's ElectionTick and HeartbeatTick, as `swarm update` or another tool set them: in force from the next start on. */
function ticksOf({ cluster }: Store): { readonly electionTicks: number; readonly heartbeatTicks: number } | undefined {
  const raft = cluster?.spec?.raft;
  return raft && { electionTicks: raft.electionTick, heartbeatTicks: raft.heartbeatTick };
}

function stateMachineOf(store: Store): StateMachine {
  return {
    apply: (entry) => store.apply(entry),
    snapshot: () => store.snapshot(),
    restore: (chunks) => store.restore(chunks),
  };
}

/** What a write is answered when leadership is, or may be, lost. */
function isOfTerm(error: unknown): boolean {
  return error instanceof NotLeader || error instanceof UnknownOutcome;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
