// One simulated member through all its lives: the real RaftMember on a simulated disk.

import { messageOf, silentLog, silentMetrics } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import { LogDamagedError, openSealer, RaftMember, type RaftOptions } from "../../raft/index.js";
import { SimDisk, type Survival } from "../disk.js";
import type { SeededRandom } from "../random.js";
import type { VirtualClock } from "../time.js";
import type { Checks } from "./checks.js";
import { placeToFlip } from "./flip.js";
import { Life } from "./life.js";
import { WriteList } from "./machine.js";
import type { End, RaftNetwork } from "./network.js";
import type { Plan } from "./plan.js";
import type { Plants } from "./plants.js";
import type { Steps } from "./steps.js";

export interface SimMemberModules {
  readonly plan: Plan;
  readonly plants: Plants;
  readonly clock: VirtualClock;
  readonly steps: Steps;
  readonly random: SeededRandom;
  readonly network: RaftNetwork;
  readonly checks: Checks;
  readonly onBug: (error: Error) => void;
}

/** Ten times faster than real ones: the same counts of ticks in less virtual time. */
export const tickMs = 10;
/** After its disk failed a member is begun anew, as the daemon does (its first retry, ten times faster as well). */
const restartMs = 100;

function limitsOf(plan: Plan): Partial<RaftOptions> {
  const { electionTicks, heartbeatTicks, segmentBytes, snapshotEntries, trailingEntries, laggingEntriesMax } = plan;
  return {
    ...{ tickMs, electionTicks, heartbeatTicks, segmentBytes, snapshotEntries, trailingEntries, laggingEntriesMax },
    ...{ persistBytesMax: 2 * plan.appendBytes, appendBytesMax: plan.appendBytes },
    ...{ inFlightMessagesMax: 3, inFlightBytesMax: 2.5 * plan.appendBytes },
  };
}

export class SimMember implements End {
  readonly id: number;
  readonly disk: SimDisk;
  readonly #modules: SimMemberModules;
  readonly #bootstrap: boolean;
  #lives = 0;
  #life: Life | undefined;
  #member: RaftMember | undefined;
  #machine: WriteList | undefined;
  /** The life that is ending in good order. */
  #stopping: Life | undefined;
  /** The term it leads in. */
  #leadingTerm: number | undefined;
  /** Its disk failed, and it has ended by itself. */
  #hasFailed = false;
  /** A bit of its files was turned over; and whether it is not known yet if it noticed. */
  #isFlipped = false;
  isDoubtful = false;
  /** Told once it has refused to start, because of that bit. */
  onDamaged: () => void = () => {};

  constructor(id: number, bootstrap: boolean, modules: SimMemberModules) {
    this.id = id;
    this.#bootstrap = bootstrap;
    this.#modules = modules;
    this.disk = new SimDisk({ clock: modules.clock, work: modules.steps.diskWork });
    this.#quicken();
    modules.network.join(id, this);
  }

  get isRunning(): boolean {
    return this.#life !== undefined && !this.#life.isOver && !this.#hasFailed;
  }

  get isPaused(): boolean {
    return this.#life?.isPaused ?? false;
  }

  get life(): Life | undefined {
    return this.isRunning ? this.#life : undefined;
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

  /** down → up, from what is on the disk; as the only member of a new cluster when that is asked for. */
  start(forceNewCluster = false): void {
    this.#lives += 1;
    const life = new Life(this.#modules.clock);
    const machine = this.#newMachine(life);
    const member = this.#newMember(life, machine, forceNewCluster);
    this.#leadingTerm = undefined;
    this.#hasFailed = false;
    member.onLeadership(({ leading, term }) => {
      if (!life.isOver) this.#leadingTerm = leading ? term : undefined;
    });
    member.onFatal((error) => life.isOver || this.#failed(error));
    [this.#life, this.#member, this.#machine] = [life, member, machine];
    member.start().then(
      () => {
        if (!life.isOver) this.isDoubtful = false;
      },
      (error: unknown) => life.isOver || this.#refused(error),
    );
  }

  #newMachine(life: Life): WriteList {
    const { checks } = this.#modules;
    return new WriteList(
      (entry, text, before) => life.isOver || checks.applied(this.id, entry, text, before),
      (writes) => life.isOver || checks.restored(this.id, writes),
    );
  }

  #newMember(life: Life, machine: WriteList, forceNewCluster: boolean): RaftMember {
    const { random, network, plan, plants, steps, onBug } = this.#modules;
    const turn = (fn: () => void): void => {
      try {
        fn();
        this.#look();
      } catch (error) {
        onBug(error as Error);
      }
    };
    return new RaftMember(
      {
        ...limitsOf(plan),
        ...{ id: this.id, folder: "raft", bootstrap: this.#bootstrap, join: !this.#bootstrap },
        forceNewCluster,
      },
      {
        ...{ sealer: openSealer, clock: life, log: silentLog, metrics: silentMetrics },
        stateMachine: plants.stateMachine?.(machine, this.id) ?? machine,
        disk: plants.disk?.(this.disk.mount()) ?? this.disk.mount(),
        random: random.fork(`member ${this.id} life ${this.#lives}`),
        nextTurn: (fn) => steps.nextTurn(() => life.run(() => turn(fn))),
        transport: {
          send: (messages) => life.run(() => messages.forEach((message) => this.#send(message))),
          sendSnapshot: (message, chunks, signal) => network.sendSnapshot(message, chunks, signal),
          probe: (to) => network.probe(this.id, to),
        },
      },
    );
  }

  /** The machine loses power, or only the process dies. */
  crash(survival: Survival | "kill"): void {
    this.#life?.end();
    this.#hasFailed = false;
    if (survival === "kill") this.disk.kill();
    else this.disk.crash(survival, this.#modules.random);
  }

  /** up → down in good order, once; calls `onStopped` then, unless something else ends it first. */
  stop(onStopped: () => void): void {
    const life = this.#life;
    if (life === this.#stopping) return;
    this.#stopping = life;
    const ended = (): void => {
      if (life?.isOver !== false) return;
      this.crash("kill");
      onStopped();
    };
    this.#member?.stop().then(ended, (error: unknown) => {
      if (!life?.isOver) this.#modules.onBug(error as Error);
      ended();
    });
  }

  pause(): void {
    this.#life?.pause();
  }

  resume(): void {
    this.#life?.resume();
  }

  /** Dies, a bit of what it has turns over, and it starts again. `at` in [0, 1) says which bit. */
  flip(at: number): void {
    this.crash("kill");
    const place = placeToFlip(this.disk, at);
    if (place) {
      this.disk.flipBit(place.path, place.bit);
      this.#isFlipped = this.isDoubtful = true;
    }
    this.start();
  }

  /** Its disk is whole, has room and is as quick as the plan says. */
  mend(): void {
    this.disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.disk.failNext = undefined;
    this.#quicken();
  }

  #quicken(): void {
    const { diskMs } = this.#modules.plan;
    Object.assign(this.disk.delayMs, { write: diskMs / 2, sync: diskMs });
  }

  receive(message: Message): void {
    if (this.isRunning) this.#life?.run(() => this.#member?.step(message));
  }

  async receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (!this.#member || !this.isRunning || this.isPaused) throw new Error("not reached");
    await this.#member.receiveSnapshot(message, chunks);
  }

  unreachable(to: number): void {
    this.#life?.run(() => this.#member?.unreachable(to));
  }

  connectionBroken(to: number): void {
    this.#life?.run(() => this.#member?.connectionBroken(to));
  }

  /** All checks of this member as it is now. */
  #look(): void {
    const core = this.member?.core;
    if (core) this.#modules.checks.look(this.id, this.#lives, core);
  }

  #send(message: Message): void {
    const { $case } = message.body ?? {};
    const isOfNoTerm = $case === "preVote" || $case === "preVoteAnswer";
    if (!isOfNoTerm) this.#modules.checks.promised(this.id, message.term);
    this.#modules.network.send(message);
  }

  #refused(error: unknown): void {
    if (isDisk(error)) this.#ended();
    else if (this.#isFlipped && error instanceof LogDamagedError) this.onDamaged();
    else this.#modules.onBug(new Error(`member ${this.id} does not start: ${messageOf(error)}`, { cause: error }));
  }

  #failed(error: Error): void {
    if (!isDisk(error)) this.#modules.onBug(error);
    this.#ended();
  }

  /** up → down by itself; whoever watches over it closes what is left and starts it again, whether the disk is whole or not. */
  #ended(): void {
    const [life, member] = [this.#life, this.#member];
    this.#hasFailed = true;
    life?.end();
    const again = (): void => {
      if (life !== this.#life || !this.#hasFailed) return;
      this.crash("kill");
      this.start();
    };
    const close = async (): Promise<void> => {
      await member?.stop().catch((error: unknown) => this.#modules.onBug(error as Error));
      again();
    };
    this.#modules.clock.after(restartMs, () => void close());
  }
}

function isDisk(error: unknown): boolean {
  const { code } = Object(error) as { readonly code?: unknown };
  return code === "ENOSPC" || code === "EIO" || code === "CRASHED";
}
