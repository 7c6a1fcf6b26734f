// All managers of a simulated cluster, and how a request comes to the one that leads: through any of them, over the network, as
// the API's forwarding does it. What was asked may have happened although no answer came.

import { type Clock, SwarmError } from "../../base/index.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import type { Leading } from "../../manager/index.js";
import type { Store } from "../../store/index.js";
import type { SeededRandom } from "../random.js";
import type { OwnManager } from "./connector.js";
import type { DaemonEvent } from "./host.js";
import type { SimManager } from "./manager.js";
import type { SimNetwork } from "./network.js";

/** An answer that has not come by then is given up. */
const answerMaxMs = 5_000;

export interface ManagersModules {
  readonly clock: Clock;
  readonly network: SimNetwork;
  readonly delayMs: number;
  readonly random: SeededRandom;
  readonly newManager: (name: string) => SimManager;
}

const survivals = ["nothing", "everything", "torn"] as const;

export class SimManagers {
  readonly #modules: ManagersModules;
  readonly #byName = new Map<string, SimManager>();
  /** Requests that change who is a manager, and are not answered yet. */
  #changes = 0;

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

  /** The same, also while it stood still and asks whether it still does. */
  get raftLeader(): SimManager | undefined {
    const leaders = this.all.filter(({ manager }) => manager?.isRaftLeader === true);
    return leaders.sort((a, b) => termOf(b) - termOf(a))[0];
  }

  /**
   * The store that knows most; undefined while no manager is up. What is applied anywhere is agreed on, and a leader that is cut off
   * may lead on by its slow clock when the next one is gone already.
   */
  get store(): Store | undefined {
    let known: Store | undefined;
    for (const { store } of this.#byName.values()) {
      if (store && (!known || store.revision > known.revision)) known = store;
    }
    return known;
  }

  /** What a daemon does with its manager part. */
  daemonDid(name: string, event: DaemonEvent): Promise<void> | void {
    const manager = this.get(name);
    switch (event) {
      case "started":
        return manager?.restart();
      case "stopping":
        return manager?.stop();
      case "killed":
        return manager?.isUp ? manager.crash() : undefined;
      case "power lost":
        return manager?.crash(this.#modules.random.pick(survivals));
      case "paused":
        return manager?.pause();
      case "resumed":
        return manager?.resume();
      default:
        return event satisfies never;
    }
  }

  /** The leader told a daemon its node's role: the manager part begins or ends. */
  roleIs({ name, nodeId }: { readonly name: string; readonly nodeId: string }, role: NodeRole): void {
    const manager = this.get(name);
    if (role === NodeRole.MANAGER && !manager) {
      const next = this.#modules.newManager(name);
      this.add(next);
      next.enter(nodeId, []);
    }
    if (role === NodeRole.WORKER && manager) {
      this.#byName.delete(name);
      void manager.retire();
    }
  }

  /** What the agent of the same machine sees. */
  seenBy(name: string): OwnManager | undefined {
    const own = this.get(name);
    if (!own) return undefined;
    const { address, leading, manager } = own;
    return { address, isLeading: leading !== undefined, leaderAddress: manager?.leaderAddr() ?? "" };
  }

  /**
   * May this manager's log be lost? Only if every other voter is there and can do without it, all of them count the same
   * majorities, and nobody is on the way in or out or has just been lost: a quorum of two bears nothing.
   */
  mayLose(manager: SimManager): boolean {
    const voters = votersOf(this.leader);
    const others = this.all.filter(({ name }) => name !== manager.name);
    const areWell = others.every(({ isUp, isPaused, raftId }) => isUp && !isPaused && voters.includes(raftId));
    const areAgreed = others.every((each) => String(votersOf(each)) === String(voters));
    const isSettled = this.#changes === 0 && this.areAllThere && areAgreed && this.#isNobodyMoving(voters);
    return voters.length >= 3 && voters.length === this.all.length && areWell && isSettled;
  }

  /** Nobody has lost its log, or may have, without the others knowing it. */
  get areAllThere(): boolean {
    const voters = this.leader && votersOf(this.leader);
    return this.all.every((manager) => !manager.isInDoubt(voters));
  }

  /** Follows a request that changes who is a manager. */
  async changing<T>(request: Promise<T>): Promise<T> {
    this.#changes += 1;
    try {
      return await request;
    } finally {
      this.#changes -= 1;
    }
  }

  /** Its machine is gone for good. */
  lost(name: string): void {
    this.#byName.delete(name);
  }

  #isNobodyMoving(voters: readonly number[]): boolean {
    const rows = [...(this.store?.table("node").all() ?? [])];
    const wanted = rows.filter(({ spec, role }) => spec?.desiredRole === NodeRole.MANAGER || role === NodeRole.MANAGER);
    return wanted.every(({ spec, manager: place }) => {
      return spec?.desiredRole === NodeRole.MANAGER && voters.includes(place?.raftId ?? 0);
    });
  }

  /** The user's way: any manager that is up is asked, and hands the request on. */
  askAny<T>(request: (leading: Leading) => Promise<T>): Promise<T> {
    const all = this.all.filter(({ isUp, isPaused }) => isUp && !isPaused);
    const door = all.length > 1 ? this.#modules.random.pick(all) : all[0];
    if (!door) return Promise.reject(unavailable("no manager is up"));
    return this.ask(door, request);
  }

  /** A manager's way: itself, if it knows who leads, else any other it reaches. */
  async askFor<T>(from: SimManager, request: (leading: Leading) => Promise<T>): Promise<T> {
    const { network } = this.#modules;
    const reached = this.all.filter(
      ({ name, isUp }) => isUp && network.carries(from.name, name) && network.carries(name, from.name),
    );
    const doors = [from, ...reached].filter((door) => door.leading ?? door.manager?.leaderAddr());
    const door = doors.find(({ leading }) => leading) ?? doors[0];
    if (!door) throw unavailable("no manager that leads is known");
    return this.ask(door, request);
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
          if (this.#modules.network.carries(target.name, through.name)) over(end);
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
    if (!network.carries(from.name, to.name)) throw unavailable("the manager that leads cannot be reached");
  }
}

function votersOf(manager: SimManager | undefined): readonly number[] {
  return [...(manager?.manager?.membership.voters ?? [])].sort((a, b) => a - b);
}

function termOf({ manager }: SimManager): number {
  return manager?.raftStatus.term ?? 0;
}

function unavailable(message: string): SwarmError {
  return new SwarmError("Unavailable", message);
}
