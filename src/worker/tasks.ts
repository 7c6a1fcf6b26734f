// The tasks of this node: what a leader assigned, what the node remembers, what runs on the engine.

import {
  type Clock,
  type Gauge,
  type Log,
  type Metrics,
  messageOf,
  type Random,
  SwarmError,
  sleep,
} from "../base/index.js";
import type { ContainerEvent, ContainerSummary, Engine, EngineInfo } from "../engine/index.js";
import type { Assignments, HeldAssignment, TaskAssignment } from "../gen/skep/v1/dispatcher.js";
import { TaskState, TaskStatus } from "../gen/skep/v1/objects.js";
import { ownLabels, taskLabel } from "./container/names.js";
import { ContainerWatch } from "./container-watch.js";
import type { EngineWatch } from "./engine-watch.js";
import { Gate } from "./gate.js";
import { Images } from "./images.js";
import { Journal } from "./journal.js";
import { Life } from "./life.js";
import type { Reporter } from "./reporter.js";
import type { LocalState, LocalTask } from "./state.js";
import { TaskRun } from "./task-run.js";
import type { TaskWorld } from "./task-world.js";

/**
 * Creates and starts at once, at the least; else as many as the engine has processors. Starting is the engine's work: more
 * at a time only makes each of them slower (measured: five engines on two cores, 10 tasks in 1.17 s with two, 1.30 with four).
 */
const startsMin = 2;
/** Stops at once. They mostly wait for a grace to pass. */
const stopsMax = 64;
/** After a reboot a leader is waited for this long before tasks start again by what the node remembers. */
const rebootWaitMs = 5_000;

export interface TasksOptions {
  readonly nodeId: string;
  readonly clusterId: string;
  /** What templates call the node; the engine's host name when absent. */
  readonly name?: string;
  /** Differs after each restart of the machine. */
  readonly bootId: string;
  readonly startsMax?: number;
}

export interface TasksModules {
  readonly engine: Engine;
  readonly engineWatch: EngineWatch;
  readonly state: LocalState;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

export class Tasks {
  readonly #options: TasksOptions;
  readonly #modules: TasksModules;
  readonly #world: TaskWorld;
  readonly #journal: Journal;
  readonly #containers: ContainerWatch;
  readonly #runs = new Map<string, TaskRun>();
  /** Containers of no task that are being removed, by id. */
  readonly #strays = new Set<string>();
  readonly #count: Gauge;
  /** Ends when the daemon does. */
  readonly #life = new Life();
  /** Rejects when something broke that the daemon cannot go on without. */
  readonly #broken: Promise<never>;
  #break: (error: unknown) => void = () => {};
  #order = 0;
  #hasFirstSet = false;
  /** Everything goes: what a leader that has not heard of it still assigns is not begun. */
  #isGoing = false;
  /** Loaded tasks that wait for a leader, or for `rebootWaitMs`, before their containers are started again. */
  #rebooted: TaskRun[] = [];

  constructor(options: TasksOptions, modules: TasksModules) {
    this.#options = options;
    this.#modules = modules;
    this.#broken = new Promise((_, reject) => {
      this.#break = reject;
    });
    this.#broken.catch(() => undefined);
    this.#journal = new Journal(modules.state, (error) => this.#break(error));
    this.#world = this.#makeWorld();
    this.#containers = new ContainerWatch(ownLabels(options), {
      ...modules,
      onEvent: (event) => this.#heard(event),
      onList: (containers) => this.#listed(containers),
      onSilence: () => modules.engineWatch.suspect(),
    });
    this.#count = modules.metrics.gauge("skep_worker_tasks", "Tasks this node holds.");
  }

  /** What a new session says this node holds. */
  get held(): readonly HeldAssignment[] {
    const held: HeldAssignment[] = [];
    for (const run of this.#runs.values()) {
      if (!run.isRemoved) held.push({ id: run.id, version: run.assignment.version });
    }
    return held;
  }

  /** Recalls what the node remembers. Before anything else. */
  async load(): Promise<void> {
    const { bootId, tasks } = await this.#modules.state.load();
    const isRebooted = bootId !== undefined && bootId !== this.#options.bootId;
    for (const task of tasks) this.#recall(task, isRebooted);
    if (!isRebooted) this.#rememberBoot();
  }

  /** Looks after the tasks until the signal is aborted: nothing is stopped by that, containers run on. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await Promise.all([this.#broken, this.#containers.run(signal), this.#startAgainAfterReboot(signal)]);
    } finally {
      this.#life.end(signal.reason);
    }
  }

  /** A part of the assigned set. After the last part of the first one all that is held is the whole set. */
  apply(assignments: Assignments): void {
    if (!this.#isGoing) for (const assignment of assignments.update) this.#assign(assignment);
    for (const taskId of assignments.remove) this.#remove(taskId);
    if (assignments.firstSetComplete) this.#confirm();
    this.#count.set(this.#runs.size);
  }

  /** The engine is back. */
  engineBack(): void {
    this.#containers.refresh();
    for (const run of this.#runs.values()) run.tryAgain();
  }

  /**
   * Stops and removes everything, because the node is no member any more. Resolves when nothing is left. The memory stays, for
   * whoever ends the membership to throw away: a daemon that dies before that is still a member, and begins no task twice.
   */
  async removeAll(signal: AbortSignal): Promise<void> {
    this.#hasFirstSet = true;
    this.#isGoing = true;
    for (const run of [...this.#runs.values()]) {
      this.#modules.reporter.forget(run.id);
      run.remove();
    }
    this.#containers.refresh();
    while (this.#runs.size > 0) await sleep(this.#modules.clock, 50, signal);
    await this.flushed();
  }

  /** Resolves when all that happened so far is stored. */
  flushed(): Promise<void> {
    return this.#journal.flushed();
  }

  #makeWorld(): TaskWorld {
    const { engine, engineWatch, clock, random, log } = this.#modules;
    const { nodeId, clusterId, name } = this.#options;
    return {
      engine,
      images: new Images(this.#life, { engine, clock, log }),
      starts: new Gate(() => this.#options.startsMax ?? startsFor(engineWatch.info)),
      stops: new Gate(() => stopsMax),
      clock,
      random,
      log,
      nodeId,
      node: () => {
        const { info } = engineWatch;
        if (!info) throw new SwarmError("Unavailable", "the engine has not answered yet");
        const { hostname, architecture, os } = info;
        return { nodeId, clusterId, hostname: name ?? hostname, architecture, os };
      },
      report: (taskId, status) => this.#report(taskId, status),
      engineSilent: () => engineWatch.suspect(),
    };
  }

  /** Stored first, then told: what a leader knows is never ahead of what the node remembers. */
  #report(taskId: string, status: TaskStatus): void {
    this.#journal.write({ kind: "status", taskId, status }, () => {
      if (this.#runs.get(taskId)?.isRemoved === false) this.#modules.reporter.report(taskId, status);
    });
  }

  #recall({ assignment, status = assignment.status ?? noStatus }: LocalTask, isMachineRebooted: boolean): void {
    const isRebooted = isMachineRebooted && status.state >= TaskState.STARTING && status.state <= TaskState.RUNNING;
    const run = this.#make(assignment, status, { isConfirmed: false, isRebooted });
    if (isRebooted) this.#rebooted.push(run);
    else this.#drive(run);
    this.#modules.reporter.report(run.id, status);
  }

  #assign(assignment: TaskAssignment): void {
    const run = this.#runs.get(assignment.id);
    if (run?.isRemoved) return;
    this.#journal.write({ kind: "assignment", assignment });
    if (run) {
      run.update(assignment);
      run.confirm();
      return;
    }
    const status = assignment.status ?? noStatus;
    this.#drive(this.#make(assignment, status, { isConfirmed: true, isRebooted: false }));
  }

  #make(
    assignment: TaskAssignment,
    status: TaskStatus,
    flags: { readonly isConfirmed: boolean; readonly isRebooted: boolean },
  ): TaskRun {
    this.#order += 1;
    const run = new TaskRun({ assignment, status, order: this.#order, ...flags }, this.#world);
    this.#runs.set(run.id, run);
    return run;
  }

  #drive(run: TaskRun): void {
    this.#life
      .lend((signal) => run.run(signal))
      .then(
        () => {
          this.#runs.delete(run.id);
          this.#count.set(this.#runs.size);
        },
        (error: unknown) => {
          if (!this.#life.hasEnded) this.#break(error);
        },
      );
  }

  #remove(taskId: string): void {
    const run = this.#runs.get(taskId);
    this.#modules.reporter.forget(taskId);
    if (!run) return;
    // From here on its container is one of no task: should the daemon end now, the next one cleans up.
    this.#journal.write({ kind: "forget", taskId });
    run.remove();
  }

  /** A leader has told everything there is for this node. */
  #confirm(): void {
    this.#hasFirstSet = true;
    for (const run of this.#runs.values()) run.confirm();
    this.#startRebooted();
    this.#containers.refresh();
  }

  async #startAgainAfterReboot(signal: AbortSignal): Promise<void> {
    if (this.#rebooted.length === 0) return this.#rememberBoot();
    await sleep(this.#modules.clock, rebootWaitMs, signal);
    this.#startRebooted();
  }

  #startRebooted(): void {
    for (const run of this.#rebooted.splice(0)) this.#drive(run);
    this.#rememberBoot();
  }

  #rememberBoot(): void {
    this.#journal.write({ kind: "boot", bootId: this.#options.bootId });
  }

  /** Our own creates and starts are no news. */
  #heard({ action, containerId, labels }: ContainerEvent): void {
    const run = this.#runs.get(labels[taskLabel] ?? "");
    switch (action) {
      case "create":
      case "other":
        return;
      case "start":
        return run?.started({ id: containerId, name: run.assignment.serviceName, labels });
      case "die":
      case "destroy":
      case "oom":
      case "health":
        return run?.lookAgain();
      default:
        return action satisfies never;
    }
  }

  #listed(containers: readonly ContainerSummary[]): void {
    const byTask = new Map(containers.map((container) => [container.labels[taskLabel] ?? "", container]));
    for (const run of this.#runs.values()) run.listed(byTask.get(run.id));
    if (!this.#hasFirstSet) return;
    for (const container of containers) {
      if (!this.#runs.has(container.labels[taskLabel] ?? "")) void this.#removeStray(container);
    }
  }

  /** A container of ours that belongs to no task of a whole set. Never rejects: the next list tries again. */
  async #removeStray(container: ContainerSummary): Promise<void> {
    const { id, name } = container;
    if (this.#strays.has(id)) return;
    this.#strays.add(id);
    const { log } = this.#modules;
    log.info("container of no task is removed", { container: name });
    try {
      await this.#life.lend((signal) => this.#stopAndRemove(id, signal));
    } catch (error) {
      if (!this.#life.hasEnded)
        log.warn("container of no task stays for now", { container: name, error: messageOf(error) });
    } finally {
      this.#strays.delete(id);
    }
  }

  async #stopAndRemove(id: string, signal: AbortSignal): Promise<void> {
    const { engine } = this.#modules;
    await this.#world.stops.run(0, () => engine.stop(id, undefined, signal), signal);
    await engine.remove(id, signal);
  }
}

function startsFor(engine: EngineInfo | undefined): number {
  return Math.max(startsMin, Math.floor((engine?.nanoCpus ?? 0) / 1e9));
}

const noStatus: TaskStatus = TaskStatus.fromPartial({ state: TaskState.ASSIGNED });
