// Which manager an agent dials: itself while it leads, else the leader it knows of, else the others in turn.

import { type Clock, Queue, SwarmError } from "../base/index.js";
import type { AgentMessage, ManagerPeer } from "../gen/skep/v1/dispatcher.js";
import { type Credentials, type DispatcherCalls, type LogsCalls, openSession } from "../rpc/index.js";
import type { Connection } from "../worker/index.js";
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

  /** The leader told who the managers are. */
  managersAre(peers: readonly ManagerPeer[]): void {
    const addrs = peers.map(({ addr }) => addr).filter((addr) => addr !== "");
    if (addrs.length === 0) return;
    const known = addrs.slice(0, managersMax);
    const isSame = known.length === this.#managers.length && known.every((addr) => this.#managers.includes(addr));
    if (isSame) return;
    this.#managers = known;
    this.#modules.changed(known);
  }

  /** Opens a session with the most likely leader that answers. One that does not goes to the end of the row. */
  async connect(signal: AbortSignal): Promise<Connection> {
    const { clock, credentials, local, open = openSession } = this.#modules;
    const own = local();
    if (own) return localConnection(own, credentials(), signal);
    const addrs = this.#candidates();
    if (addrs.length === 0) throw new SwarmError("Unavailable", "no other manager of the swarm is known");
    const { addr, opened } = await firstOpen(addrs, {
      ...{ clock, patienceMs, signal },
      open: (each, until) => open({ addr: each, credentials: credentials() }, { clock, signal: until }),
      failed: (each) => this.#failed(each),
    });
    this.#last = addr;
    return opened;
  }

  /** A manager that does not lead is of no use to its own agent. */
  #candidates(): readonly string[] {
    const { addr: ownAddr, leaderAddr } = this.#modules.own();
    const likely = [leaderAddr, this.#leader ?? "", ...this.#managers];
    return [...new Set(likely)].filter((addr) => addr !== "" && addr !== ownAddr);
  }

  #failed(addr: string): void {
    if (this.#leader === addr) this.#leader = undefined;
    this.#putLast(addr);
  }

  #putLast(addr: string): void {
    if (this.#managers.includes(addr)) this.#managers = [...this.#managers.filter((each) => each !== addr), addr];
  }
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
