// One task on this node: asks step.ts what is next, does it through the engine, asks again.

import { backoffMs, messageOf, SwarmError, type Timer, Wake } from "../base/index.js";
import type { ContainerSummary, PullProgress } from "../engine/index.js";
import type { TaskAssignment } from "../gen/skep/v1/dispatcher.js";
import { TaskState, type TaskStatus } from "../gen/skep/v1/objects.js";
import { stateText } from "../model/index.js";
import { containerConfig, graceSecondsOf } from "./container/config.js";
import { taskName } from "./container/names.js";
import { failure, messages, nextStep, type Report, type Step } from "./step.js";
import { type Sighting, TaskContainer } from "./task-container.js";
import { statusOf, withProgress } from "./task-status.js";
import type { TaskWorld } from "./task-world.js";

/** Between two tries of what must succeed in the end: an engine that is silent, a stop it refuses. */
const retry = { firstMs: 200, maxMs: 5_000 };
/** A create or start under way when the task is told to stop may end by itself for this long. */
const patienceMs = 2_000;
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

export class TaskRun {
  readonly id: string;
  readonly #world: TaskWorld;
  readonly #order: number;
  readonly #container: TaskContainer;
  readonly #wake = new Wake();
  /** Aborted when the task is to stop: ends waits for images and places. */
  readonly #waits = new AbortController();
  /** Aborted a little later: ends creates and starts that hang. */
  readonly #calls = new AbortController();
  #patience: Timer | undefined;
  #assignment: TaskAssignment;
  #status: TaskStatus;
  #isConfirmed: boolean;
  #isRebooted: boolean;
  #isRemoved = false;
  #wasUnhealthy = false;
  #progressAtMs: number | undefined;
  /** The message of the last progress that was told: one that says the same again is no progress. */
  #progressTold = "";

  constructor(options: TaskRunOptions, world: TaskWorld) {
    const { assignment, status, order } = options;
    this.id = assignment.id;
    this.#assignment = assignment;
    this.#status = status;
    this.#order = order;
    this.#isConfirmed = options.isConfirmed;
    this.#isRebooted = options.isRebooted;
    this.#world = world;
    const name = taskName(assignment, world.nodeId);
    const id = status.container?.containerId || undefined;
    this.#container = new TaskContainer({ taskId: assignment.id, name, id, order }, world);
  }

  get assignment(): TaskAssignment {
    return this.#assignment;
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
    this.#container.doubt();
    this.#wake.ring();
  }

  /** The container was started: by us, or by nobody of ours. A task that ended is not looked after, but must not run. */
  started(sighting: Sighting): void {
    if (this.#status.state <= TaskState.RUNNING) return;
    this.#container.seenRunning(sighting);
    this.#wake.ring();
  }

  /** The engine is back: what waits for it is tried again. */
  tryAgain(): void {
    this.#wake.ring();
  }

  /** A list showed the container so, or (undefined) not at all. */
  listed(summary: ContainerSummary | undefined): void {
    if (this.#status.state > TaskState.RUNNING) {
      if (summary?.state === "running") this.started(summary);
      return;
    }
    // A list does not show health, and an event of it may have been lost.
    const isStarting = this.#status.state === TaskState.STARTING;
    if (this.#container.isContradictedBy(summary) || isStarting) this.lookAgain();
  }

  /** Drives the task. Resolves when it was removed and nothing of it is left; rejects with the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const end = (): void => {
      this.#waits.abort(signal.reason);
      this.#calls.abort(signal.reason);
    };
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    try {
      await this.#drive(signal);
    } finally {
      signal.removeEventListener("abort", end);
      this.#patience?.cancel();
    }
  }

  async #drive(signal: AbortSignal): Promise<void> {
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
      container: this.#container.observed,
      isConfirmed: this.#isConfirmed,
      isRebooted: this.#isRebooted,
      wasUnhealthy: this.#wasUnhealthy,
      isRemoved: this.#isRemoved,
    });
  }

  #do(step: Exclude<Step, { readonly kind: "wait" | "forget" }>, signal: AbortSignal): Promise<void> | void {
    switch (step.kind) {
      case "look":
        return this.#container.look(signal);
      case "report":
        return this.#report(step.report);
      case "prepare":
        return this.#prepare();
      case "start":
        return this.#start(signal);
      case "stop":
        return this.#stop(step.isUnhealthy, signal);
      case "remove":
        return this.#container.remove(signal);
      default:
        return step satisfies never;
    }
  }

  #report(report: Report): void {
    this.#status = statusOf(report, this.#status, this.#container.observed, this.#world.clock.now());
    const fields = { task: this.#name, state: stateText(report.state) };
    if (report.err === undefined) this.#world.log.debug("task moved on", fields);
    else this.#world.log.warn("task failed", { ...fields, error: report.err });
    if (!this.#isRemoved) this.#world.report(this.id, this.#status);
  }

  /** As its container is called. */
  get #name(): string {
    return taskName(this.#assignment, this.#world.nodeId);
  }

  async #prepare(): Promise<void> {
    const config = containerConfig(this.#assignment, this.#world.node());
    const waits = this.#waits.signal;
    const onProgress = (progress: PullProgress): void => this.#progress(config.Image, progress);
    await this.#world.images.ensure(this.#assignment, this.#order, onProgress, waits);
    await this.#container.create(config, waits, this.#calls.signal);
  }

  async #start(signal: AbortSignal): Promise<void> {
    await this.#container.start(this.#waits.signal, this.#calls.signal);
    await this.#container.look(signal);
    this.#isRebooted = false;
    if (this.#status.state !== TaskState.RUNNING) return;
    // After a reboot it was RUNNING all along; its process is another.
    this.#report({ state: TaskState.RUNNING, message: messages[TaskState.RUNNING] });
  }

  async #stop(isUnhealthy: boolean, signal: AbortSignal): Promise<void> {
    this.#wasUnhealthy ||= isUnhealthy;
    await this.#container.stop(graceSecondsOf(this.#assignment), signal);
    await this.#container.look(signal);
  }

  #progress(image: string, progress: PullProgress): void {
    const nowMs = this.#world.clock.monotonic();
    this.#progressAtMs ??= nowMs;
    if (this.#status.state !== TaskState.PREPARING || nowMs - this.#progressAtMs < progressMs) return;
    const status = withProgress(this.#status, image, progress);
    if (status.message === this.#progressTold) return;
    this.#progressAtMs = nowMs;
    this.#progressTold = status.message;
    this.#world.report(this.id, status);
  }

  /** What a failed step means. True when it is settled: by a status, or because the task is to stop anyway. */
  #settles(step: Step, error: unknown): boolean {
    if (error === this.#waits.signal.reason || error === this.#calls.signal.reason) {
      this.#container.doubt();
      return true;
    }
    const isSilent = error instanceof SwarmError && error.kind === "Unavailable";
    if (!isSilent && (step.kind === "prepare" || step.kind === "start")) {
      const text = messageOf(error);
      this.#report(failure(this.#status, step.kind === "start" ? `starting container failed: ${text}` : text));
      return true;
    }
    if (isSilent) this.#world.engineSilent();
    else this.#world.log.warn("engine refused", { task: this.#name, step: step.kind, error: messageOf(error) });
    this.#container.doubt();
    return false;
  }

  #endWaits(): void {
    const reason = new SwarmError("Aborted", "the task is to stop");
    this.#waits.abort(reason);
    this.#patience ??= this.#world.clock.after(patienceMs, () => this.#calls.abort(reason));
  }
}
