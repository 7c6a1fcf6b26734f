// A manager's process of a simulated cluster: the real Manager on a disk that outlives it, between the others.

import { type Clock, messageOf } from "../../base/index.js";
import { type AgentMessage, type ManagerMessage, RefusalKind } from "../../gen/skep/v1/dispatcher.js";
import type { JoinMembersRequest, JoinMembersResponse } from "../../gen/skep/v1/members.js";
import { type ClusterSpec, NodeAvailability, NodeRole } from "../../gen/skep/v1/specs.js";
import { createCluster } from "../../manager/ca/index.js";
import type { KnownManager, Leading, Manager, ManagerOptions } from "../../manager/index.js";
import { defaultAddressPool, defaultDataPathPort, defaultSubnetSize, initialClusterSpec } from "../../model/index.js";
import { LogDamagedError } from "../../raft/index.js";
import type { Store } from "../../store/index.js";
import { SimDisk, type Survival } from "../disk.js";
import { placeToFlip } from "../raft/flip.js";
import type { SeededRandom } from "../random.js";
import { belong } from "./belonging.js";
import type { Accepted } from "./link.js";
import { type Beginning, newProcess, type Process, type Surroundings } from "./process.js";
import type { SimProgram } from "./program.js";

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

export interface SimManagerModules extends Surroundings {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Asks whoever leads to let this manager in. */
  readonly join: (from: SimManager, request: JoinMembersRequest) => Promise<JoinMembersResponse>;
  /** The process came up with this store, loaded or empty. */
  readonly onStore: (store: Store, signal: AbortSignal) => void;
  /** The machine died at its disk. */
  readonly onMachineDead: () => void;
  /** It refused to start: a bit of its files had turned over. */
  readonly onDamaged: () => void;
  readonly onFatal: (error: Error) => void;
}

type Running = Pick<Process, "program" | "manager">;

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
  /** The raft id under which it lost its log; whoever that was never comes back. */
  #lostRaftId: number | undefined;
  /** A bit of its files was turned over; and whether it is not known yet if it noticed. */
  #isFlipped = false;
  #isDoubtful = false;

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
    const newSwarm = {
      ...{ cluster, spec: this.#spec(), availability, hostname: this.name },
      ...{ defaultAddressPool, subnetSize: defaultSubnetSize, dataPathPort: defaultDataPathPort },
    };
    await this.#start({ newSwarm });
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
    void this.#start();
  }

  /** The log is lost; what is there is another member. */
  wipe(): void {
    this.crash();
    this.#lostRaftId = this.#raftId;
    this.#becomeAnother();
  }

  /** Dies, a bit of what it has turns over, and it starts again. `at` in [0, 1) says which; false where there is none yet. */
  flip(at: number): boolean {
    this.crash();
    const place = placeToFlip(this.disk, at);
    if (place) {
      this.disk.flipBit(place.path, place.bit);
      this.#isFlipped = this.#isDoubtful = true;
    }
    void this.restart();
    return place !== undefined;
  }

  /** It is not there, or nobody knows, and the others count on it; `voters` as they have it, undefined while nobody leads. */
  isInDoubt(voters: readonly number[] | undefined): boolean {
    const lost = this.#lostRaftId;
    return this.#isDoubtful || (lost !== undefined && (voters?.includes(lost) ?? true));
  }

  /** `--force-new-cluster`: it goes on with what it has, alone. */
  async force(): Promise<void> {
    this.crash();
    this.#peers = [];
    await this.#start({ forceNewCluster: true });
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
    await this.#start();
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
    this.#isFlipped = this.#isDoubtful = false;
  }

  async #start(beginning: Beginning = {}): Promise<void> {
    this.#lives += 1;
    const { program, manager, isToldRemoved } = this.#newProcess(beginning);
    const life = new AbortController();
    program.onEnd(() => life.abort(new Error("the process died")));
    this.#modules.onStore(manager.store, life.signal);
    this.#running = { program, manager };
    try {
      await program.call(() => manager.start());
    } catch (error) {
      return this.#failed(program, error, "does not start");
    }
    this.#isDoubtful = false;
    void belong({
      ...{ clock: program.clock, manager, raftId: this.#raftId, isToldRemoved },
      join: () => this.#join(),
      replaced: () => this.#replaced(program),
    });
  }

  #newProcess(beginning: Beginning): Process {
    const { name, address, disk } = this;
    const { raftSizes } = this.#options;
    return newProcess(
      {
        ...{ name, address, nodeId: this.#nodeId, raftId: this.#raftId, life: this.#lives, ...beginning },
        ...{ peers: this.#peers, isJoining: this.#isJoining, ...(raftSizes && { raftSizes }) },
      },
      {
        ...{ ...this.#modules, disk, random: this.#random.fork(`life ${this.#lives}`) },
        onDiskFailed: (program) => this.#running?.program === program && disk.isDead && this.#machineDied(),
        onFatal: (program, error) => this.#failed(program, error, "ended"),
      },
    );
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

  #machineDied(): void {
    this.#die();
    this.#modules.onMachineDead();
  }

  /**
   * A disk that fails ends a manager, and it is tried again. One that refuses to start with a flipped bit is lost, and its
   * machine begins anew. Anything else is a bug.
   */
  #failed(program: SimProgram, error: unknown, what: string): void {
    if (program.isDead) return;
    const reason = reasonOf(error);
    if (reason === "disk") {
      this.crash();
      this.#modules.clock.after(brokenMs, () => void this.restart());
    } else if (reason === "damage" && this.#isFlipped) {
      this.#modules.onDamaged();
      this.wipe();
      void this.restart();
    } else {
      const cause = error instanceof Error ? error : undefined;
      this.#modules.onFatal(new Error(`${this.name} ${what}: ${messageOf(error)}`, { cause }));
    }
  }
}

/** Why a manager ended or did not start. */
function reasonOf(error: unknown): "disk" | "damage" | undefined {
  const { code, cause } = Object(error) as { readonly code?: unknown; readonly cause?: unknown };
  if (code === "ENOSPC" || code === "EIO" || code === "CRASHED") return "disk";
  if (error instanceof LogDamagedError) return "damage";
  return cause === undefined ? undefined : reasonOf(cause);
}

async function* notLeader(manager: Manager): AsyncGenerator<ManagerMessage> {
  const leaderAddr = manager.leaderAddr();
  const refusal = { kind: RefusalKind.NOT_LEADER, message: "this manager does not lead the swarm", leaderAddr };
  yield { message: { $case: "refusal", value: refusal } };
}
