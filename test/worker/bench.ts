// Tasks on an embedded engine and virtual time, without a manager: what a leader would say is said by the test.

import { silentLog, silentMetrics } from "../../src/base/index.js";
import { EmbeddedEngine, type EmbeddedOptions, type Engine } from "../../src/engine/index.js";
import type { TaskAssignment } from "../../src/gen/skep/v1/dispatcher.js";
import { TaskState, type TaskStatus } from "../../src/gen/skep/v1/objects.js";
import { SeededRandom, VirtualClock } from "../../src/sim/index.js";
import { EngineWatch } from "../../src/worker/engine-watch.js";
import { Reporter } from "../../src/worker/reporter.js";
import { type LocalState, MemoryState } from "../../src/worker/state.js";
import { Tasks, type TasksOptions } from "../../src/worker/tasks.js";

export interface BenchOptions {
  readonly clock?: VirtualClock;
  readonly engine?: EmbeddedEngine;
  /** What the tasks see instead of the engine. */
  readonly seenAs?: (engine: EmbeddedEngine) => Engine;
  readonly embedded?: EmbeddedOptions;
  readonly state?: LocalState;
  readonly tasks?: Partial<TasksOptions>;
}

/** One life of a worker's daemon. */
export class Bench {
  readonly clock: VirtualClock;
  readonly engine: EmbeddedEngine;
  readonly state: LocalState;
  readonly tasks: Tasks;
  /** All statuses told, in order, as `t1 RUNNING started`. */
  readonly told: string[] = [];
  readonly statuses = new Map<string, TaskStatus>();
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>[] = [];

  private constructor(options: BenchOptions) {
    this.clock = options.clock ?? new VirtualClock();
    this.engine =
      options.engine ?? new EmbeddedEngine(options.embedded ?? {}, { clock: this.clock, random: new SeededRandom(1) });
    this.state = options.state ?? new MemoryState();
    const reporter = new Reporter();
    reporter.attach(({ number, tasks }) => {
      for (const { taskId, status } of tasks) if (status) this.#hear(taskId, status);
      reporter.acknowledge(number);
    });
    const modules = {
      engine: options.seenAs?.(this.engine) ?? this.engine,
      clock: this.clock,
      random: new SeededRandom(2),
      log: silentLog,
      metrics: silentMetrics,
      state: this.state,
      reporter,
    };
    const engineWatch: EngineWatch = new EngineWatch({
      ...modules,
      onChange: () => {
        if (!engineWatch.isSilent) this.tasks.engineBack();
      },
    });
    this.tasks = new Tasks(
      { nodeId: "node1", clusterId: "cluster1", bootId: "boot1", ...options.tasks },
      { ...modules, engineWatch },
    );
    this.#running.push(engineWatch.run(this.#abort.signal));
  }

  static async start(options: BenchOptions = {}): Promise<Bench> {
    const bench = new Bench(options);
    await bench.tasks.load();
    bench.#running.push(bench.tasks.run(bench.#abort.signal));
    for (const running of bench.#running) running.catch(() => undefined);
    await bench.clock.settle();
    return bench;
  }

  /** Rejects with what the worker cannot go on without. */
  get broken(): Promise<unknown> {
    return Promise.race(this.#running);
  }

  /** The daemon ends; containers run on. */
  async end(): Promise<void> {
    this.#abort.abort(new Error("the daemon ends"));
    await Promise.allSettled(this.#running);
    await this.tasks.flushed();
  }

  /** A part of the leader's set; the first is the whole one. */
  assign(...update: TaskAssignment[]): Promise<void> {
    this.tasks.apply({ number: 0, update, remove: [], firstSetComplete: true });
    return this.clock.settle();
  }

  remove(...remove: string[]): Promise<void> {
    this.tasks.apply({ number: 0, update: [], remove, firstSetComplete: false });
    return this.clock.settle();
  }

  /** Lets time pass until every named task has this state. */
  until(state: TaskState, ...taskIds: string[]): Promise<void> {
    const all = (): boolean => taskIds.every((id) => this.statuses.get(id)?.state === state);
    return this.clock.runUntil(all, 120_000, `${taskIds.join()} in state ${state}; told: ${this.told.join("; ")}`);
  }

  /** Names of containers by state. */
  containers(state: string): string[] {
    return this.engine.machines.filter(({ phase }) => phase.kind === state).map(({ name }) => name);
  }

  #hear(taskId: string, status: TaskStatus): void {
    const name = Object.entries(TaskState).find(([, value]) => value === status.state)?.[0];
    this.told.push([taskId, name, status.message, status.err].filter((part) => part !== "").join(" "));
    this.statuses.set(taskId, status);
  }
}
