// Which manager an agent dials, as the daemon decides it (daemon/connector.ts), without its network: its own while that leads,
// else the leader it was told of, else the others in turn. Who does not answer soon goes to the end of the row.

import { type Clock, messageOf, SwarmError } from "../../base/index.js";
import type { ManagerPeer } from "../../gen/skep/v1/dispatcher.js";
import type { Connection } from "../../worker/index.js";
import type { SimProgram } from "./program.js";

/** A manager that has not answered by then no longer keeps the next one from being asked. */
const patienceMs = 250;

/** What the manager on the same machine knows. */
export interface OwnManager {
  readonly address: string;
  readonly isLeading: boolean;
  /** "" for none. */
  readonly leaderAddress: string;
}

export interface ConnectorModules {
  readonly clock: Clock;
  readonly own: () => OwnManager | undefined;
  readonly open: (address: string, program: SimProgram, signal: AbortSignal) => Promise<Connection>;
}

export class SimConnector {
  readonly #modules: ConnectorModules;
  #managers: readonly string[];
  #leader: string | undefined;
  #last = "";

  constructor(managers: readonly string[], modules: ConnectorModules) {
    this.#managers = managers;
    this.#modules = modules;
  }

  get managers(): readonly string[] {
    return this.#managers;
  }

  /** The manager that was asked does not lead, and said who does; "" when it knows none. */
  leaderIs(address: string): void {
    this.#leader = address === "" ? undefined : address;
    if (address === "") this.#putLast(this.#last);
  }

  managersAre(peers: readonly ManagerPeer[]): void {
    const addresses = peers.map(({ addr }) => addr).filter((addr) => addr !== "");
    const isSame =
      addresses.length === this.#managers.length && addresses.every((each) => this.#managers.includes(each));
    if (addresses.length > 0 && !isSame) this.#managers = addresses;
  }

  async connect(program: SimProgram, signal: AbortSignal): Promise<Connection> {
    let failure = "no other manager of the swarm is known";
    const candidates = this.#candidates();
    for (const [at, address] of candidates.entries()) {
      try {
        const connection = await this.#open(address, program, { isImpatient: at < candidates.length - 1, signal });
        this.#last = address;
        return connection;
      } catch (error) {
        signal.throwIfAborted();
        failure = messageOf(error);
        if (this.#leader === address) this.#leader = undefined;
        this.#putLast(address);
      }
    }
    throw new SwarmError("Unavailable", failure);
  }

  async #open(
    address: string,
    program: SimProgram,
    { isImpatient, signal }: { readonly isImpatient: boolean; readonly signal: AbortSignal },
  ): Promise<Connection> {
    if (!isImpatient) return this.#modules.open(address, program, signal);
    const dial = new AbortController();
    const giveUp = (): void => dial.abort(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    const patience = this.#modules.clock.after(patienceMs, () => dial.abort(new Error("it does not answer")));
    try {
      return await this.#modules.open(address, program, dial.signal);
    } finally {
      patience.cancel();
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** A manager that does not lead is of no use to its own agent. */
  #candidates(): readonly string[] {
    const own = this.#modules.own();
    if (own?.isLeading) return [own.address];
    const likely = [own?.leaderAddress ?? "", this.#leader ?? "", ...this.#managers];
    return [...new Set(likely)].filter((address) => address !== "" && address !== own?.address);
  }

  #putLast(address: string): void {
    if (!this.#managers.includes(address)) return;
    this.#managers = [...this.#managers.filter((each) => each !== address), address];
  }
}
