// The manager part of a node: started, kept and ended as the node's role says, without a thought for its worker. A part that
// breaks is started anew, later and later; meanwhile the worker goes on with the other managers.

import { backoffMs, InvariantError, messageOf, type Random, SwarmError, sleep, Wake } from "../../base/index.js";
import { addressTowards, joinAddress, splitAddress } from "../address.js";
import type { KeyRing } from "../keys/index.js";
import { withoutManager } from "../record.js";
import type { State } from "../state.js";
import { type Beginning, Managing, type ManagingModules } from "./managing.js";

/** Finding out which address leads to a manager. */
const addressMs = 5_000;
const readyPollMs = 10;
/** Between two tries to start a part that broke. One that ran for longer than the most of it begins with the least again. */
const retry = { firstMs: 1_000, maxMs: 60_000 };

export interface ManagerPartModules extends Omit<ManagingModules, "keys"> {
  readonly state: Pick<State, "removeManager">;
  /** host:port of managers, the likeliest first. */
  readonly managers: () => readonly string[];
  /** Has a manager's keys while the node is one. */
  readonly ring: KeyRing;
  /** A bug was found, or the only manager broke: the daemon can go on no more. */
  readonly onFatal: (error: Error) => void;
}

export class ManagerPart {
  readonly #modules: ManagerPartModules;
  readonly #bell = new Wake();
  #isWanted = false;
  /** The others removed this member for good: it comes back as another one. */
  #isReplaced = false;
  #managing: Managing | undefined;
  #startedAtMs = 0;
  #failure: string | undefined;
  #failureChanged: () => void = () => {};
  #failures = 0;
  /** Monotonic; undefined: nothing is to be tried again. */
  #retryAtMs: number | undefined;

  constructor(modules: ManagerPartModules) {
    this.#modules = modules;
  }

  /** What runs; absent on a worker, and while a manager's part is broken. */
  get managing(): Managing | undefined {
    return this.#managing;
  }

  /** Why it does not run although it should. */
  get failure(): string | undefined {
    return this.#isWanted ? this.#failure : undefined;
  }

  /** Told when `failure` may be another than it was. */
  onFailure(listener: () => void): void {
    this.#failureChanged = listener;
  }

  /** As NodeState says it. */
  get state(): "no" | "starting" | "ready" {
    if (!this.#isWanted) return "no";
    return this.#managing?.isReady ? "ready" : "starting";
  }

  /** The first start, whose failure is the caller's. */
  async begin(beginning: Beginning, signal: AbortSignal): Promise<Managing> {
    this.#isWanted = true;
    return await this.#start(beginning, signal);
  }

  /** off, or running → broken: it is stopped and started anew, later each time. One that is being ended stays so. */
  broke(error: unknown): void {
    const { clock, random, log } = this.#modules;
    const nowMs = clock.monotonic();
    if (!this.#isWanted) return log.warn("the manager broke while it was ended", { error: messageOf(error) });
    if (this.#managing && nowMs - this.#startedAtMs > retry.maxMs) this.#failures = 0;
    this.#failures += 1;
    this.#failure = messageOf(error);
    const retryMs = backoffMs(retry, this.#failures, random);
    this.#retryAtMs = nowMs + retryMs;
    log.error("the manager broke, the worker goes on", { error: this.#failure, retryMs: Math.round(retryMs) });
    this.#failureChanged();
    this.#bell.ring();
  }

  /** The node's role is or is not to be a manager: `run` sees to it. */
  become(isManager: boolean): void {
    if (this.#isWanted === isManager) return;
    this.#isWanted = isManager;
    this.#recovered();
    this.#bell.ring();
  }

  /** Resolves once this node is no manager, or part of the consensus and knows who leads; rejects with the signal's reason. */
  async untilReady(signal: AbortSignal): Promise<void> {
    while (this.#isWanted && !(this.#managing?.isReady && this.#managing.hasLeader)) {
      await sleep(this.#modules.clock, readyPollMs, signal);
    }
  }

  /** Keeps what runs to what is wanted; rejects with the signal's reason. */
  async run(signal: AbortSignal): Promise<never> {
    const { clock } = this.#modules;
    for (;;) {
      signal.throwIfAborted();
      await this.#settle(signal);
      const retryAtMs = this.#retryAtMs;
      if (retryAtMs === undefined) await this.#bell.wait(signal);
      else await this.#bell.waitAtMost(clock, Math.max(retryAtMs - clock.monotonic(), 0), signal);
    }
  }

  /** Ends it; what is on disk stays. After `run` has ended. */
  async stop(): Promise<void> {
    const managing = this.#managing;
    this.#managing = undefined;
    this.#modules.leaderNews.tell();
    await managing?.stop();
  }

  async #settle(signal: AbortSignal): Promise<void> {
    if (!this.#isWanted || this.#isReplaced) await this.#retire();
    if (!this.#isWanted) return;
    if (this.#failure !== undefined) await this.stop();
    if (this.#managing || this.#modules.clock.monotonic() < (this.#retryAtMs ?? 0)) return;
    try {
      await this.#start(undefined, signal);
      this.#modules.log.info("this node is a manager");
    } catch (error) {
      signal.throwIfAborted();
      this.broke(error);
    }
  }

  async #start(beginning: Beginning, signal: AbortSignal): Promise<Managing> {
    const { clock, ring, record } = this.#modules;
    this.#failure = undefined;
    this.#retryAtMs = undefined;
    if (record.current.raftId === undefined) await this.#enrol(beginning, signal);
    const keys = ring.managerKeys;
    const events = {
      onFatal: (error: Error) => this.#onFatal(error),
      onReplaced: (by?: string) => this.#onReplaced(by),
    };
    this.#managing = await Managing.start({ beginning, ...events }, { ...this.#modules, keys });
    this.#startedAtMs = clock.monotonic();
    this.#failureChanged();
    this.#modules.leaderNews.tell();
    return this.#managing;
  }

  /** no manager → one with a raft id of its own, an empty log and a new key; durable before anything else. */
  async #enrol(beginning: Beginning, signal: AbortSignal): Promise<void> {
    const { random, record, ring } = this.#modules;
    // A new swarm has keys already; an earlier membership's log is another member's.
    if (ring.keys === undefined) await this.#renewKeys();
    const advertiseAddr = await this.#address(signal);
    const enrolled = { advertiseAddr, raftId: newRaftId(random) };
    const isJoining = beginning === undefined;
    await record.change((membership) => ({ ...membership, ...enrolled, ...(isJoining && { isJoining }) }));
  }

  async #renewKeys(): Promise<void> {
    const { state, ring } = this.#modules;
    await state.removeManager();
    await ring.create(undefined);
  }

  /** Where the others reach this manager: as the user said, else what leads from here to one of them. */
  async #address(signal: AbortSignal): Promise<string> {
    const { advertiseAddr, listenAddr } = this.#modules.record.current;
    if (advertiseAddr !== "") return advertiseAddr;
    const [manager] = this.#modules.managers();
    if (manager === undefined) throw new SwarmError("FailedPrecondition", "no address to advertise is known");
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(addressMs)]);
    return joinAddress(await addressTowards(manager, bounded), splitAddress(listenAddr).port);
  }

  /** manager → none, with no trace of having been one. */
  async #retire(): Promise<void> {
    const { record, state, ring, identity, log } = this.#modules;
    this.#isReplaced = false;
    await this.stop();
    if (record.current.raftId === undefined) return;
    await ring.giveUp(() => identity.storeAgain());
    await record.change(withoutManager);
    await state.removeManager();
    log.info("this node's place in the consensus is given up");
  }

  #onFatal(error: Error): void {
    const isBug = error instanceof InvariantError;
    // There is nobody to hand anything to: as a whole it is started anew by whoever watches over the daemon.
    if (isBug || this.#managing?.isAlone) this.#modules.onFatal(error);
    else this.broke(error);
  }

  /** Whoever said so is asked first: the others may have been removed with this one. */
  #onReplaced(by: string | undefined): void {
    const { log, record } = this.#modules;
    log.warn("the managers removed this one: it joins as a new one, from an empty log");
    this.#isReplaced = true;
    if (by !== undefined) {
      const managers = [by, ...record.current.managers.filter((addr) => addr !== by)];
      record.change((membership) => ({ ...membership, managers })).catch((error: unknown) => this.broke(error));
    }
    this.#bell.ring();
  }

  #recovered(): void {
    this.#failure = undefined;
    this.#failures = 0;
    this.#retryAtMs = undefined;
  }
}

/** Raft ids are random in 1 … 2^52, never reused (architecture, "The model"). */
export function newRaftId(random: Random): number {
  const bytes = random.bytes(7);
  return 1 + (bytes.reduce((sum, byte) => sum * 256 + byte, 0) % 2 ** 52);
}
