// One simulated member through all its lives: the real RaftMember on a simulated disk.

import { type Disk, messageOf, silentLog, silentMetrics } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import { openSealer, RaftMember } from "../../raft/index.js";
import { SimDisk, type Survival } from "../disk.js";
import type { SeededRandom } from "../random.js";
import type { VirtualClock } from "../time.js";
import type { Checks } from "./checks.js";
import { Life } from "./life.js";
import { WriteList } from "./machine.js";
import type { End, RaftNetwork } from "./network.js";

export interface SimMemberModules {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly network: RaftNetwork;
  readonly checks: Checks;
  /** A bug in the disk, for tests of the checks. */
  readonly plantedDisk: (disk: Disk) => Disk;
  readonly onBug: (error: Error) => void;
}

/** Ten times faster than real ones: the same counts of ticks in less virtual time. */
export const tickMs = 10;

const limits = {
  ...{ tickMs, electionTicks: 10, snapshotEntries: 40, trailingEntries: 8, laggingEntriesMax: 30 },
  ...{ segmentBytes: 4096, persistBytesMax: 400, appendBytesMax: 200, inFlightMessagesMax: 3, inFlightBytesMax: 500 },
};

export class SimMember implements End {
  readonly id: number;
  readonly disk: SimDisk;
  readonly #modules: SimMemberModules;
  readonly #bootstrap: boolean;
  #lives = 0;
  #life: Life | undefined;
  #member: RaftMember | undefined;
  #machine: WriteList | undefined;
  /** The term it leads in. */
  #leadingTerm: number | undefined;
  /** Its disk failed, and it has ended by itself. */
  hasFailed = false;

  constructor(id: number, bootstrap: boolean, modules: SimMemberModules) {
    this.id = id;
    this.#bootstrap = bootstrap;
    this.#modules = modules;
    this.disk = new SimDisk({ clock: modules.clock });
    modules.network.join(id, this);
  }

  get isRunning(): boolean {
    return this.#life !== undefined && !this.#life.isOver && !this.hasFailed;
  }

  get isPaused(): boolean {
    return this.#life?.isPaused ?? false;
  }

  get member(): RaftMember | undefined {
    return this.isRunning ? this.#member : undefined;
  }

  get machine(): WriteList | undefined {
    return this.isRunning ? this.#machine : undefined;
  }

  /** The term it believes it leads in. */
  get leadingTerm(): number | undefined {
    return this.isRunning && !this.isPaused ? this.#leadingTerm : undefined;
  }

  /** down → up, from what is on the disk. */
  start(): void {
    this.#lives += 1;
    const { clock, random, network, checks, plantedDisk, onBug } = this.#modules;
    const life = new Life(clock);
    const machine = new WriteList(
      (entry, text) => life.isOver || checks.applied(this.id, entry, text, machine.writes.at(-2)),
      (writes) => life.isOver || checks.restored(this.id, writes),
    );
    const member = new RaftMember(
      { ...limits, id: this.id, folder: "raft", bootstrap: this.#bootstrap, join: !this.#bootstrap },
      {
        ...{ sealer: openSealer, clock: life, log: silentLog, metrics: silentMetrics, stateMachine: machine },
        disk: plantedDisk(this.disk.mount()),
        random: random.fork(`life ${this.#lives}`),
        nextTurn: (fn) => void life.after(0, fn),
        transport: {
          send: (messages) => life.run(() => messages.forEach((message) => this.#send(message))),
          sendSnapshot: (message, chunks, signal) => network.sendSnapshot(message, chunks, signal),
          probe: (to) => network.probe(this.id, to),
        },
      },
    );
    this.#leadingTerm = undefined;
    this.hasFailed = false;
    member.onLeadership(({ leading, term }) => {
      this.#leadingTerm = leading ? term : undefined;
    });
    member.onFatal((error) => life.isOver || this.#failed(error));
    [this.#life, this.#member, this.#machine] = [life, member, machine];
    member.start().catch((error: unknown) => {
      if (life.isOver) return;
      if (isDisk(error)) this.hasFailed = true;
      else onBug(new Error(`member ${this.id} does not start: ${messageOf(error)}`, { cause: error }));
    });
  }

  /** The machine loses power, or only the process dies. */
  crash(survival: Survival | "kill"): void {
    this.#life?.end();
    if (survival === "kill") this.disk.kill();
    else this.disk.crash(survival, this.#modules.random);
  }

  pause(): void {
    this.#life?.pause();
  }

  resume(): void {
    this.#life?.resume();
  }

  receive(message: Message): void {
    if (this.isRunning) this.#life?.run(() => this.#member?.step(message));
  }

  async receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (!this.#member || !this.isRunning || this.isPaused) throw new Error("not reached");
    await this.#member.receiveSnapshot(message, chunks);
  }

  connectionBroken(to: number): void {
    this.#life?.run(() => this.#member?.connectionBroken(to));
  }

  /** All checks of this member as it is now. */
  look(): void {
    const core = this.member?.core;
    if (core) this.#modules.checks.look(this.id, this.#lives, core);
  }

  #send(message: Message): void {
    const { $case } = message.body ?? {};
    const isOfNoTerm = $case === "preVote" || $case === "preVoteAnswer";
    if (!isOfNoTerm) this.#modules.checks.promised(this.id, message.term);
    this.#modules.network.send(message);
  }

  #failed(error: Error): void {
    this.hasFailed = true;
    this.#life?.end();
    if (!isDisk(error)) this.#modules.onBug(error);
  }
}

function isDisk(error: unknown): boolean {
  const { code } = Object(error) as { readonly code?: unknown };
  return code === "ENOSPC" || code === "CRASHED";
}
