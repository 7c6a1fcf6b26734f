// A manager's process of a simulated cluster: the real Manager on a disk that outlives it, between the others.

import { type Clock, type Log, messageOf, type Random, silentMetrics } from "../../base/index.js";
import { type AgentMessage, type ManagerMessage, RefusalKind } from "../../gen/skep/v1/dispatcher.js";
import type { JoinMembersRequest, JoinMembersResponse } from "../../gen/skep/v1/members.js";
import { type ClusterSpec, NodeAvailability, NodeRole } from "../../gen/skep/v1/specs.js";
import { createCluster, type Pki } from "../../manager/ca/index.js";
import { type KnownManager, type Leading, Manager, type ManagerOptions, type NewSwarm } from "../../manager/index.js";
import { defaultAddressPool, defaultDataPathPort, defaultSubnetSize, initialClusterSpec } from "../../model/index.js";
import { openSealer } from "../../raft/index.js";
import type { Store, Transaction } from "../../store/index.js";
import { SimDisk, type Survival } from "../disk.js";
import type { SeededRandom } from "../random.js";
import { belong } from "./belonging.js";
import type { Accepted } from "./link.js";
import { logOf } from "./log.js";
import { SimProgram } from "./program.js";
import type { RaftLines } from "./raft-lines.js";
import { type OnWritten, recordedWriter } from "./recorder.js";
import { watchedDisk } from "./watched-disk.js";

/** One write to the disk and its sync: a good SSD. */
export const diskMs = 0.5;
const electionMs = 1_000;
/** A manager that its disk has ended is started anew after this long. */
const brokenMs = 1_500;

export interface SimManagerOptions {
  /** The name of its machine. */
  readonly name: string;
  /** host:port. */
  readonly address: string;
  readonly raftSizes?: NonNullable<ManagerOptions["raftSizes"]>;
}

export interface SimManagerModules {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly log: Log;
  readonly pki: Pki;
  readonly lines: RaftLines;
  /** How far the wall clock of its machine is ahead. */
  readonly wallOffsetMs: () => number;
  /** Asks whoever leads to let this manager in. */
  readonly join: (from: SimManager, request: JoinMembersRequest) => Promise<JoinMembersResponse>;
  /** The process came up with this store, loaded or empty. */
  readonly onStore: (store: Store, signal: AbortSignal) => void;
  readonly onWritten: OnWritten;
  /** An entry of the log reached a manager's store, which was at this revision. */
  readonly onApply: (revision: number, entry: AppliedEntry) => void;
  /** What a part writes goes through this first. */
  readonly plant: (part: string, tx: Transaction) => Transaction;
  /** The log on the disk was synced. */
  readonly onSynced: () => void;
  /** The machine died at its disk. */
  readonly onMachineDead: () => void;
  readonly onFatal: (error: Error) => void;
}

export interface AppliedEntry {
  readonly term: number;
  readonly data: Uint8Array;
}

interface Running {
  readonly program: SimProgram;
  readonly manager: Manager;
}

export class SimManager {
  readonly name: string;
  readonly address: string;
  disk: SimDisk;
  readonly #options: SimManagerOptions;
  readonly #modules: SimManagerModules;
  readonly #random: SeededRandom;
  #running: Running | undefined;
  /** Rises with each start: what the process draws differs from the last life's. */
  #lives = 0;
  #nodeId = "";
  #raftId = 1;
  #peers: readonly KnownManager[] = [];
  /** Never became part of the consensus yet. */
  #isJoining = false;
  /** It belongs to no consensus any more. */
  #isOver = false;

  constructor(options: SimManagerOptions, modules: SimManagerModules) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.#modules = modules;
    this.#random = modules.random;
    this.disk = this.#newDisk();
  }

  get nodeId(): string {
    return this.#nodeId;
  }

  get raftId(): number {
    return this.#raftId;
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  get isPaused(): boolean {
    return this.#running?.program.isPaused ?? false;
  }

  /** The process that runs. */
  get manager(): Manager | undefined {
    return this.#running?.manager;
  }

  get program(): SimProgram | undefined {
    return this.#running?.program;
  }

  /** What only the leader has; a paused one answers nobody. */
  get leading(): Leading | undefined {
    return this.isPaused ? undefined : this.#running?.manager.leading;
  }

  /** What the process that runs holds; undefined while none does. */
  get store(): Store | undefined {
    return this.#running?.manager.store;
  }

  /** Calls `fn` when the process that runs now has died. */
  onceDown(fn: () => void): void {
    if (this.#running) this.#running.program.onEnd(fn);
    else fn();
  }

  /** `swarm init`. */
  async init(availability: NodeAvailability = NodeAvailability.DRAIN): Promise<void> {
    const { clock, pki } = this.#modules;
    const cluster = await createCluster({}, { clock, random: this.#random.fork("swarm"), pki });
    this.#nodeId = cluster.nodeId;
    await this.#start({
      ...{ cluster, spec: this.#spec(), availability, hostname: this.name },
      ...{ defaultAddressPool, subnetSize: defaultSubnetSize, dataPathPort: defaultDataPathPort },
    });
  }

  /** Elections take as long as they do with ticks of 100 ms. */
  #spec(): ClusterSpec {
    const spec = initialClusterSpec();
    const { tickMs } = this.#options.raftSizes ?? {};
    if (!spec.raft || tickMs === undefined) return spec;
    return { ...spec, raft: { ...spec.raft, electionTick: Math.round(electionMs / tickMs) } };
  }

  /** The node is to be a manager: it comes with an empty log and a raft id nobody had. */
  enter(nodeId: string, peers: readonly KnownManager[]): void {
    this.#nodeId = nodeId;
    this.#peers = peers;
    this.#becomeAnother();
    void this.#start(undefined);
  }

  /** The log is lost; what is there is another member. */
  wipe(): void {
    this.crash();
    this.#becomeAnother();
  }

  /** The process dies; with `survival` the whole machine, and this is what the disk keeps of what was not synced. */
  crash(survival?: Survival): void {
    this.#die();
    if (survival) this.disk.crash(survival, this.#random.fork(`crash ${this.#lives}`));
    else this.disk.kill();
  }

  /** down → up, from what is on the disk. */
  async restart(): Promise<void> {
    if (this.#running || this.#isOver) return;
    if (this.disk.isDead) this.crash("torn");
    await this.#start(undefined);
  }

  /** SIGTERM: leadership is handed over if it can be. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    await running.program.call(() => running.manager.stop()).catch(() => undefined);
    if (this.#running === running) this.crash();
  }

  /** The node is a worker now: there is no trace left. */
  async retire(): Promise<void> {
    this.#isOver = true;
    await this.stop();
  }

  pause(): void {
    this.#running?.program.pause();
  }

  resume(): void {
    this.#running?.program.resume();
  }

  /** Its disk is whole, has room and is quick. */
  mendDisk(): void {
    this.disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.disk.failNext = undefined;
    Object.assign(this.disk.delayMs, { sync: diskMs });
  }

  /** The end of a session: what `rpc` does for gRPC. */
  accept(
    nodeId: string,
    address: string,
    incoming: AsyncIterable<AgentMessage>,
    signal: AbortSignal,
  ): Accepted | undefined {
    if (!this.#running || this.isPaused) return undefined;
    const { program, manager } = this.#running;
    const peer = { nodeId, role: NodeRole.WORKER, address };
    return {
      program,
      answer: manager.leading?.dispatcher.session(peer, incoming, signal) ?? notLeader(manager),
      publish: async (batches, until) => manager.leading?.logs.publish(nodeId, batches, until),
    };
  }

  #die(): void {
    this.#running?.program.kill();
    this.#running = undefined;
  }

  #newDisk(): SimDisk {
    const disk = new SimDisk({ clock: this.#modules.clock });
    Object.assign(disk.delayMs, { sync: diskMs });
    return disk;
  }

  #becomeAnother(): void {
    this.disk = this.#newDisk();
    this.#raftId = 1 + this.#random.int(2 ** 31);
    this.#isJoining = true;
  }

  async #start(newSwarm: NewSwarm | undefined): Promise<void> {
    this.#lives += 1;
    const { clock, onStore, wallOffsetMs } = this.#modules;
    const program = new SimProgram(`manager ${this.name} ${this.#lives}`, clock, wallOffsetMs);
    const manager = this.#newManager(program, newSwarm);
    const life = new AbortController();
    program.onEnd(() => life.abort(new Error("the process died")));
    onStore(manager.store, life.signal);
    this.#running = { program, manager };
    const isToldRemoved = this.#takeLine(program, manager);
    try {
      await program.call(() => manager.start());
    } catch (error) {
      return this.#failed(program, error, "does not start");
    }
    void belong({
      ...{ clock: program.clock, manager, raftId: this.#raftId, isToldRemoved },
      join: () => this.#join(),
      replaced: () => this.#replaced(program),
    });
  }

  #newManager(program: SimProgram, newSwarm: NewSwarm | undefined): Manager {
    const { log, pki, lines, onWritten, onSynced, onMachineDead, plant, onApply } = this.#modules;
    const random: Random = this.#random.fork(`life ${this.#lives}`);
    const raftId = this.#raftId;
    const disk = watchedDisk(program, this.disk.mount(), {
      onSynced,
      onFailed: () => this.#running?.program === program && this.disk.isDead && this.#machineDied(onMachineDead),
    });
    const manager: Manager = new Manager(
      {
        ...{ nodeId: this.#nodeId, advertiseAddr: this.address, raftId, newSwarm, freezeRows: true },
        ...{ peers: this.#peers, join: this.#isJoining },
        ...(this.#options.raftSizes && { raftSizes: this.#options.raftSizes }),
        onFatal: (error) => this.#failed(program, error, "ended"),
      },
      {
        ...{ disk, sealer: openSealer, pki, clock: program.clock, random },
        log: logOf(program, log.with({ program: this.name === "m1" ? "manager" : this.name })),
        metrics: silentMetrics,
        nextTurn: (fn) => void Promise.resolve().then(() => program.run(fn)),
        transport: lines.transport(this.name, raftId, program),
        writerOf: (part, writer) =>
          recordedWriter(part, writer, {
            onWritten: (written, view) => program.isDead || onWritten(written, view),
            plant: (tx) => plant(part, tx),
          }),
      },
    );
    const { store } = manager;
    const apply = store.apply.bind(store);
    store.apply = (entry) => {
      const before = store.revision;
      apply(entry);
      if (!program.isDead && store.revision !== before) onApply(before, entry);
    };
    return manager;
  }

  /** Returns whether another member said that this one was removed. */
  #takeLine(program: SimProgram, manager: Manager): () => boolean {
    let isToldRemoved = false;
    this.#modules.lines.join({
      ...{ machine: this.name, raftId: this.#raftId, program, manager },
      isRemoved: (raftId) => isRemoved(raftId, manager),
      toldRemoved: () => {
        isToldRemoved = true;
      },
    });
    return () => isToldRemoved;
  }

  async #join(): Promise<JoinMembersResponse> {
    const answer = await this.#modules.join(this, { raftId: this.#raftId, addr: this.address });
    this.#peers = answer.peers;
    return answer;
  }

  /** The others removed this member for good: it comes back as another one. */
  #replaced(program: SimProgram): void {
    if (this.#running?.program !== program) return;
    this.wipe();
    void this.restart();
  }

  #machineDied(onMachineDead: () => void): void {
    this.#die();
    onMachineDead();
  }

  /** A disk that fails ends a manager, and it is tried again; anything else is a bug. */
  #failed(program: SimProgram, error: unknown, what: string): void {
    if (program.isDead) return;
    if (!isDisk(error)) {
      const cause = error instanceof Error ? error : undefined;
      return this.#modules.onFatal(new Error(`${this.name} ${what}: ${messageOf(error)}`, { cause }));
    }
    this.crash();
    this.#modules.clock.after(brokenMs, () => void this.restart());
  }
}

function isRemoved(raftId: number, { store, membership }: Manager): boolean {
  if (!store.cluster?.removedRaftIds.includes(raftId)) return false;
  return !membership.voters.includes(raftId) && !membership.learners.includes(raftId);
}

function isDisk(error: unknown): boolean {
  const { code, cause } = Object(error) as { readonly code?: unknown; readonly cause?: unknown };
  return code === "ENOSPC" || code === "EIO" || code === "CRASHED" || (cause !== undefined && isDisk(cause));
}

async function* notLeader(manager: Manager): AsyncGenerator<ManagerMessage> {
  const leaderAddr = manager.leaderAddr();
  const refusal = { kind: RefusalKind.NOT_LEADER, message: "this manager does not lead the swarm", leaderAddr };
  yield { message: { $case: "refusal", value: refusal } };
}
