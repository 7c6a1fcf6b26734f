// The loop: rounds place what may find a node and write it; what is left is told why it waits. Everything is done in
// slices, so that a large cluster or a large service does not hold the process.

import { type Clock, type Counter, type Log, type Metrics, Wake, type WallTime, wallTime } from "../base/index.js";
import { type Follower, follow, type RowChange, type Store, type Transaction, type Writer } from "../store/index.js";
import { ClusterState } from "./cluster.js";
import { passesAll } from "./decide/candidates.js";
import type { PendingGroup } from "./pending.js";
import { Reasons, type Told } from "./reasons.js";
import { Round, roundMax } from "./round.js";
import { assign, explainWait, shutDown } from "./write.js";

/** How long the loop works before others have their turn. */
const sliceMs = 6;
/** Nodes an index looks at in one go. */
const preparedNodes = 2_000;
/** Changed nodes held against what waits one by one; beyond that all that waits is tried again. */
const freedMax = 64;

export interface SchedulerModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Calls `fn` once all that is ready to run now has run; the clock's next moment when absent. */
  readonly nextTurn?: (fn: () => void) => void;
}

export class Scheduler implements Follower {
  readonly tables = ["task", "node", "revision"] as const;
  readonly bell = new Wake();
  readonly #modules: SchedulerModules;
  readonly #cluster: ClusterState;
  readonly #reasons: Reasons;
  readonly #placed: Counter;
  /** Whether all rows must be looked at before anything is decided. */
  #mustRebuild = true;
  /** The write under way: the next round is decided meanwhile. */
  #writing: Promise<void> = Promise.resolve();
  #sliceBegan = 0;

  constructor(_options: Readonly<Record<never, never>>, modules: SchedulerModules) {
    this.#modules = modules;
    this.#cluster = new ClusterState(modules.store);
    this.#reasons = new Reasons(this.#cluster, modules.clock, () => this.bell.ring());
    this.#placed = modules.metrics.counter("skep_scheduler_placements_total", "Tasks that were given a node.");
  }

  /** Runs while leading: rejects with the signal's reason, or with NotLeader. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await follow(this.#modules.store, this.#modules.clock, this, signal);
    } finally {
      this.#reasons.stop();
    }
  }

  /** Done in turns when the loop works next: half an opinion decides nothing. */
  rebuild(): Iterable<never> {
    this.#mustRebuild = true;
    return [];
  }

  note(changes: readonly RowChange[]): void {
    this.#cluster.note(changes);
    this.bell.ring();
  }

  async work(signal: AbortSignal): Promise<void> {
    while (this.#mustRebuild) await this.#rebuild(signal);
    this.#sliceBegan = this.#modules.clock.monotonic();
    for (;;) {
      this.#wakeBlocked();
      if (this.#cluster.stale.size > 0) await this.#shutDownStale();
      if (!this.#cluster.pending.hasHungry && !this.#cluster.preassigned.hasHungry) break;
      await this.#follow(this.#write(await this.#decide()));
    }
    await this.#writing;
    if (this.#reasons.isDue()) await this.#refreshReasons();
  }

  async #rebuild(signal: AbortSignal): Promise<void> {
    // What is being written would be counted twice, or not at all.
    await this.#writing.catch(() => undefined);
    this.#mustRebuild = false;
    await this.#modules.store.turns.run(this.#rebuilding(), signal);
  }

  *#rebuilding(): Iterable<void> {
    for (const _ of this.#cluster.rebuild(this.#modules.clock.now())) {
      yield;
      // It begins anew.
      if (this.#mustRebuild) return;
    }
  }

  /** A group tried in vain is tried again only if a node that changed would now take one of its tasks. */
  #wakeBlocked(): void {
    const { freed, pending, preassigned } = this.#cluster;
    if (freed.size === 0) return;
    this.#cluster.reasonsAreStale = true;
    const infos = [...freed];
    freed.clear();
    for (const info of infos) preassigned.wake(info.id);
    for (const groups of [...pending.blocked()]) {
      const [asking] = groups;
      if (asking === undefined) continue;
      const filters = asking.filters.filter((filter) => filter.name !== "max replicas");
      const unblocks = infos.length > freedMax || infos.some((info) => passesAll(info, { ...asking, filters }));
      if (unblocks) for (const group of [...groups]) pending.wake(group);
    }
  }

  async #decide(): Promise<Round> {
    const { pending, preassigned } = this.#cluster;
    const round = new Round(this.#cluster, this.#reasons);
    if (preassigned.hasHungry) round.confirmPreassigned();
    while (!round.isFull && !this.#isSliceOver) {
      const group = pending.nextHungry();
      if (group === undefined) break;
      await this.#prepare(group);
      round.decide(group, this.#modules.clock.now());
    }
    return round;
  }

  /** Brings up to date what finds the group's nodes. */
  async #prepare(group: PendingGroup): Promise<void> {
    while (!this.#cluster.nodes.prepare(group, preparedNodes)) await this.#breathe();
  }

  /** At most one write is under way while the next round is decided. */
  async #follow(write: Promise<void>): Promise<void> {
    const before = this.#writing;
    this.#writing = write;
    // Whoever waits for it next hears of its failure.
    write.catch(() => undefined);
    await before;
    await this.#breathe();
  }

  async #write({ assignments, told, refused }: Round): Promise<void> {
    const now = this.#now();
    try {
      await Promise.all([
        this.#update(assignments, (tx, assignment) => assign(tx, assignment, now)),
        this.#update(refused, (tx, { taskId, reason }) => explainWait(tx, taskId, reason, now)),
        ...told.map((each) => this.#tell(each, now)),
      ]);
      this.#placed.add(assignments.length);
    } finally {
      for (const { taskId } of assignments) this.#cluster.landed(taskId);
    }
  }

  async #tell({ taskIds, reason }: Told, now: WallTime): Promise<void> {
    for (let at = 0; at < taskIds.length; at += roundMax) {
      await this.#update(taskIds.slice(at, at + roundMax), (tx, id) => explainWait(tx, id, reason, now));
    }
  }

  /** One transaction for all `items`. */
  async #update<T>(items: readonly T[], write: (tx: Transaction, item: T) => void): Promise<void> {
    if (items.length === 0) return;
    await this.#modules.writer.update((tx) => {
      for (const item of items) write(tx, item);
    });
  }

  async #refreshReasons(): Promise<void> {
    for (const told of this.#reasons.refresh()) {
      if (told) await this.#tell(told, this.#now());
      await this.#breathe();
      // What may be placed comes before what is only told why not.
      if (this.#cluster.freed.size > 0 || this.#mustRebuild) return;
    }
  }

  async #shutDownStale(): Promise<void> {
    const ids = [...this.#cluster.stale].slice(0, roundMax);
    for (const id of ids) this.#cluster.stale.delete(id);
    const now = this.#now();
    await this.#update(ids, (tx, id) => shutDown(tx, id, now));
  }

  get #isSliceOver(): boolean {
    return this.#modules.clock.monotonic() - this.#sliceBegan > sliceMs;
  }

  /** Lets others have their turn, once the slice is over. */
  async #breathe(): Promise<void> {
    if (!this.#isSliceOver) return;
    const { clock, nextTurn = (fn) => void clock.after(0, fn) } = this.#modules;
    await new Promise<void>((resolve) => nextTurn(resolve));
    this.#sliceBegan = clock.monotonic();
  }

  #now(): WallTime {
    return wallTime(this.#modules.clock.now());
  }
}
