// Statuses on their way to the leader: the newest of each task, one report in flight, acknowledged when committed.

import type { Clock, Timer } from "../base/index.js";
import type { StatusReport, TaskStatusReport } from "../gen/skep/v1/dispatcher.js";
import { TaskStatusReport as TaskStatusReportCodec } from "../gen/skep/v1/dispatcher.js";
import { TaskState, type TaskStatus } from "../gen/skep/v1/objects.js";

/** Statuses in one report: what the leader writes in one transaction. */
const reportTasksMax = 500;
/** A message of a session is at most 64 kB; the rest is room for its frame. */
const reportBytesMax = 60_000;
/**
 * A step on the way to RUNNING waits so long for the next one: nobody acts on it, and a report costs the leader as much as a
 * hundred statuses in it.
 */
export const stepsMs = 50;

export type SendReport = (report: StatusReport) => void;

export class Reporter {
  readonly #clock: Clock | undefined;
  /** Everything this node knows: a new session hears all of it, because the leader's memory may be older than ours. */
  readonly #known = new Map<string, TaskStatus>();
  readonly #pending = new Set<string>();
  #send: SendReport | undefined;
  #number = 0;
  #isInFlight = false;
  #isScheduled = false;
  /** Until steps are reported that came alone. */
  #steps: Timer | undefined;
  /** Something waits that is no mere step. */
  #isPressing = false;

  /** Without a clock every turn's statuses go at once. */
  constructor(clock?: Clock) {
    this.#clock = clock;
  }

  /** no session → session: all that is known is reported again. */
  attach(send: SendReport): void {
    this.#send = send;
    this.#isInFlight = false;
    for (const taskId of this.#known.keys()) this.#pending.add(taskId);
    this.#schedule();
  }

  /** session → no session: what was in flight counts as unsaid. */
  detach(): void {
    this.#send = undefined;
  }

  report(taskId: string, status: TaskStatus): void {
    this.#known.set(taskId, status);
    this.#pending.add(taskId);
    if (status.state < TaskState.RUNNING && this.#clock) return this.#scheduleSteps(this.#clock);
    this.#isPressing = true;
    this.#schedule();
  }

  /** The task is gone: nobody wants to hear of it. */
  forget(taskId: string): void {
    this.#known.delete(taskId);
    this.#pending.delete(taskId);
  }

  /** The leader has committed report `number`. */
  acknowledge(number: number): void {
    if (number !== this.#number) return;
    this.#isInFlight = false;
    if (this.#isPressing || !this.#steps) this.#flush();
  }

  /** Gathers what the same turn of the loop says into one report. */
  #schedule(): void {
    if (this.#isScheduled || !this.#send) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #scheduleSteps(clock: Clock): void {
    this.#steps ??= clock.after(stepsMs, () => {
      this.#steps = undefined;
      this.#schedule();
    });
  }

  #flush(): void {
    if (!this.#send || this.#isInFlight || this.#pending.size === 0) return;
    this.#isInFlight = true;
    this.#number += 1;
    this.#send({ number: this.#number, tasks: this.#take() });
    this.#isPressing = this.#pending.size > 0;
  }

  #take(): TaskStatusReport[] {
    const tasks: TaskStatusReport[] = [];
    let bytesTotal = 0;
    for (const taskId of this.#pending) {
      const status = this.#known.get(taskId);
      if (!status) continue;
      const report = { taskId, status };
      bytesTotal += TaskStatusReportCodec.encode(report).finish().length;
      if (tasks.length >= reportTasksMax || (tasks.length > 0 && bytesTotal > reportBytesMax)) break;
      tasks.push(report);
      this.#pending.delete(taskId);
    }
    return tasks;
  }
}
