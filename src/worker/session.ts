// One session with the leader, from the agent's side: open, then assignments in order, statuses out, a beat every period.

import { type Clock, millis, SwarmError, type Timer } from "../base/index.js";
import {
  type AgentMessage,
  type Assignments,
  type ManagerMessage,
  type Refusal,
  type SessionState,
  type Welcome,
} from "../gen/skep/v1/dispatcher.js";
import type { LogBatch, LogSubscriptions } from "../gen/skep/v1/logs.js";

/** The leader's first word after the open. */
const welcomeMs = 5_000;
/** Beats since the manager's last word: the session ends before the next one. */
const unansweredMax = 2;
/** … unless the manager is heard after all: what came while this process stood still is still to be read then. */
const lastLookMs = 100;
/** For the manager's last word to be read, once nothing more can be sent. */
const lastWordMs = 1_000;
/** Until the leader has said otherwise. */
const defaultPeriodMs = 1_000;

/** A stream of messages each way with a manager. */
export interface Connection {
  /** Rejects once the connection is over. */
  send(message: AgentMessage): Promise<void>;
  /** Read once. Ends or throws when the connection is over. */
  readonly messages: AsyncIterable<ManagerMessage>;
  /**
   * Sends lines of a log subscription to the same manager, apart from the session: `batches` is read as fast as the manager
   * takes them. Resolves when it has them all, or wants no more; rejects when the way broke. Absent: there is none.
   */
  publish?(batches: AsyncIterable<LogBatch>, signal: AbortSignal): Promise<void>;
  close(): void;
}

export type AgentSays = NonNullable<AgentMessage["message"]>;

/** What the agent does with what a leader says. */
export interface SessionEvents {
  readonly welcomed: (welcome: Welcome) => void;
  readonly assigned: (assignments: Assignments) => void;
  readonly acknowledged: (reportNumber: number) => void;
  readonly stateChanged: (state: SessionState) => void;
  readonly logsWanted: (wanted: LogSubscriptions) => void;
}

/** A manager refused the session. */
export class Refused extends SwarmError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super("Unavailable", refusal.message);
    this.refusal = refusal;
  }
}

export class AgentSession {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #events: SessionEvents;
  readonly #broken: Promise<never>;
  #break: (error: unknown) => void = () => {};
  #timer: Timer | undefined;
  #lastWord: Timer | undefined;
  #periodMs = defaultPeriodMs;
  #beat = 0;
  /** Beats said since the manager said anything: every word of it shows that it lives. */
  #unanswered = 0;
  #assignmentsNumber = 0;

  constructor(connection: Connection, clock: Clock, events: SessionEvents) {
    this.#connection = connection;
    this.#clock = clock;
    this.#events = events;
    this.#broken = new Promise((_, reject) => {
      this.#break = reject;
    });
    this.#broken.catch(() => undefined);
  }

  /**
   * Queues a message; a connection that cannot take it ends the session. What the manager said before it hung up, a
   * refusal, is read first: it is the better reason.
   */
  say(message: AgentSays): void {
    this.#connection.send({ message }).catch((error: unknown) => {
      this.#lastWord ??= this.#clock.after(lastWordMs, () => this.#break(error));
    });
  }

  /** Runs the session to its end, which is always an error: why it is over. The welcome may take `patience` times its bound. */
  async run(
    open: AgentSays,
    { patience, signal }: { readonly patience: number; readonly signal: AbortSignal },
  ): Promise<never> {
    const onAbort = (): void => this.#break(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const lateMs = patience * welcomeMs;
      this.#timer = this.#clock.after(lateMs, () =>
        this.#break(silent("the manager did not welcome this node", lateMs)),
      );
      this.say(open);
      return await Promise.race([this.#broken, this.#read()]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#timer?.cancel();
      this.#lastWord?.cancel();
      this.#connection.close();
    }
  }

  async #read(): Promise<never> {
    for await (const { message } of this.#connection.messages) if (message) this.#hear(message);
    throw new SwarmError("Unavailable", "the manager ended the session");
  }

  #hear(message: NonNullable<ManagerMessage["message"]>): void {
    this.#unanswered = 0;
    switch (message.$case) {
      case "welcome":
        return this.#welcome(message.value);
      case "assignments":
        return this.#assign(message.value);
      case "heartbeat":
        return;
      case "statuses":
        return this.#events.acknowledged(message.value.number);
      case "state":
        return this.#learn(message.value);
      case "logs":
        return this.#events.logsWanted(message.value);
      case "refusal":
        throw new Refused(message.value);
      default:
        return message satisfies never;
    }
  }

  #welcome(welcome: Welcome): void {
    this.#timer?.cancel();
    this.#events.welcomed(welcome);
    if (welcome.state) this.#learn(welcome.state);
    this.#keepBeating();
  }

  #learn(state: SessionState): void {
    const periodMs = millis(state.heartbeatPeriod);
    if (periodMs > 0) this.#periodMs = periodMs;
    this.#events.stateChanged(state);
  }

  /** A part that is missing would be missed for ever: the next session starts from what is held. */
  #assign(assignments: Assignments): void {
    if (assignments.number !== this.#assignmentsNumber + 1) {
      throw new SwarmError(
        "Aborted",
        `assignments ${this.#assignmentsNumber + 1} are missing: ${assignments.number} came`,
      );
    }
    this.#assignmentsNumber = assignments.number;
    this.#events.assigned(assignments);
  }

  #keepBeating(): void {
    if (this.#unanswered >= unansweredMax) {
      this.#timer = this.#clock.after(lastLookMs, () => this.#lookAgain());
      return;
    }
    this.#beat += 1;
    this.#unanswered += 1;
    this.say({ $case: "heartbeat", value: { number: this.#beat } });
    this.#timer = this.#clock.after(this.#periodMs, () => this.#keepBeating());
  }

  #lookAgain(): void {
    if (this.#unanswered < unansweredMax) this.#keepBeating();
    else this.#break(silent("the manager did not answer heartbeats", unansweredMax * this.#periodMs));
  }
}

function silent(what: string, waitedMs: number): SwarmError {
  return new SwarmError("Unavailable", `${what} within ${waitedMs} ms`);
}
