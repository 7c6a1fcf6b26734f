// One worker host: an engine, a network line and a memory that outlive the daemon, and the real Worker as that daemon. What
// the daemon is more where the node is a manager hears of it (`onDaemon`).

import { type Clock, type Log, silentMetrics } from "../../base/index.js";
import { EmbeddedEngine, type EmbeddedOptions } from "../../engine/embedded/index.js";
import type { SessionState } from "../../gen/skep/v1/dispatcher.js";
import { type LocalState, MemoryState, Worker } from "../../worker/index.js";
import { OwnClock } from "../own-clock.js";
import type { SeededRandom } from "../random.js";
import { type OwnManager, SimConnector } from "./connector.js";
import { engineSeenBy, type OnEngineCall } from "./engine.js";
import { type Accept, Link, type LinkEvents, type Way } from "./link.js";
import { logOf } from "./log.js";
import { SimProgram } from "./program.js";

/** The highest format this daemon reads. */
const level = 1;
/** The longest grace there is, of a daemon that said it will be back, and some more. */
const recoveryMs = 45_000;

export interface SimHostOptions {
  /** Its host name; the cluster gives the node an id of its own when it joins. */
  readonly name: string;
  readonly address: string;
  readonly nodeId: string;
  readonly clusterId: string;
  readonly linkDelayMs: number;
  readonly engine: EmbeddedOptions;
}

/** What a host sees of the managers. */
export interface ManagersSeen {
  /** host:port of those it knows when it joins. */
  readonly addresses: readonly string[];
  /** The end of a session at the manager of this address. */
  readonly accept: (to: string, nodeId: string, address: string, ...ends: Ends) => ReturnType<Accept>;
  /** Does the network carry anything between the host and this manager? */
  readonly isOpen?: (address: string, way: Way) => boolean;
  /** The host's line carries again. */
  readonly healed?: () => void;
  /** The manager on the same machine. */
  readonly own?: () => OwnManager | undefined;
}

type Ends = Parameters<Accept> extends [string, ...infer Rest] ? Rest : never;

export type DaemonEvent = "started" | "stopping" | "killed" | "power lost" | "paused" | "resumed";

export interface SimHostModules extends LinkEvents {
  readonly clock: Clock;
  /** The machine's own; a right one unless given. */
  readonly ownClock?: OwnClock;
  readonly random: SeededRandom;
  readonly log: Log;
  readonly managers: ManagersSeen;
  /** What happens to the daemon. */
  readonly onDaemon?: (event: DaemonEvent) => Promise<void> | void;
  /** The leader tells the daemon of the cluster, its own node's row among it. */
  readonly stateChanged?: (state: SessionState) => void;
  readonly onEngineCall: OnEngineCall;
  /** The daemon broke, and not because it was killed. */
  readonly onBroken: (error: unknown) => void;
}

interface Daemon {
  readonly program: SimProgram;
  readonly worker: Worker;
  readonly life: AbortController;
  readonly over: Promise<void>;
}

export class SimHost {
  readonly name: string;
  readonly nodeId: string;
  readonly engine: EmbeddedEngine;
  readonly link: Link;
  /** By which daemon and engine live. */
  readonly clock: OwnClock;
  readonly #options: SimHostOptions;
  readonly #modules: SimHostModules;
  readonly #connector: SimConnector;
  readonly #state: LocalState = new MemoryState();
  #daemon: Daemon | undefined;
  #isPowered = true;
  #boots = 1;
  #starts = 0;
  #isMember = true;
  #hasLeft = false;
  #isEngineOut = false;
  /** When something was last done to the host; monotonic. */
  #disturbedMs = Number.NEGATIVE_INFINITY;

  constructor(options: SimHostOptions, modules: SimHostModules) {
    const { clock, ownClock = new OwnClock(clock), random, managers } = modules;
    this.name = options.name;
    this.clock = ownClock;
    this.nodeId = options.nodeId;
    this.#options = options;
    this.#modules = modules;
    this.engine = new EmbeddedEngine(
      { hostname: options.name, ...options.engine },
      { clock: ownClock, random: random.fork("engine") },
    );
    const { isOpen = () => true, own = () => undefined } = managers;
    this.link = new Link(
      { delayMs: options.linkDelayMs },
      {
        ...modules,
        isOpen,
        accept: (to, ...ends) => managers.accept(to, options.nodeId, options.address, ...ends),
      },
    );
    this.#connector = new SimConnector(managers.addresses, {
      clock: ownClock,
      own,
      open: (address, program, signal) => this.link.connect(program, signal, address),
    });
  }

  /** host:port of the managers its daemon knows. */
  get knownManagers(): readonly string[] {
    return this.#connector.managers;
  }

  /** Ids of the tasks the node's own memory holds. */
  async remembered(): Promise<readonly string[]> {
    return (await this.#state.load()).tasks.map(({ assignment }) => assignment.id);
  }

  get isPowered(): boolean {
    return this.#isPowered;
  }

  get isDaemonUp(): boolean {
    return this.#daemon !== undefined;
  }

  /** A leader counts this node in. */
  get isConnected(): boolean {
    return this.#daemon?.worker.isConnected ?? false;
  }

  /** Not removed from the swarm, whether or not it knows. */
  get isMember(): boolean {
    return this.#isMember;
  }

  /** Somebody removed its node from the swarm. */
  wasRemoved(): void {
    this.#isMember = false;
  }

  /** Nothing is wrong with it just now. */
  get isWell(): boolean {
    const isPaused = this.#daemon?.program.isPaused ?? false;
    return (
      this.#isPowered && this.isDaemonUp && this.clock.isRight && !isPaused && !this.link.isCut && !this.#isEngineOut
    );
  }

  /** Something is wrong with the host, or was until a short while ago. */
  get isDisturbed(): boolean {
    return !this.isWell || this.#modules.clock.monotonic() - this.#disturbedMs < recoveryMs;
  }

  /** Its clock runs at another speed: a millisecond of its own takes `rate`; 1 is right. */
  skew(rate: number): void {
    this.disturb();
    this.clock.skew(rate);
  }

  /** What was done to the host may show for a while. */
  disturb(): void {
    this.#disturbedMs = this.#modules.clock.monotonic();
  }

  freezeEngine(): void {
    this.#isEngineOut = true;
    this.engine.freeze();
  }

  crashEngine(): void {
    this.#isEngineOut = true;
    this.engine.crash();
  }

  /** frozen, crashed → up. */
  recoverEngine(options: { readonly killed?: boolean } = {}): void {
    this.#isEngineOut = false;
    this.disturb();
    this.engine.recover(options);
  }

  cutLine(): void {
    this.link.cut();
  }

  healLine(): void {
    this.disturb();
    this.link.heal();
    // Where a manager is, others' lines ended here, too.
    this.#modules.managers.healed?.();
  }

  /** down → up. */
  startDaemon(): void {
    if (this.#daemon || !this.#isPowered || this.#hasLeft) return;
    this.disturb();
    this.#starts += 1;
    const program = new SimProgram(`${this.name} ${this.#starts}`, this.clock);
    const worker = this.#makeWorker(program);
    const life = new AbortController();
    const over = worker.run(life.signal).catch((error: unknown) => {
      if (!life.signal.aborted && !program.isDead) this.#modules.onBroken(error);
    });
    this.#daemon = { program, worker, life, over };
    void this.#modules.onDaemon?.("started");
  }

  /** kill -9: containers run on, the line to the manager is reset. */
  killDaemon(): void {
    this.#kill();
    void this.#modules.onDaemon?.("killed");
  }

  /** SIGSTOP: it does nothing and hears nothing until it goes on. */
  pauseDaemon(): void {
    this.disturb();
    this.#daemon?.program.pause();
    void this.#modules.onDaemon?.("paused");
  }

  resumeDaemon(): void {
    this.disturb();
    this.#daemon?.program.resume();
    void this.#modules.onDaemon?.("resumed");
  }

  /** `swarm leave`: it says so, stops its containers and ends for good. False when the daemon ended before that. */
  async leave(): Promise<boolean> {
    const daemon = this.#daemon;
    if (!daemon) return false;
    this.disturb();
    const isOver = new Promise<void>((resolve) => daemon.program.onEnd(resolve));
    const { worker, life, program } = daemon;
    const left = worker.leaving().then(() => program.call(() => worker.removeAll(life.signal)));
    await Promise.race([left.catch(() => undefined), isOver]);
    if (this.#daemon !== daemon || life.signal.aborted) return false;
    life.abort(new Error("the node left"));
    await daemon.over;
    this.killDaemon();
    this.#hasLeft = true;
    this.wasRemoved();
    return true;
  }

  /** SIGTERM: it says that it will be back, and ends. */
  async stopDaemon(reason: "restarting" | "leaving" = "restarting"): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon) return;
    this.disturb();
    await daemon.worker[reason]();
    await this.#modules.onDaemon?.("stopping");
    daemon.life.abort(new Error("the daemon was told to stop"));
    await daemon.over;
    await daemon.worker.flushed();
    daemon.program.kill();
    if (this.#daemon === daemon) this.#daemon = undefined;
  }

  /** The plug is pulled: nothing runs any more, and nobody is told. */
  powerOff(): void {
    if (!this.#isPowered) return;
    this.#isPowered = false;
    this.link.cut();
    this.#kill();
    void this.#modules.onDaemon?.("power lost");
    this.engine.crash();
    this.#killContainers();
  }

  /** The machine boots: the engine first, then the daemon. */
  powerOn(): void {
    if (this.#isPowered) return;
    this.#isPowered = true;
    this.#boots += 1;
    this.#killContainers();
    this.recoverEngine();
    this.link.reset();
    this.healLine();
    this.startDaemon();
  }

  #kill(): void {
    this.disturb();
    this.#daemon?.program.kill();
    this.#daemon = undefined;
  }

  #killContainers(): void {
    for (const { id, phase } of this.engine.machines) if (phase.kind === "running") this.engine.killProcess(id);
  }

  #makeWorker(program: SimProgram): Worker {
    const { random, log, onEngineCall } = this.#modules;
    const { nodeId, clusterId, address } = this.#options;
    const state = this.#state;
    return new Worker(
      { nodeId, clusterId, bootId: `${this.name} boot ${this.#boots}`, advertiseAddr: address },
      {
        engine: engineSeenBy(program, this.engine, onEngineCall),
        state: {
          load: () => program.call(() => state.load()),
          write: (changes) => program.call(() => state.write(changes)),
        },
        clock: program.clock,
        random: random.fork(`daemon ${this.#starts}`),
        log: logOf(program, log.with({ program: this.name })),
        metrics: silentMetrics,
        connect: (signal) => this.#connector.connect(program, signal),
        daemonFacts: () => ({ name: this.name, skepVersion: "simulated", level }),
        stateChanged: (state) => {
          this.#connector.managersAre(state.managers);
          this.#modules.stateChanged?.(state);
        },
        leaderIs: (address) => this.#connector.leaderIs(address),
        removed: () => {},
      },
    );
  }
}
