// One session as the leader holds it: what is still to be said, most urgent first. Nothing is queued: each kind of
// message is made from what is true when the stream can take it, so a slow agent costs no more than a fast one.

import { millis, SwarmError, Wake } from "../../base/index.js";
import type { AgentOpen, ManagerMessage, Refusal, SessionState } from "../../gen/skep/v1/dispatcher.js";
import type { LogSubscriptions } from "../../gen/skep/v1/logs.js";
import type { View } from "../../store/index.js";
import type { Pace, Speaker } from "./pace.js";
import { TaskSet, touchedMax } from "./task-set.js";

/** Reports an agent may have under way; it waits for each before the next. */
const reportsMax = 16;

export type ManagerSays = NonNullable<ManagerMessage["message"]>;

export interface SessionWorld {
  readonly view: View;
  readonly clusterId: string;
  /** What the agent must know of the cluster now; the same object while nothing changed. */
  readonly state: () => SessionState;
  /** What the node is asked to publish now; the same object while nothing changed. */
  readonly logs: () => LogSubscriptions;
  readonly assignmentsSent: (count: number) => void;
  readonly pace: Pace;
}

type End =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "failed"; readonly error: Error }
  | { readonly kind: "over" };

export class Session implements Speaker {
  readonly id: string;
  readonly nodeId: string;
  readonly #world: SessionWorld;
  readonly #tasks: TaskSet;
  readonly #bell = new Wake();
  #end: End | undefined;
  #beat = { heard: 0, answered: 0, toldMs: 0 };
  #reports = { heard: 0, stored: 0, acknowledged: 0, waiting: 0 };
  #toldState: SessionState | undefined;
  #isStateTouched = false;
  #toldLogs: LogSubscriptions | undefined;
  #isLogsTouched = true;
  /** It is this session's turn to say what can wait. */
  #isSpeaking = false;

  constructor(id: string, nodeId: string, open: AgentOpen, world: SessionWorld) {
    this.id = id;
    this.nodeId = nodeId;
    this.#world = world;
    this.#tasks = new TaskSet(nodeId, open.tasks, world.view);
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /**
   * A beat came. Returns the period, in milliseconds, within which the next one may be expected: while a shorter one is on
   * its way to the agent, the longer counts.
   */
  beat(number: number): number {
    const toldMs = millis(this.#toldState?.heartbeatPeriod);
    const periodMs = Math.max(toldMs, this.#beat.toldMs);
    const { heard, answered } = this.#beat;
    this.#beat = { heard: Math.max(heard, number), answered, toldMs };
    this.#world.pace.answer(this);
    return periodMs;
  }

  /** What the agent is told, until the session is over; throws why when that is a failure. */
  async *messages(signal: AbortSignal): AsyncGenerator<ManagerMessage, void, void> {
    if (!this.#end) yield { message: this.#welcome() };
    const ring = (): void => this.#bell.ring();
    signal.addEventListener("abort", ring, { once: true });
    for (;;) {
      if (this.#end) break;
      signal.throwIfAborted();
      const message = this.#next();
      if (message) yield { message };
      else await this.#bell.next();
    }
    signal.removeEventListener("abort", ring);
    if (this.#end.kind === "refused") yield { message: { $case: "refusal", value: this.#end.refusal } };
    if (this.#end.kind === "failed") throw this.#end.error;
  }

  /** Its turn has come: `pace` says so. */
  maySpeak(): void {
    this.#isSpeaking = true;
    this.#bell.ring();
  }

  mayAnswer(): void {
    if (this.#beat.heard !== this.#beat.answered) this.#bell.ring();
  }

  /** A report came. False: the agent has more under way than it may. */
  reported(): boolean {
    this.#reports.waiting += 1;
    return this.#reports.waiting <= reportsMax;
  }

  /** Everything up to report `number` is stored. */
  acknowledge(number: number): void {
    this.#reports.waiting -= 1;
    this.#reports.stored = Math.max(this.#reports.stored, number);
    this.#bell.ring();
  }

  /** Something an agent must know of the task may have changed. */
  touch(taskId: string): void {
    if (!this.#tasks.touch(taskId)) {
      this.fail(new SwarmError("ResourceExhausted", `more than ${touchedMax} tasks wait for the agent to listen`));
    }
    this.#bell.ring();
  }

  /** Anything may have changed. */
  touchAll(): void {
    this.#tasks.touchAll(this.#world.view);
    this.touchState();
  }

  touchState(): void {
    this.#isStateTouched = true;
    this.#bell.ring();
  }

  /** The node is asked to publish something else. */
  touchLogs(): void {
    this.#isLogsTouched = true;
    this.#bell.ring();
  }

  /** session → no session: the agent is told why. */
  refuse(refusal: Refusal): void {
    this.#finish({ kind: "refused", refusal });
  }

  fail(error: unknown): void {
    this.#finish({ kind: "failed", error: error instanceof Error ? error : new Error(String(error)) });
  }

  /** The agent said all it had to say. */
  finish(): void {
    this.#finish({ kind: "over" });
  }

  #finish(end: End): void {
    this.#end ??= end;
    this.#world.pace.leave(this);
    this.#bell.ring();
  }

  #welcome(): ManagerSays {
    const state = this.#world.state();
    this.#toldState = state;
    return { $case: "welcome", value: { sessionId: this.id, clusterId: this.#world.clusterId, state } };
  }

  /** A heartbeat never waits behind an assignment; what concerns tasks waits for the session's turn. */
  #next(): ManagerSays | undefined {
    return this.#heartbeat() ?? this.#stateChange() ?? this.#speech() ?? this.#logsChange();
  }

  /** An acknowledgement and a part of the assignments a turn. */
  #speech(): ManagerSays | undefined {
    if (!this.#tasks.hasMore && this.#reports.stored === this.#reports.acknowledged) return undefined;
    if (!this.#isSpeaking) this.#world.pace.ask(this);
    if (!this.#isSpeaking) return undefined;
    const acknowledgement = this.#acknowledgement();
    if (acknowledgement && this.#tasks.hasMore) return acknowledgement;
    this.#isSpeaking = false;
    return acknowledgement ?? this.#assignments();
  }

  #heartbeat(): ManagerSays | undefined {
    const { heard, answered } = this.#beat;
    if (heard === answered) return undefined;
    this.#beat = { ...this.#beat, answered: heard };
    return { $case: "heartbeat", value: { number: heard } };
  }

  #acknowledgement(): ManagerSays | undefined {
    const { stored, acknowledged } = this.#reports;
    if (stored === acknowledged) return undefined;
    this.#reports.acknowledged = stored;
    return { $case: "statuses", value: { number: stored } };
  }

  #stateChange(): ManagerSays | undefined {
    if (!this.#isStateTouched) return undefined;
    this.#isStateTouched = false;
    const state = this.#world.state();
    if (state === this.#toldState) return undefined;
    this.#toldState = state;
    return { $case: "state", value: state };
  }

  /** An agent that was told nothing yet reads nothing. */
  #logsChange(): ManagerSays | undefined {
    if (!this.#isLogsTouched) return undefined;
    this.#isLogsTouched = false;
    const logs = this.#world.logs();
    if (logs === this.#toldLogs || (this.#toldLogs === undefined && logs.subscriptions.length === 0)) return undefined;
    this.#toldLogs = logs;
    return { $case: "logs", value: logs };
  }

  #assignments(): ManagerSays | undefined {
    if (!this.#tasks.hasMore) return undefined;
    const assignments = this.#tasks.next(this.#world.view);
    if (!assignments) return undefined;
    this.#world.assignmentsSent(assignments.update.length + assignments.remove.length);
    return { $case: "assignments", value: assignments };
  }
}
