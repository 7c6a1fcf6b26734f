// The one container of a task (W1): what is known of it, and the engine's verbs on it.

import { SwarmError } from "../base/index.js";
import type { Container, ContainerSummary, CreateContainer } from "../engine/index.js";
import { taskLabel } from "./container/names.js";
import type { Observed } from "./step.js";
import type { TaskWorld } from "./task-world.js";

const unknown: Observed = { kind: "unknown" };
const absent: Observed = { kind: "absent" };
/** A list and an event say no more than that it runs. */
const runningSomehow: Container["state"] = { kind: "running", pid: 0, startedAt: "", health: "none" };

/** What a list or an event says of it. */
export type Sighting = Pick<ContainerSummary, "id" | "name" | "labels">;

export interface TaskContainerOptions {
  readonly taskId: string;
  readonly name: string;
  /** Once it was created. */
  readonly id: string | undefined;
  readonly order: number;
}

export class TaskContainer {
  readonly #options: TaskContainerOptions;
  readonly #world: TaskWorld;
  #id: string | undefined;
  #observed: Observed = unknown;
  /** Counts hints that it changed: an answer older than the last hint is not believed. */
  #hints = 0;

  constructor(options: TaskContainerOptions, world: TaskWorld) {
    this.#options = options;
    this.#id = options.id;
    this.#world = world;
  }

  get observed(): Observed {
    return this.#observed;
  }

  /** What was known may be out of date. */
  doubt(): void {
    this.#hints += 1;
    this.#observed = unknown;
  }

  /** It was seen running, by somebody who knows no more. */
  seenRunning({ id, name, labels }: Sighting): void {
    this.#id ??= id;
    this.#observed = { id, name, image: "", labels, ports: [], state: runningSomehow };
  }

  /** True when a list that shows it so (undefined: not at all) contradicts what is known. */
  isContradictedBy(summary: ContainerSummary | undefined): boolean {
    this.#id ??= summary?.id;
    if ("kind" in this.#observed) return this.#observed.kind === "absent" && summary !== undefined;
    return summary?.state !== this.#observed.state.kind;
  }

  async look(signal: AbortSignal): Promise<void> {
    const hints = this.#hints;
    const found = await this.#world.engine.inspect(this.#ref, signal);
    if (hints === this.#hints) this.#observed = this.#isOurs(found) ? found : absent;
  }

  /** The name is the task's, so creating twice finds the first. `waits` ends the wait for a place, `signal` the call. */
  create(config: CreateContainer, waits: AbortSignal, signal: AbortSignal): Promise<void> {
    return this.#world.starts.run(this.#options.order, () => this.#createOrAdopt(config, signal), waits);
  }

  async start(waits: AbortSignal, signal: AbortSignal): Promise<void> {
    const { engine, starts } = this.#world;
    await starts.run(this.#options.order, () => engine.start(this.#ref, signal), waits);
  }

  /** A container that is not there any more counts as stopped. */
  async stop(graceSeconds: number | undefined, signal: AbortSignal): Promise<void> {
    const { engine, stops } = this.#world;
    try {
      await stops.run(this.#options.order, () => engine.stop(this.#ref, graceSeconds, signal), signal);
    } catch (error) {
      if (!isKind(error, "NotFound")) throw error;
    }
  }

  async remove(signal: AbortSignal): Promise<void> {
    const { engine, stops } = this.#world;
    await stops.run(this.#options.order, () => engine.remove(this.#ref, signal), signal);
    this.#observed = absent;
  }

  async #createOrAdopt(config: CreateContainer, signal: AbortSignal): Promise<void> {
    const { engine } = this.#world;
    const { name } = this.#options;
    try {
      const id = await engine.create(name, config, signal);
      this.#id = id;
      this.#observed = { id, name, image: config.Image, labels: config.Labels, state: { kind: "created" }, ports: [] };
    } catch (error) {
      if (!isKind(error, "AlreadyExists")) throw error;
      const found = await engine.inspect(name, signal);
      if (!this.#isOurs(found)) throw error;
      this.#id = found.id;
      this.#observed = found;
    }
  }

  #isOurs(found: Container | undefined): found is Container {
    return found?.labels[taskLabel] === this.#options.taskId;
  }

  get #ref(): string {
    return this.#id ?? this.#options.name;
  }
}

function isKind(error: unknown, kind: SwarmError["kind"]): boolean {
  return error instanceof SwarmError && error.kind === kind;
}
