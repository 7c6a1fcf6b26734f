// The manager's process of a simulated cluster: the real Manager on a disk that outlives it.

import { type Clock, type Log, messageOf, type Random, silentMetrics } from "../../base/index.js";
import { type AgentMessage, type ManagerMessage, RefusalKind } from "../../gen/skep/v1/dispatcher.js";
import { NodeAvailability, NodeRole } from "../../gen/skep/v1/specs.js";
import { createCluster } from "../../manager/ca/index.js";
import { Manager, type NewSwarm } from "../../manager/index.js";
import { defaultAddressPool, defaultDataPathPort, defaultSubnetSize, initialClusterSpec } from "../../model/index.js";
import { openSealer } from "../../raft/index.js";
import type { Store, Transaction } from "../../store/index.js";
import { SimDisk, type Survival } from "../disk.js";
import type { SeededRandom } from "../random.js";
import { logOf } from "./log.js";
import { simPki } from "./pki.js";
import { SimProgram } from "./program.js";
import { type OnWritten, recordedWriter } from "./recorder.js";
import { watchedDisk } from "./watched-disk.js";

const raftId = 1;
export const managerAddress = "10.0.0.1:2377";
/** One write to the disk and its sync: a good SSD. */
const diskMs = 0.5;

export interface SimManagerModules {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly log: Log;
  /** The process came up with this store, loaded or empty. */
  readonly onStore: (store: Store, signal: AbortSignal) => void;
  readonly onWritten: OnWritten;
  /** What a part writes goes through this first. */
  readonly plant: (part: string, tx: Transaction) => Transaction;
  /** The log on the disk was synced. */
  readonly onSynced: () => void;
  readonly onFatal: (error: Error) => void;
}

interface Running {
  readonly program: SimProgram;
  readonly manager: Manager;
}

type Leading = NonNullable<Manager["leading"]>;

export class SimManager {
  readonly disk: SimDisk;
  readonly #modules: SimManagerModules;
  readonly #random: SeededRandom;
  #running: Running | undefined;
  /** Rises with each start: what the process draws differs from the last life's. */
  #lives = 0;
  #nodeId = "";

  constructor(modules: SimManagerModules) {
    this.#modules = modules;
    this.#random = modules.random;
    this.disk = new SimDisk({ clock: modules.clock });
    Object.assign(this.disk.delayMs, { sync: diskMs });
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  get leading(): Leading | undefined {
    return this.#running?.manager.leading;
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
  async init(): Promise<void> {
    const { clock } = this.#modules;
    const cluster = await createCluster({}, { clock, random: this.#random.fork("swarm"), pki: simPki() });
    this.#nodeId = cluster.nodeId;
    await this.#start({
      cluster,
      spec: initialClusterSpec(),
      availability: NodeAvailability.DRAIN,
      hostname: "m1",
      defaultAddressPool,
      subnetSize: defaultSubnetSize,
      dataPathPort: defaultDataPathPort,
    });
  }

  /** The process dies; with `survival` the whole machine, and this is what the disk keeps of what was not synced. */
  crash(survival?: Survival): void {
    this.#die();
    if (survival) this.disk.crash(survival, this.#random.fork(`crash ${this.#lives}`));
    else this.disk.kill();
  }

  /** down → up, from what is on the disk. */
  async restart(): Promise<void> {
    if (this.disk.isDead) this.crash("torn");
    await this.#start(undefined);
  }

  /** The end of a session: what `rpc` does for gRPC. */
  accept(
    nodeId: string,
    address: string,
    incoming: AsyncIterable<AgentMessage>,
    signal: AbortSignal,
  ): { readonly program: SimProgram; readonly answer: AsyncIterable<ManagerMessage> } | undefined {
    if (!this.#running) return undefined;
    const { program } = this.#running;
    const peer = { nodeId, role: NodeRole.WORKER, address };
    return { program, answer: this.leading?.dispatcher.session(peer, incoming, signal) ?? notLeader() };
  }

  #die(): void {
    this.#running?.program.kill();
    this.#running = undefined;
  }

  async #start(newSwarm: NewSwarm | undefined): Promise<void> {
    this.#lives += 1;
    const { clock, log, onWritten, onStore, onFatal, onSynced, plant } = this.#modules;
    const program = new SimProgram(`manager ${this.#lives}`, clock);
    const random: Random = this.#random.fork(`life ${this.#lives}`);
    const manager = new Manager(
      {
        ...{ nodeId: this.#nodeId, advertiseAddr: managerAddress, raftId, newSwarm, freezeRows: true },
        onFatal: (error) => program.isDead || onFatal(error),
      },
      {
        disk: watchedDisk(program, this.disk.mount(), { onSynced, onFailed: () => this.disk.isDead && this.#die() }),
        sealer: openSealer,
        pki: simPki(),
        clock: program.clock,
        random,
        log: logOf(program, log.with({ program: "manager" })),
        metrics: silentMetrics,
        nextTurn: (fn) => void program.clock.after(0, fn),
        writerOf: (part, writer) =>
          recordedWriter(part, writer, {
            onWritten: (written, view) => program.isDead || onWritten(written, view),
            plant: (tx) => plant(part, tx),
          }),
      },
    );
    const life = new AbortController();
    program.onEnd(() => life.abort(new Error("the process died")));
    onStore(manager.store, life.signal);
    this.#running = { program, manager };
    await program
      .call(() => manager.start())
      .catch((error: unknown) => {
        onFatal(new Error(`the manager does not start: ${messageOf(error)}`, { cause: error }));
      });
  }
}

async function* notLeader(): AsyncGenerator<ManagerMessage> {
  const refusal = { kind: RefusalKind.NOT_LEADER, message: "this manager does not lead the swarm", leaderAddr: "" };
  yield { message: { $case: "refusal", value: refusal } };
}
