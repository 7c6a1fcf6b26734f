// One task on this node: asks step.ts what is next, does it through the engine, asks again.

import { backoffMs, type LogFields, messageOf, SwarmError, Wake } from "../base/index.js";
import type { Container, ContainerSummary, CreateContainer, PullProgress } from "../engine/index.js";
import type { TaskAssignment } from "../gen/skep/v1/dispatcher.js";
import { TaskState, type TaskStatus } from "../gen/skep/v1/objects.js";
import { containerConfig, graceSecondsOf } from "./container/config.js";
import { taskLabel, taskName } from "./container/names.js";
import { failure, messages, nextStep, type Observed, type Report, type Step } from "./step.js";
import { statusOf, withProgress } from "./task-status.js";
import type { TaskWorld } from "./task-world.js";

/** Between two tries of what must succeed in the end: an engine that is silent, a stop it refuses. */
const retry = { firstMs: 200, maxMs: 5_000 };
/** Between two reports of a pull's progress. */
const progressMs = 5_000;

export interface TaskRunOptions {
  readonly assignment: TaskAssignment;
  readonly status: TaskStatus;
  /** Its place among the tasks of this node: the oldest goes first. */
  readonly order: number;
  readonly isConfirmed: boolean;
  /** The machine restarted since the container ran. */
  readonly isRebooted: boolean;
}

const unknown: Observed = { kind: "unknown" };
const absent: Observed = { kind: "absent" };
/** A list says no more than that it runs. */
const runningSomehow: Container["state"] = { kind: "running", pid: 0, startedAt: "", health: "none" };

export class TaskRun {
  readonly id: string;
  readonly #world: TaskWorld;
  readonly #order: number;
  readonly #wake = new Wake();
  #assignment: TaskAssignment;
  #status: TaskStatus;
  #container: Observed = unknown;
  /** Counts hints that the container changed: an answer older than the last hint is not believed. */
  #hints = 0;
  #containerId: string | undefined;
  #isConfirmed: boolean;
  #isRebooted: boolean;
  #isRemoved = false;
  #wasUnhealthy = false;
  /** Aborted when the task is to stop: it ends waits for images and places, not calls under way. */
  readonly #waits = new AbortController();
  #progressAtMs: number | undefined;

  constructor(options: TaskRunOptions, world: TaskWorld) {
    this.id = options.assignment.id;
    this.#assignment = options.assignment;
    this.#status = options.status;
    this.#order = options.order;
    this.#isConfirmed = options.isConfirmed;
    this.#isRebooted = options.isRebooted;
    this.#containerId = options.status.container?.containerId || undefined;
    this.#world = world;
  }

  get assignment(): TaskAssignment {
    return this.#assignment;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** A newer version of the assignment: only the desired state can differ, and it only grows. */
  update(assignment: TaskAssignment): void {
    if (assignment.desiredState <= this.#assignment.desiredState) return;
    this.#assignment = assignment;
    if (assignment.desiredState >= TaskState.SHUTDOWN) this.#endWaits();
    this.#wake.ring();
  }

  /** A leader has told of this task since the process started. */
  confirm(): void {
    this.#isConfirmed = true;
    this.#wake.ring();
  }

  /** The assignment is gone: `run` ends when nothing of the task is left. */
  remove(): void {
    this.#isRemoved = true;
    this.#endWaits();
    this.#wake.ring();
  }

  /** Something happened to the container. */
  lookAgain(): void {
    this.#hints += 1;
    this.#container = unknown;
    this.#wake.ring();
  }

  /** The engine is back: what waits for it is tried again. */
  tryAgain(): void {
    this.#wake.ring();
  }

  /** A list showed the container so, or (undefined) not at all: look at it unless that is what is known. */
  listed(summary: ContainerSummary | undefined): void {
    this.#containerId ??= summary?.id;
    const known = this.#container;
    if (this.#status.state > TaskState.RUNNING) return this.#endedButListed(summary);
    if ("kind" in known) {
      if (known.kind === "absent" && summary) this.lookAgain();
      return;
    }
    // A list does not show health, and an event of it may have been lost.
    if (summary?.state !== known.state.kind || this.#status.state === TaskState.STARTING) this.lookAgain();
  }

  /** Drives the task. Resolves when it was removed and nothing of it is left; rejects with the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#waits.abort(signal.reason), { once: true });
    for (let failures = 0; ; ) {
      const step = this.#next();
      if (step.kind === "forget") return;
      if (step.kind === "wait") {
        await this.#wake.wait(signal);
        continue;
      }
      try {
        await this.#do(step, signal);
        failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        if (this.#settles(step, error)) continue;
        failures += 1;
        await this.#wake.waitAtMost(this.#world.clock, backoffMs(retry, failures, this.#world.random), signal);
      }
    }
  }

  #next(): Step {
    return nextStep({
      desired: this.#assignment.desiredState,
      status: this.#status,
      container: this.#container,
      isConfirmed: this.#isConfirmed,
      isRebooted: this.#isRebooted,
      wasUnhealthy: this.#wasUnhealthy,
      isRemoved: this.#isRemoved,
    });
  }

  #do(step: Exclude<Step, { readonly kind: "wait" | "forget" }>, signal: AbortSignal): Promise<void> | void {
    switch (step.kind) {
      case "look":
        return this.#look(signal);
      case "report":
        return this.#report(step.report);
      case "prepare":
        return this.#prepare(signal);
      case "start":
        return this.#start(signal);
      case "stop":
        return this.#stop(step.isUnhealthy, signal);
      case "remove":
        return this.#removeContainer(signal);
      default:
        return step satisfies never;
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const hints = this.#hints;
    const found = await this.#world.engine.inspect(this.#containerId ?? this.#name, signal);
    if (hints !== this.#hints) return;
    this.#container = found?.labels[taskLabel] === this.id ? found : absent;
  }

  #report(report: Report): void {
    this.#status = statusOf(report, this.#status, this.#container, this.#world.clock.now());
    const fields = { ...this.#fields, state: report.state, ...(report.err !== undefined && { error: report.err }) };
    if (report.err === undefined) this.#world.log.debug("task moved on", fields);
    else this.#world.log.warn("task failed", fields);
    if (!this.#isRemoved) this.#world.report(this.id, this.#status);
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const config = containerConfig(this.#assignment, this.#world.node());
    const { images, starts } = this.#world;
    const waits = this.#waits.signal;
    await images.ensure(this.#assignment, this.#order, (progress) => this.#progress(config.Image, progress), waits);
    await starts.run(this.#order, () => this.#create(config, signal), waits);
  }

  /** The name is the task's, so creating twice finds the first. */
  async #create(config: CreateContainer, signal: AbortSignal): Promise<void> {
    const { engine } = this.#world;
    const name = this.#name;
    try {
      const id = await engine.create(name, config, signal);
      this.#containerId = id;
      this.#container = { id, name, image: config.Image, labels: config.Labels, state: { kind: "created" }, ports: [] };
    } catch (error) {
      if (!(error instanceof SwarmError && error.kind === "AlreadyExists")) throw error;
      const found = await engine.inspect(name, signal);
      if (found?.labels[taskLabel] !== this.id) throw error;
      this.#containerId = found.id;
      this.#container = found;
    }
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { engine, starts } = this.#world;
    await starts.run(this.#order, () => engine.start(this.#containerRef, signal), this.#waits.signal);
    await this.#look(signal);
    this.#isRebooted = false;
    // After a reboot it was RUNNING all along; its process is another.
    if (this.#status.state === TaskState.RUNNING)
      this.#report({ state: TaskState.RUNNING, message: messages[TaskState.RUNNING] });
  }

  async #stop(isUnhealthy: boolean, signal: AbortSignal): Promise<void> {
    const { engine, stops } = this.#world;
    this.#wasUnhealthy ||= isUnhealthy;
    const graceSeconds = graceSecondsOf(this.#assignment);
    await absentIsDone(stops.run(this.#order, () => engine.stop(this.#containerRef, graceSeconds, signal), signal));
    await this.#look(signal);
  }

  async #removeContainer(signal: AbortSignal): Promise<void> {
    const { engine, stops } = this.#world;
    await stops.run(this.#order, () => engine.remove(this.#containerRef, signal), signal);
    this.#container = absent;
  }

  #progress(image: string, progress: PullProgress): void {
    const nowMs = this.#world.clock.monotonic();
    this.#progressAtMs ??= nowMs;
    if (this.#status.state !== TaskState.PREPARING || nowMs - this.#progressAtMs < progressMs) return;
    this.#progressAtMs = nowMs;
    this.#world.report(this.id, withProgress(this.#status, image, progress));
  }

  /** What a failed step means. True when it is settled: by a status, or because the task is to stop anyway. */
  #settles(step: Step, error: unknown): boolean {
    if (this.#waits.signal.aborted && error === this.#waits.signal.reason) return true;
    const isSilent = error instanceof SwarmError && error.kind === "Unavailable";
    if (isSilent) this.#world.engineSilent();
    else if (step.kind === "prepare" || step.kind === "start") {
      const text = messageOf(error);
      this.#report(failure(this.#status, step.kind === "start" ? `starting container failed: ${text}` : text));
      return true;
    } else this.#world.log.warn("engine refused", { ...this.#fields, step: step.kind, error: messageOf(error) });
    this.#container = unknown;
    return false;
  }

  /** A task that ended is not looked after any more, but its container must not run. */
  #endedButListed(summary: ContainerSummary | undefined): void {
    if (summary?.state !== "running") return;
    const { id, name, labels } = summary;
    this.#container = { id, name, image: "", labels, ports: [], state: runningSomehow };
    this.#wake.ring();
  }

  #endWaits(): void {
    this.#waits.abort(new SwarmError("Aborted", "the task is to stop"));
  }

  get #name(): string {
    return taskName(this.#assignment, this.#world.nodeId);
  }

  get #containerRef(): string {
    return this.#containerId ?? this.#name;
  }

  get #fields(): LogFields {
    return { taskId: this.id, service: this.#assignment.serviceName };
  }
}

async function absentIsDone(call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof SwarmError && error.kind === "NotFound")) throw error;
  }
}
