// The sessions of this leader: who is let in, and what is done with what an agent says.

import {
  type Clock,
  type Counter,
  type Log,
  type Metrics,
  messageOf,
  newId,
  type Random,
  SwarmError,
  type Wake,
} from "../../base/index.js";
import {
  type AgentGoodbye,
  type AgentMessage,
  type AgentOpen,
  GoodbyeReason,
  type ManagerMessage,
  type Refusal,
} from "../../gen/skep/v1/dispatcher.js";
import type { NodeRole } from "../../gen/skep/v1/specs.js";
import { NotLeader, type Store } from "../../store/index.js";
import type { Liveness } from "./liveness.js";
import type { LogRequests } from "./log-requests.js";
import type { NodeRows } from "./node-rows.js";
import { Pace } from "./pace.js";
import { heartbeatFailure } from "./presence.js";
import { nodeRefusal, notLeading, refusalFor, superseded } from "./refusals.js";
import { Session } from "./session.js";
import { heartbeatPeriodMs, type SessionStates } from "./session-state.js";
import type { StatusReports } from "./status-reports.js";

/** The first message of an agent. */
const openMs = 5_000;
/** Streams held open, those that have not said who they are included. */
export const sessionsMax = 10_000;

/** The node at the other end of a session, as its certificate says. */
export interface SessionPeer {
  readonly nodeId: string;
  readonly role: NodeRole;
  /** IP address the session comes from. */
  readonly address: string;
}

export interface SessionsModules {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly liveness: Liveness;
  readonly rows: NodeRows;
  readonly reports: StatusReports;
  readonly states: SessionStates;
  readonly logs: LogRequests;
  /** Rung when there is something to store. */
  readonly bell: Wake;
}

export class Sessions {
  readonly #modules: SessionsModules;
  readonly #byNode = new Map<string, Session>();
  readonly #assignments: Counter;
  readonly #late: Counter;
  readonly #pace: Pace;
  #streams = 0;
  #isClosed = false;

  constructor(modules: SessionsModules) {
    this.#modules = modules;
    const { metrics, clock } = modules;
    this.#pace = new Pace(clock, () => this.#byNode.size);
    modules.logs.onChange((nodeId) => this.#byNode.get(nodeId)?.touchLogs());
    this.#assignments = metrics.counter(
      "skep_dispatcher_assignments_total",
      "Task assignments sent, removals included.",
    );
    this.#late = metrics.counter(
      "skep_dispatcher_heartbeats_late_total",
      "Heartbeats that came a period late or more.",
    );
  }

  get size(): number {
    return this.#byNode.size;
  }

  /** Sessions that are under way. */
  all(): Iterable<Session> {
    return this.#byNode.values();
  }

  of(nodeId: string): Session | undefined {
    return this.#byNode.get(nodeId);
  }

  /** The node was marked DOWN: should it live, its next session says so. */
  endLost(nodeId: string): void {
    this.#byNode.get(nodeId)?.fail(new SwarmError("Unavailable", heartbeatFailure));
  }

  /** The node's row is gone. */
  endRemoved(nodeId: string): void {
    const refusal = nodeRefusal(nodeId, this.#modules.store);
    if (refusal) this.#byNode.get(nodeId)?.refuse(refusal);
  }

  /** leading → not leading. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#byNode.values()) session.refuse(notLeading);
  }

  /** One stream, from the open to its end. */
  async *serve(
    peer: SessionPeer,
    incoming: AsyncIterable<AgentMessage>,
    signal: AbortSignal,
  ): AsyncGenerator<ManagerMessage, void, void> {
    const messages = incoming[Symbol.asyncIterator]();
    this.#streams += 1;
    try {
      if (this.#streams > sessionsMax) throw tooMany();
      const open = await this.#firstOf(messages);
      const refusal = this.#refusalFor(peer, open);
      if (refusal) yield { message: { $case: "refusal", value: refusal } };
      else yield* this.#serveNode(peer, open, messages, signal);
    } finally {
      this.#streams -= 1;
      // It may be waiting for a message that never comes: nobody waits for that.
      void messages.return?.().then(undefined, () => undefined);
    }
  }

  async *#serveNode(
    peer: SessionPeer,
    open: AgentOpen,
    messages: AsyncIterator<AgentMessage>,
    signal: AbortSignal,
  ): AsyncGenerator<ManagerMessage, void, void> {
    const { log } = this.#modules;
    const session = this.#admit(peer.nodeId, open);
    try {
      await this.#welcome(session, peer, open);
      void this.#read(session, messages);
      log.info("session open", { node: peer.nodeId, address: peer.address, held: open.tasks.length });
      yield* session.messages(signal);
      log.info("session over", { node: peer.nodeId });
    } catch (error) {
      log.info("session over", { node: peer.nodeId, reason: messageOf(error) });
      throw error;
    } finally {
      session.finish();
      if (this.#byNode.get(peer.nodeId) === session) this.#byNode.delete(peer.nodeId);
    }
  }

  #refusalFor({ nodeId, address }: SessionPeer, open: AgentOpen): Refusal | undefined {
    const refusal = this.#isClosed ? notLeading : refusalFor(nodeId, open, this.#modules.store);
    if (refusal) this.#modules.log.warn("session refused", { node: nodeId, address, reason: refusal.message });
    return refusal;
  }

  async #firstOf(messages: AsyncIterator<AgentMessage>): Promise<AgentOpen> {
    const step = await this.#withinOpenMs(messages.next());
    const message = step.done ? undefined : step.value.message;
    if (message?.$case === "open") return message.value;
    throw new SwarmError("InvalidArgument", "a session begins with what the agent holds");
  }

  #withinOpenMs<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = new SwarmError("DeadlineExceeded", `the agent said nothing for ${openMs / 1000} s`);
      const timer = this.#modules.clock.after(openMs, () => reject(late));
      promise.finally(() => timer.cancel()).then(resolve, reject);
    });
  }

  /** no session, or an older one → this one. From here on its node is present. */
  #admit(nodeId: string, open: AgentOpen): Session {
    const { store, clock, random, states, logs, liveness } = this.#modules;
    this.#byNode.get(nodeId)?.refuse(superseded);
    liveness.open(nodeId, clock.monotonic(), heartbeatPeriodMs(store.cluster), open.engine);
    const session = new Session(newId(random), nodeId, open, {
      view: store,
      clusterId: store.cluster?.id ?? "",
      state: states.of(nodeId),
      logs: () => logs.of(nodeId),
      assignmentsSent: (count) => this.#assignments.add(count),
      pace: this.#pace,
    });
    this.#byNode.set(nodeId, session);
    return session;
  }

  /** What the agent says of its node is stored before it is counted in; its grace begins anew then. */
  async #welcome(session: Session, peer: SessionPeer, open: AgentOpen): Promise<void> {
    const { rows, liveness, clock, store } = this.#modules;
    const addr = open.advertiseAddr === "" ? peer.address : hostOf(open.advertiseAddr);
    try {
      const isNode = await rows.write(session.nodeId, { description: open.description, addr });
      if (!isNode) this.endRemoved(session.nodeId);
      if (!session.isOver) liveness.beat(session.nodeId, clock.monotonic(), heartbeatPeriodMs(store.cluster));
    } catch (error) {
      if (error instanceof NotLeader) session.refuse(notLeading);
      else throw error;
    }
  }

  /** Never rejects: what goes wrong ends the session. */
  async #read(session: Session, messages: AsyncIterator<AgentMessage>): Promise<void> {
    try {
      for (;;) {
        const step = await messages.next();
        if (session.isOver) return;
        if (step.done) return session.finish();
        if (step.value.message) await this.#hear(session, step.value.message);
      }
    } catch (error) {
      session.fail(error);
    }
  }

  /** Only a goodbye is waited for: a heartbeat behind anything else is heard at once. Whatever it is, the node lives. */
  #hear(session: Session, message: NonNullable<AgentMessage["message"]>): Promise<void> | void {
    this.#modules.liveness.heard(session.nodeId, this.#modules.clock.monotonic());
    switch (message.$case) {
      case "open":
        return session.fail(new SwarmError("InvalidArgument", "a session is opened once"));
      case "heartbeat":
        return this.#beat(session, message.value.number);
      case "statuses": {
        const isHonest = session.reported() && this.#modules.reports.add(session, message.value);
        if (!isHonest) session.fail(new SwarmError("ResourceExhausted", "too many task statuses at once"));
        return this.#modules.bell.ring();
      }
      case "description":
        return this.#store(session, { description: message.value });
      case "engine":
        this.#modules.liveness.engine(session.nodeId, this.#modules.clock.monotonic(), message.value);
        return this.#store(session, {});
      case "goodbye":
        return this.#goodbye(session, message.value);
      default:
        return message satisfies never;
    }
  }

  #beat(session: Session, number: number): void {
    const { liveness, clock, store } = this.#modules;
    const periodMs = Math.max(session.beat(number), heartbeatPeriodMs(store.cluster));
    const silentMs = liveness.beat(session.nodeId, clock.monotonic(), periodMs);
    if (silentMs !== undefined && silentMs >= 2 * periodMs) this.#late.add();
  }

  #store(session: Session, says: Parameters<NodeRows["write"]>[1]): void {
    this.#modules.rows.write(session.nodeId, says).catch((error: unknown) => session.fail(error));
  }

  /** The agent hears the end of the session once its goodbye is stored. */
  async #goodbye(session: Session, { reason }: AgentGoodbye): Promise<void> {
    const { liveness, clock, rows } = this.#modules;
    const nowMs = clock.monotonic();
    if (reason === GoodbyeReason.LEAVE) liveness.leave(session.nodeId, nowMs);
    else liveness.restart(session.nodeId, nowMs, clock.now());
    await rows.write(session.nodeId);
    session.finish();
  }
}

/** "10.0.0.1:2377" and "[fd00::1]:2377" without the port; a bare address as it is. */
function hostOf(addr: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(addr);
  if (bracketed) return bracketed[1] ?? addr;
  const parts = addr.split(":");
  return parts.length === 2 ? (parts[0] ?? addr) : addr;
}

function tooMany(): SwarmError {
  return new SwarmError("ResourceExhausted", `this manager holds ${sessionsMax} sessions already`);
}
