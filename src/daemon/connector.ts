// Which manager an agent dials: itself while it leads, the leader it was told of, else those it knows in turn.

import { type Clock, Queue, SwarmError } from "../base/index.js";
import type { AgentMessage, ManagerPeer } from "../gen/skep/v1/dispatcher.js";
import { type Credentials, type DispatcherCalls, openSession } from "../rpc/index.js";
import type { Connection } from "../worker/index.js";

/** Managers remembered; a swarm has a handful. */
const managersMax = 32;
/** Messages of the own agent to the own dispatcher that may wait. */
const localQueueMax = 10_000;

export interface ConnectorModules {
  readonly clock: Clock;
  readonly credentials: () => Credentials;
  /** The dispatcher of this process while it leads, and the address it knows itself by. */
  readonly local: () => { readonly dispatcher: DispatcherCalls; readonly address: string } | undefined;
  /** The managers changed: worth remembering for the next start. */
  readonly changed: (addrs: readonly string[]) => void;
}

export class Connector {
  readonly #modules: ConnectorModules;
  #managers: readonly string[];
  #leader: string | undefined;

  constructor(managers: readonly string[], modules: ConnectorModules) {
    this.#managers = managers;
    this.#modules = modules;
  }

  /** Managers in the order they would be tried. */
  get managers(): readonly string[] {
    return this.#managers;
  }

  /** A manager that does not lead said who does; "" when it knows none. */
  leaderIs(addr: string): void {
    this.#leader = addr === "" ? undefined : addr;
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

  /** Opens a session with the most likely leader. A manager that cannot be reached goes to the end of the row. */
  async connect(signal: AbortSignal): Promise<Connection> {
    const { clock, credentials, local } = this.#modules;
    const own = local();
    if (own) return localConnection(own.dispatcher, credentials(), own.address, signal);
    const addr = this.#leader ?? this.#managers[0];
    if (addr === undefined) throw new SwarmError("Unavailable", "no manager of the swarm is known");
    try {
      return await openSession({ addr, credentials: credentials() }, { clock, signal });
    } catch (error) {
      this.#failed(addr);
      throw error;
    }
  }

  #failed(addr: string): void {
    this.#leader = undefined;
    if (this.#managers.includes(addr)) this.#managers = [...this.#managers.filter((each) => each !== addr), addr];
  }
}

/** The session of a manager's own agent: the same messages, without the network. */
function localConnection(
  dispatcher: DispatcherCalls,
  { nodeId, role }: Credentials,
  address: string,
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
    close: () => end(new SwarmError("Unavailable", "the session was closed")),
  };
}
