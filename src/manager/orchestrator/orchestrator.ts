// The loop of all services: notes what was committed, looks at what that concerns, looks again when something is due.

import { type Clock, type Log, newId, type Random, sleep, type Timer, Wake } from "../../base/index.js";
import { type Follower, follow, type RowChange, type Store, type Writer } from "../../store/index.js";
import { Attention } from "./attention.js";
import { type Looked, lookAt } from "./look.js";
import { Notice } from "./notice.js";
import { Rosters, type RostersOptions } from "./rosters.js";
import type { SlotRef } from "./slot-ref.js";
import { StopWaits } from "./stop-wait.js";
import type { Moment } from "./world.js";

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

  rebuild(): void {
    this.#notice.rebuild();
    this.#stopWaits.rebuild(this.#modules.store);
    this.#rosters.clear();
    this.#attention.all(this.#modules.store);
  }

  note(changes: readonly RowChange[]): void {
    this.#notice.note(this.#attention, changes);
    this.#stopWaits.note(changes);
    this.#rosters.catchUp();
    if (!this.#attention.isEmpty) this.bell.ring();
  }

  async work(signal: AbortSignal): Promise<void> {
    const { writer, clock, random } = this.#modules;
    while (!this.#attention.isEmpty) {
      const attention = this.#attention;
      this.#attention = new Attention();
      // Taken before the transaction is stamped: what an update makes is then never older than its start.
      const moment: Moment = {
        nowMs: clock.now(),
        newId: () => newId(random),
        stopWaitMs: (task, maxMs) => this.#stopWaits.leftMs(task, maxMs),
      };
      const looked = await writer.update((tx) => lookAt(tx, attention, moment, this.#rosters));
      this.#attention.add(looked.left);
      this.#remember(looked);
      // What comes in slices lets others have a turn in between, also where nothing was written.
      if (!looked.left.isEmpty) await sleep(clock, 0, signal);
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
