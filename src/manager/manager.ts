// What runs always on a manager: the Raft member, the store behind it, and, for as long as it leads, everything else.

import {
  type Clock,
  type Disk,
  InvariantError,
  type Log,
  type Metrics,
  messageOf,
  type Random,
  type Timer,
} from "../base/index.js";
import {
  NotLeaderError,
  RaftMember,
  type RaftStatus,
  type Sealer,
  type StateMachine,
  UnknownOutcomeError,
} from "../raft/index.js";
import { NotLeader, Store, UnknownOutcome, type Writer } from "../store/index.js";
import { bootstrapSwarm, type NewSwarm } from "./bootstrap.js";
import type { Pki } from "./ca/index.js";
import { Leading } from "./leading.js";
import { localMembership } from "./roles.js";

export interface ManagerOptions {
  readonly nodeId: string;
  /** host:port other nodes reach this manager at. */
  readonly advertiseAddr: string;
  readonly raftId: number;
  /** Set on the first start of a new swarm's first manager. */
  readonly newSwarm: NewSwarm | undefined;
  /** Called when this manager can go on no more: its disk failed, or a bug was found. */
  readonly onFatal: (error: Error) => void;
  /** Freezes every row deeply: for simulations. */
  readonly freezeRows?: boolean;
}

export interface ManagerModules {
  readonly disk: Disk;
  readonly sealer: Sealer;
  readonly pki: Pki;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly nextTurn: (fn: () => void) => void;
  /** The handle a part of the leading work writes through; the simulation watches here who writes what. */
  readonly writerOf?: (part: string, writer: Writer) => Writer;
}

/** A part of the leading work that failed is started anew after this long. */
const restartLeadingMs = 1_000;

export class Manager {
  readonly store: Store;
  readonly #options: ManagerOptions;
  readonly #modules: ManagerModules;
  readonly #raft: RaftMember;
  #leading: Leading | undefined;
  /** The handle of the term led in; absent while not leading. */
  #writer: Writer | undefined;
  /** Ends of earlier leading work that are still under way. */
  #ending: Promise<void> = Promise.resolve();
  #restart: Timer | undefined;
  readonly #waiters = new Set<() => void>();

  constructor(options: ManagerOptions, modules: ManagerModules) {
    this.#options = options;
    this.#modules = modules;
    const { clock, metrics } = modules;
    this.store = new Store(
      { freeze: options.freezeRows ?? false },
      { clock, metrics, log: { propose: (data, term) => this.#raft.propose(data, term).catch(asStoreError) } },
    );
    const bootstrap = options.newSwarm !== undefined;
    this.#raft = new RaftMember(
      { id: options.raftId, folder: "raft", bootstrap },
      { ...modules, stateMachine: stateMachineOf(this.store) },
    );
    this.#raft.onLeadership(({ leading, term }) => (leading ? this.#lead(term) : this.#unlead()));
    this.#raft.onFatal(options.onFatal);
  }

  /** What only the leader has; absent while this manager does not lead. */
  get leading(): Leading | undefined {
    return this.#leading;
  }

  get raftStatus(): RaftStatus {
    return this.#raft.status;
  }

  /** Loads what is on disk. Resolves before this manager leads. */
  async start(): Promise<void> {
    await this.#raft.start();
  }

  /** Ends leading and the member, in this order; what is on disk stays. */
  async stop(): Promise<void> {
    this.#restart?.cancel();
    await this.#leading?.stop("the manager is stopping");
    await this.#raft.stop();
    await this.#ending;
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
    this.#begin(writer).catch((error: unknown) => {
      if (!(error instanceof NotLeader)) this.#options.onFatal(asError(error));
    });
  }

  async #begin(writer: Writer): Promise<void> {
    await this.#ending;
    const { newSwarm, nodeId, advertiseAddr } = this.#options;
    if (newSwarm && this.store.cluster === undefined) await bootstrapSwarm(newSwarm, writer, this.#modules.random);
    if (this.#writer !== writer) return;
    const leading = new Leading(
      { onFailure: (component, error) => this.#leadingFailed(writer, component, error) },
      {
        ...this.#modules,
        store: this.store,
        writer,
        membership: localMembership(nodeId, advertiseAddr),
      },
    );
    this.#leading = leading;
    leading.start();
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
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
    if (leading) this.#ending = leading.stop(reason);
  }

  /** A bug ends the process; anything else ends this leading work, and with one voter nobody else can take over. */
  #leadingFailed(writer: Writer, component: string, error: Error): void {
    if (error instanceof NotLeader) return;
    if (error instanceof InvariantError) return this.#options.onFatal(error);
    this.#modules.log.error("leading work failed, starting it anew", { component, error: messageOf(error) });
    this.#end(`component ${component} failed`);
    this.#restart = this.#modules.clock.after(restartLeadingMs, () => {
      this.#begin(writer).catch((failure: unknown) => {
        if (!(failure instanceof NotLeader)) this.#options.onFatal(asError(failure));
      });
    });
  }
}

function stateMachineOf(store: Store): StateMachine {
  return {
    apply: (entry) => store.apply(entry),
    snapshot: () => store.snapshot(),
    restore: (chunks) => store.restore(chunks),
  };
}

function asStoreError(error: unknown): never {
  if (error instanceof NotLeaderError) throw new NotLeader();
  if (error instanceof UnknownOutcomeError) throw new UnknownOutcome(undefined, { cause: error.cause });
  throw error;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
