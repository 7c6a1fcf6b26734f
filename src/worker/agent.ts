// The agent: keeps a session with the leader for as long as the daemon runs, however often it breaks.

import { type Clock, type Log, messageOf, type Random, sleep, Wake } from "../base/index.js";
import {
  type AgentOpen,
  type Assignments,
  type EngineHealth,
  type GoodbyeReason,
  type HeldAssignment,
  RefusalKind,
  type SessionState,
} from "../gen/skep/v1/dispatcher.js";
import type { NodeDescription } from "../gen/skep/v1/objects.js";
import type { LogReadings } from "./logs/index.js";
import type { Reporter } from "./reporter.js";
import { Retry, type SessionEnd } from "./retry.js";
import { AgentSession, type Connection, Refused } from "./session.js";

/** The newest protocol this agent speaks. */
export const agentFormat = 1;
/** The leader ends the session once it has stored a goodbye; nobody waits longer for that. */
const goodbyeMs = 500;

export interface AgentModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly reporter: Reporter;
  /**
   * Opens a stream to the manager that most likely leads; rejects in clear words. Ends when the signal is aborted. One that is
   * slow is given `patience` times as long as usual.
   */
  readonly connect: (signal: AbortSignal, patience: number) => Promise<Connection>;
  /** What the node holds and says of itself now. */
  readonly held: () => readonly HeldAssignment[];
  readonly describe: () => NodeDescription | undefined;
  readonly engineHealth: () => EngineHealth;
  readonly assigned: (assignments: Assignments) => void;
  readonly stateChanged: (state: SessionState) => void;
  readonly logs: LogReadings;
  /** Another manager leads, or (empty) none is known. */
  readonly leaderIs: (addr: string) => void;
  /** The node was removed from the cluster. */
  readonly removed: (message: string) => void;
}

export interface AgentOptions {
  /** Where other nodes reach this one; empty: the address a manager sees. */
  readonly advertiseAddr: string;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #modules: AgentModules;
  #session: AgentSession | undefined;
  /** Rings at the end of the session under way. */
  #sessionOver = new Wake();
  #isWelcome = false;
  /** Monotonic; of the session under way or just over, if it was welcomed. */
  #welcomeAtMs: number | undefined;
  /** What changed since the session was opened, and it is not welcome yet: the leader is told then. */
  #isUntold = false;
  #isOver = false;

  constructor(options: AgentOptions, modules: AgentModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** True while a leader counts this node in. */
  get isConnected(): boolean {
    return this.#isWelcome;
  }

  /** Session after session, until the signal is aborted or (then it waits for that) the node was removed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#modules;
    const retry = new Retry();
    while (!this.#isOver) {
      this.#welcomeAtMs = undefined;
      const error = await this.#once(retry.patience, signal);
      signal.throwIfAborted();
      const livedMs = this.#welcomeAtMs === undefined ? 0 : clock.monotonic() - this.#welcomeAtMs;
      const waitMs = retry.after(this.#answer(error), livedMs, random);
      log.info("session with the manager is over", { error: messageOf(error), retryMs: Math.round(waitMs) });
      await sleep(clock, waitMs, signal);
    }
    await new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  }

  /** The engine's answer to "do you live?" changed, or what the node says of itself did. */
  tellEngine(): void {
    this.#isUntold = !this.#isWelcome;
    if (this.#isUntold) return;
    const description = this.#modules.describe();
    if (description) this.#session?.say({ $case: "description", value: description });
    this.#session?.say({ $case: "engine", value: this.#modules.engineHealth() });
  }

  /** Tells the leader why the node goes, so that it need not be guessed from silence. No session follows. */
  async goodbye(reason: GoodbyeReason): Promise<void> {
    this.#isOver = true;
    if (!this.#isWelcome) return;
    this.#session?.say({ $case: "goodbye", value: { reason } });
    await this.#sessionOver.waitAtMost(this.#modules.clock, goodbyeMs, new AbortController().signal);
  }

  /** One session. Resolves with why it is over. */
  async #once(patience: number, signal: AbortSignal): Promise<unknown> {
    const { reporter, logs } = this.#modules;
    this.#sessionOver = new Wake();
    try {
      const connection = await this.#modules.connect(signal, patience);
      const session = this.#makeSession(connection);
      this.#session = session;
      return await session.run({ $case: "open", value: this.#open() }, { patience, signal });
    } catch (error) {
      return error;
    } finally {
      reporter.detach();
      logs.endAll();
      this.#session = undefined;
      this.#isWelcome = false;
      this.#sessionOver.ring();
    }
  }

  #makeSession(connection: Connection): AgentSession {
    const { clock, reporter, assigned, stateChanged, logs, log } = this.#modules;
    const session: AgentSession = new AgentSession(connection, clock, {
      welcomed: ({ sessionId }) => {
        this.#isWelcome = true;
        this.#welcomeAtMs = clock.monotonic();
        if (this.#isUntold) this.tellEngine();
        log.info("session with the manager is open", { sessionId });
        reporter.attach((report) => session.say({ $case: "statuses", value: report }));
      },
      assigned,
      acknowledged: (number) => reporter.acknowledge(number),
      stateChanged,
      logsWanted: ({ subscriptions }) => {
        if (connection.publish) logs.want(subscriptions, connection.publish.bind(connection));
      },
    });
    return session;
  }

  #open(): AgentOpen {
    this.#isUntold = false;
    return {
      format: agentFormat,
      description: this.#modules.describe(),
      tasks: this.#modules.held(),
      advertiseAddr: this.#options.advertiseAddr,
      engine: this.#modules.engineHealth(),
    };
  }

  /** Acts on a refusal. Returns how the session ended. */
  #answer(error: unknown): SessionEnd {
    if (!(error instanceof Refused)) return "failed";
    const { kind, message, leaderAddr } = error.refusal;
    switch (kind) {
      case RefusalKind.NOT_LEADER:
        this.#modules.leaderIs(leaderAddr);
        return leaderAddr === "" ? "leaderless" : "sent on";
      case RefusalKind.NODE_REMOVED:
        this.#isOver = true;
        this.#modules.removed(message);
        return "sent on";
      case RefusalKind.UNSPECIFIED:
      case RefusalKind.SUPERSEDED:
      case RefusalKind.PROTOCOL:
      case RefusalKind.NODE_UNKNOWN:
        return "failed";
      default:
        return kind satisfies never;
    }
  }
}
