// The loop of all services: notes what was committed, looks at what that concerns, looks again when something is due.

import { type Clock, type Log, newId, type Random, type Timer, Wake } from "../../base/index.js";
import type { Task } from "../../gen/skep/v1/objects.js";
import { type Follower, follow, type RowChange, type Store, type Writer } from "../../store/index.js";
import { Attention } from "./attention.js";
import { type Looked, lookAt } from "./look.js";
import { Notice } from "./notice.js";
import { Rosters, type RostersOptions } from "./rosters.js";
import type { SlotRef } from "./slot-ref.js";
import { StopWaits } from "./stop-wait.js";

/** A look begins nothing more after this long. */
const lookMs = 3;
/** Slots, and services, that one look is given: what it does not reach it hands back, which costs. */
const shareMax = 500;

export interface OrchestratorModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class Orchestrator implements Follower {
  readonly tables = ["service", "task", "node"] as const;
  readonly bell = new Wake();
  readonly #modules: OrchestratorModules;
  /** One timer per slot or service that is due some time; from stored times, so a new leader sets the same. */
  readonly #timers = new Map<string, Timer>();
  readonly #notice: Notice;
  readonly #stopWaits: StopWaits;
  readonly #rosters: Rosters;
  #attention = new Attention();

  constructor(options: RostersOptions, modules: OrchestratorModules) {
    this.#modules = modules;
    this.#notice = new Notice(modules.store);
    this.#stopWaits = new StopWaits(modules.clock);
    this.#rosters = new Rosters(options);
  }

  /** Runs while leading: rejects with the signal's reason, or with NotLeader. */
  async run(signal: AbortSignal): Promise<void> {
    this.#rosters.follow(this.#modules.store, signal);
    try {
      await follow(this.#modules.store, this.#modules.clock, this, signal);
    } finally {
      for (const timer of this.#timers.values()) timer.cancel();
      this.#timers.clear();
    }
  }

  *rebuild(): Iterable<void> {
    this.#rosters.clear();
    yield* this.#notice.rebuild(() => this.#attention);
    yield* this.#stopWaits.rebuild(this.#modules.store);
  }

  note(changes: readonly RowChange[]): void {
    this.#notice.note(this.#attention, changes);
    this.#stopWaits.note(changes);
    this.#rosters.catchUp();
    if (!this.#attention.isEmpty) this.bell.ring();
  }

  async work(signal: AbortSignal): Promise<void> {
    const { store, writer, clock, random } = this.#modules;
    while (!this.#attention.isEmpty) {
      const attention = this.#attention.take(shareMax);
      // Taken before the transaction is stamped: what an update makes is then never older than its start.
      const moment = {
        nowMs: clock.now(),
        newId: () => newId(random),
        stopWaitMs: (task: Task, maxMs: number) => this.#stopWaits.leftMs(task, maxMs),
      };
      const looked = await writer.update((tx) => {
        const endMs = clock.monotonic() + lookMs;
        return lookAt(tx, attention, { ...moment, isLate: () => clock.monotonic() >= endMs }, this.#rosters);
      });
      this.#attention.add(looked.left);
      this.#remember(looked);
      // Others have a turn in between, also where nothing was written.
      if (!this.#attention.isEmpty) await store.turns.next(signal);
    }
  }

  #remember(looked: Looked): void {
    for (const [key, { ref, inMs }] of looked.slotDues) this.#due(`slot ${key}`, inMs, () => this.#slotIsDue(ref));
    for (const [id, inMs] of looked.serviceDues) this.#due(`service ${id}`, inMs, () => this.#serviceIsDue(id));
  }

  /** Replaces the timer of `key`. */
  #due(key: string, inMs: number | undefined, act: () => void): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    if (inMs === undefined) return;
    const fire = (): void => {
      this.#timers.delete(key);
      act();
      this.bell.ring();
    };
    this.#timers.set(key, this.#modules.clock.after(Math.min(inMs, timerMaxMs), fire));
  }

  #slotIsDue(ref: SlotRef): void {
    this.#attention.slot(ref);
  }

  #serviceIsDue(id: string): void {
    this.#attention.tally(id);
  }
}

/** Longer waits look in between: a timer of Node's holds at most 2^31 ms. */
const timerMaxMs = 24 * 3_600_000;
