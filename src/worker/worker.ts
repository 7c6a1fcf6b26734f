// The worker of one node, put together: agent, tasks, engine watch, reporter.

import type { Clock, Log, Metrics, Random } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import { GoodbyeReason, type SessionState } from "../gen/skep/v1/dispatcher.js";
import type { NodeDescription } from "../gen/skep/v1/objects.js";
import { Agent } from "./agent.js";
import { type DaemonFacts, describeNode } from "./description.js";
import { EngineWatch } from "./engine-watch.js";
import { LogReadings } from "./logs/index.js";
import { Reporter } from "./reporter.js";
import type { Connection } from "./session.js";
import type { LocalState } from "./state.js";
import { Tasks } from "./tasks.js";

export interface WorkerOptions {
  readonly nodeId: string;
  readonly clusterId: string;
  /** Differs after each restart of the machine: /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  /** Where other nodes reach this one; empty: the address a manager sees. */
  readonly advertiseAddr: string;
  /** Creates and starts at once; as many as the engine has processors, at least 2, when absent. */
  readonly startsMax?: number;
}

export interface WorkerModules {
  readonly engine: Engine;
  readonly state: LocalState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Opens a stream to the manager that most likely leads; rejects in clear words. Ends when the signal is aborted. */
  readonly connect: (signal: AbortSignal, patience: number) => Promise<Connection>;
  /** What the daemon adds to the node's description; asked at every session. */
  readonly daemonFacts: () => DaemonFacts;
  /** The cluster as a leader tells it: this node's row, the managers, the root certificate. */
  readonly stateChanged: (state: SessionState) => void;
  /** A manager that does not lead says who does; empty when it knows none. */
  readonly leaderIs: (addr: string) => void;
  /** The node was removed from the cluster and its containers are gone. */
  readonly removed: (message: string) => void;
}

export class Worker {
  readonly #modules: WorkerModules;
  readonly #reporter: Reporter;
  readonly #engineWatch: EngineWatch;
  readonly #tasks: Tasks;
  readonly #logs: LogReadings;
  readonly #agent: Agent;
  #life: AbortSignal | undefined;
  #removal: Promise<void> = Promise.resolve();

  constructor(options: WorkerOptions, modules: WorkerModules) {
    this.#modules = modules;
    this.#reporter = new Reporter(modules.clock);
    this.#engineWatch = new EngineWatch({ ...modules, onChange: () => this.#engineChanged() });
    const name = modules.daemonFacts().name;
    this.#tasks = new Tasks(
      { ...options, ...(name !== undefined && { name }) },
      { ...modules, engineWatch: this.#engineWatch, reporter: this.#reporter },
    );
    this.#logs = new LogReadings(options, modules);
    this.#agent = new Agent(options, {
      ...modules,
      logs: this.#logs,
      reporter: this.#reporter,
      held: () => this.#tasks.held,
      describe: () => this.#describe(),
      engineHealth: () => this.#engineWatch.health,
      assigned: (assignments) => this.#tasks.apply(assignments),
      removed: (message) => this.#removed(message),
    });
  }

  /** True while a leader counts this node in. */
  get isConnected(): boolean {
    return this.#agent.isConnected;
  }

  get isEngineSilent(): boolean {
    return this.#engineWatch.isSilent;
  }

  /** What `daemonFacts` gives has changed, e.g. by a new certificate: the leader is told. */
  factsChanged(): void {
    this.#agent.tellEngine();
  }

  /** Runs until the signal is aborted; containers run on. Rejects with the signal's reason, or with what broke. */
  async run(signal: AbortSignal): Promise<void> {
    this.#life = signal;
    await this.#tasks.load();
    await Promise.all([this.#engineWatch.run(signal), this.#tasks.run(signal), this.#serve(signal)]);
  }

  /** The daemon restarts: the leader keeps this node's tasks for a while. Before `run` is aborted. */
  restarting(): Promise<void> {
    return this.#agent.goodbye(GoodbyeReason.RESTART);
  }

  /** The machine goes down, or the node leaves: the leader replaces its tasks at once. */
  leaving(): Promise<void> {
    return this.#agent.goodbye(GoodbyeReason.LEAVE);
  }

  /** Stops and removes every container of this node; after `leaving`, when the node is no member any more. */
  removeAll(signal: AbortSignal): Promise<void> {
    return this.#tasks.removeAll(signal);
  }

  /** Resolves when all that happened so far is in the node's memory: after `run`, before that is closed. */
  async flushed(): Promise<void> {
    await this.#removal;
    await this.#tasks.flushed();
  }

  /** A session starts with what the engine says of itself. */
  async #serve(signal: AbortSignal): Promise<void> {
    await this.#engineWatch.judged;
    signal.throwIfAborted();
    await this.#agent.run(signal);
  }

  #describe(): NodeDescription | undefined {
    const { info } = this.#engineWatch;
    return info && describeNode(info, this.#modules.daemonFacts());
  }

  #engineChanged(): void {
    if (!this.#engineWatch.isSilent) this.#tasks.engineBack();
    this.#agent.tellEngine();
  }

  /** member → removed: nothing of this node's work may go on. */
  #removed(message: string): void {
    const { log, removed } = this.#modules;
    log.error("this node was removed from the cluster: its containers are stopped", { reason: message });
    const signal = this.#life;
    if (!signal) return;
    this.#removal = this.#tasks.removeAll(signal).then(
      () => removed(message),
      () => undefined,
    );
  }
}
