// Which manager an agent dials: itself while it leads, else the leader it knows of, else the others in turn.

import { type Clock, Queue, type Random, SwarmError } from "../base/index.js";
import { type AgentMessage, type ManagerPeer, RefusalKind } from "../gen/skep/v1/dispatcher.js";
import { type Credentials, type DispatcherCalls, type LogsCalls, NotTheLeader, openSession } from "../rpc/index.js";
import { type Connection, Refused } from "../worker/index.js";
import { firstOpen } from "./first-open.js";

/** Managers remembered; a swarm has a handful. */
const managersMax = 32;
/** Messages of the own agent to the own dispatcher that may wait. */
const localQueueMax = 10_000;
/** A manager that has not answered by then no longer keeps the next one from being asked: the machine may be gone. */
const patienceMs = 250;

interface Local {
  readonly dispatcher: DispatcherCalls;
  readonly logs: LogsCalls;
  readonly address: string;
}

export interface ConnectorModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly credentials: () => Credentials;
  /** What of this process answers agents while it leads, and the address it knows itself by. */
  readonly local: () => Local | undefined;
  /** What this node's own manager knows: its address, and the leader's; "" for none. */
  readonly own: () => { readonly addr: string; readonly leaderAddr: string };
  /** The managers changed: worth remembering for the next start. */
  readonly changed: (addrs: readonly string[]) => void;
  /** Opens a session; `openSession` when absent. */
  readonly open?: typeof openSession;
}

export class Connector {
  readonly #modules: ConnectorModules;
  #managers: readonly string[];
  #leader: string | undefined;
  /** The manager of the last session. */
  #last: string | undefined;

  constructor(managers: readonly string[], modules: ConnectorModules) {
    this.#managers = managers;
    this.#modules = modules;
  }

  /** Managers in the order they would be tried. */
  get managers(): readonly string[] {
    return this.#managers;
  }

  /** The manager that was asked does not lead, and said who does; "" when it knows none. */
  leaderIs(addr: string): void {
    this.#leader = addr === "" ? undefined : addr;
    if (this.#last !== undefined && addr === "") this.#putLast(this.#last);
  }

  /** The leader told who the managers are. Each node remembers them from another one on, so that not all ask the same one next. */
  managersAre(peers: readonly ManagerPeer[]): void {
    const addrs = peers.map(({ addr }) => addr).filter((addr) => addr !== "");
    if (addrs.length === 0) return;
    const known = addrs.slice(0, managersMax);
    const isSame = known.length === this.#managers.length && known.every((addr) => this.#managers.includes(addr));
    if (isSame) return;
    const first = Math.floor(this.#modules.random.next() * known.length);
    this.#managers = [...known.slice(first), ...known.slice(0, first)];
    this.#modules.changed(this.#managers);
  }

  /**
   * Opens a session with the most likely leader that answers. One that does not, or does not lead, goes to the end of the row.
   * A slow one is given `patience` times as long as usual. Rejects with Refused when managers answered and knew no leader.
   */
  async connect(signal: AbortSignal, patience: number): Promise<Connection> {
    const { clock, credentials, local, open = openSession } = this.#modules;
    const own = local();
    if (own) return localConnection(own, credentials(), signal);
    const addrs = this.#candidates();
    if (addrs.length === 0) throw new SwarmError("Unavailable", "no other manager of the swarm is known");
    let isLeaderless = false;
    try {
      const { addr, opened } = await firstOpen(addrs, {
        ...{ clock, patienceMs: patience * patienceMs, signal },
        open: (each, until) => open({ addr: each, credentials: credentials() }, { clock, signal: until }),
        failed: (each, error) => {
          isLeaderless ||= error instanceof NotTheLeader && error.leaderAddr === "";
          return this.#failed(each, error);
        },
      });
      this.#last = addr;
      return opened;
    } catch (error) {
      throw isLeaderless && !signal.aborted ? leaderless() : error;
    }
  }

  /** A manager that does not lead is of no use to its own agent. */
  #candidates(): readonly string[] {
    const { addr: ownAddr, leaderAddr } = this.#modules.own();
    const likely = [leaderAddr, this.#leader ?? "", ...this.#managers];
    return [...new Set(likely)].filter((addr) => addr !== "" && addr !== ownAddr);
  }

  /** Returns the leader it named, "" for none; the own manager is none that its own agent could dial. */
  #failed(addr: string, error: unknown): string | undefined {
    if (this.#leader === addr) this.#leader = undefined;
    this.#putLast(addr);
    if (!(error instanceof NotTheLeader)) return undefined;
    const leaderAddr = error.leaderAddr === this.#modules.own().addr ? "" : error.leaderAddr;
    if (leaderAddr !== "") this.#leader = leaderAddr;
    return leaderAddr;
  }

  #putLast(addr: string): void {
    if (this.#managers.includes(addr)) this.#managers = [...this.#managers.filter((each) => each !== addr), addr];
  }
}

function leaderless(): Refused {
  return new Refused({ kind: RefusalKind.NOT_LEADER, message: "no manager knows who leads the swarm", leaderAddr: "" });
}

/** The session of a manager's own agent: the same messages, without the network. */
function localConnection(
  { dispatcher, logs, address }: Local,
  { nodeId, role }: Credentials,
  signal: AbortSignal,
): Connection {
  const toManager = new Queue<AgentMessage>("messages to the own manager", localQueueMax);
  const over = new AbortController();
  const end = (reason: unknown): void => {
    over.abort(reason);
    toManager.end();
  };
  signal.addEventListener("abort", () => end(signal.reason), { once: true, signal: over.signal });
  return {
    send: async (message) => toManager.push(message),
    messages: dispatcher.session({ nodeId, role, address }, toManager, over.signal),
    publish: (batches, until) => logs.publish(nodeId, batches, AbortSignal.any([until, over.signal])),
    close: () => end(new SwarmError("Unavailable", "the session was closed")),
  };
}
