// All managers of a simulated cluster, and how a request comes to the one that leads: through any of them, over the network, as
// the API's forwarding does it. What was asked may have happened although no answer came.

import { type Clock, SwarmError } from "../../base/index.js";
import type { Leading } from "../../manager/index.js";
import type { Store } from "../../store/index.js";
import type { SimManager } from "./manager.js";
import type { SimNetwork } from "./network.js";

/** An answer that has not come by then is given up. */
const answerMaxMs = 5_000;

export interface ManagersModules {
  readonly clock: Clock;
  readonly network: SimNetwork;
  readonly delayMs: number;
}

export class SimManagers {
  readonly #modules: ManagersModules;
  readonly #byName = new Map<string, SimManager>();

  constructor(modules: ManagersModules) {
    this.#modules = modules;
  }

  get all(): readonly SimManager[] {
    return [...this.#byName.values()];
  }

  get(name: string): SimManager | undefined {
    return this.#byName.get(name);
  }

  add(manager: SimManager): void {
    this.#byName.set(manager.name, manager);
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }

  at(address: string): SimManager | undefined {
    for (const manager of this.#byName.values()) if (manager.address === address) return manager;
    return undefined;
  }

  get addresses(): readonly string[] {
    return this.all.map(({ address }) => address);
  }

  /** Who leads, in the highest term if several think so. */
  get leader(): SimManager | undefined {
    let leader: SimManager | undefined;
    for (const manager of this.#byName.values()) {
      if (manager.leading && (!leader || termOf(manager) > termOf(leader))) leader = manager;
    }
    return leader;
  }

  /** The store that knows most: of whoever leads, if anybody does; undefined while no manager is up. */
  get store(): Store | undefined {
    const { leader } = this;
    if (leader) return leader.store;
    let known: Store | undefined;
    for (const { store } of this.#byName.values()) {
      if (store && (!known || store.revision > known.revision)) known = store;
    }
    return known;
  }

  /** Asks the leader through one manager. Rejects with Unavailable when there was no answer: it may have happened. */
  async ask<T>(through: SimManager, request: (leading: Leading) => Promise<T>): Promise<T> {
    const target = through.leading ? through : this.at(through.isPaused ? "" : (through.manager?.leaderAddr() ?? ""));
    if (!through.program || !target) throw unavailable("no manager that leads is known");
    const wires = [through.program];
    if (target !== through) await this.#hop(through, target);
    const { leading, program } = target;
    if (!leading || !program) throw unavailable("the manager that led does not answer");
    if (program !== through.program) wires.push(program);
    return new Promise<T>((resolve, reject) => {
      const forgets = wires.map((end) => end.onEnd(() => over(() => reject(unavailable("the connection broke")))));
      const timer = this.#modules.clock.after(answerMaxMs, () => over(() => reject(unavailable("no answer in time"))));
      const over = (end: () => void): void => {
        timer.cancel();
        for (const forget of forgets) forget();
        end();
      };
      const answered = (end: () => void): void => {
        if (target === through) return over(end);
        this.#modules.clock.after(this.#modules.delayMs, () => {
          if (this.#modules.network.isOpen(target.name, through.name)) over(end);
        });
      };
      request(leading).then(
        (value) => answered(() => resolve(value)),
        (error: unknown) => answered(() => reject(error as Error)),
      );
    });
  }

  async #hop(from: SimManager, to: SimManager): Promise<void> {
    const { clock, delayMs, network } = this.#modules;
    await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    if (!network.isOpen(from.name, to.name)) throw unavailable("the manager that leads cannot be reached");
  }
}

function termOf({ manager }: SimManager): number {
  return manager?.raftStatus.term ?? 0;
}

function unavailable(message: string): SwarmError {
  return new SwarmError("Unavailable", message);
}
