// The loop: a round tries the groups that may find a node, writes what was decided, and says why the rest waits.

import { type Clock, type Counter, type Log, type Metrics, Wake, type WallTime, wallTime } from "../base/index.js";
import { type Follower, follow, type RowChange, type Store, type Transaction, type Writer } from "../store/index.js";
import { ClusterState } from "./cluster.js";
import { passesAll } from "./decide/candidates.js";
import { countRefusals, explain } from "./decide/filters.js";
import { place } from "./decide/place.js";
import type { PendingGroup } from "./pending.js";
import type { Refused } from "./preassigned.js";
import { type Assignment, assign, explainWait, shutDown } from "./write.js";

/** Tasks decided and written at a time: small enough that nothing holds the loop, large enough to share an entry. */
const roundMax = 1_000;

export interface SchedulerModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What one round decided. */
interface Round {
  readonly assignments: Assignment[];
  /** Groups that keep tasks waiting, with the reason. */
  readonly waits: { readonly taskIds: readonly string[]; readonly reason: string }[];
  /** Preassigned tasks their nodes refuse. */
  readonly refused: readonly Refused[];
}

export class Scheduler implements Follower {
  readonly tables = ["task", "node", "revision"] as const;
  readonly bell = new Wake();
  readonly #modules: SchedulerModules;
  readonly #cluster: ClusterState;
  readonly #placed: Counter;

  constructor(_options: Readonly<Record<never, never>>, modules: SchedulerModules) {
    this.#modules = modules;
    this.#cluster = new ClusterState(modules.store);
    this.#placed = modules.metrics.counter("skep_scheduler_placements_total", "Tasks that were given a node.");
  }

  /** Runs while leading: rejects with the signal's reason, or with NotLeader. */
  run(signal: AbortSignal): Promise<void> {
    return follow(this.#modules.store, this.#modules.clock, this, signal);
  }

  rebuild(): void {
    this.#cluster.rebuild(this.#modules.clock.now());
  }

  note(changes: readonly RowChange[]): void {
    this.#cluster.note(changes);
    this.bell.ring();
  }

  async work(): Promise<void> {
    for (;;) {
      this.#wakeBlocked();
      if (this.#cluster.stale.size > 0) await this.#shutDownStale();
      if (!this.#cluster.pending.hasHungry && !this.#cluster.preassigned.hasHungry) return;
      await this.#write(this.#decide());
    }
  }

  /** A group tried in vain is tried again only if a node that changed would now take one of its tasks. */
  #wakeBlocked(): void {
    const { freed, pending, preassigned } = this.#cluster;
    if (freed.size === 0 && !this.#cluster.nodesChanged) return;
    for (const info of freed) preassigned.wake(info.id);
    for (const group of [...pending.blocked()]) {
      const unblocks = this.#cluster.nodesChanged || [...freed].some((info) => passesAll(info, group));
      if (unblocks) pending.wake(group);
    }
    freed.clear();
    this.#cluster.nodesChanged = false;
  }

  /** Pure but for the counts on the nodes, which hold until the write has landed. */
  #decide(): Round {
    const { pending, preassigned, nodes, inFlight } = this.#cluster;
    const { confirmed, refused } = preassigned.decide(nodes, roundMax);
    const assignments = confirmed.map(({ placement, group }) => ({ ...placement, needs: group.needs }));
    for (const { taskId } of assignments) inFlight.add(taskId);
    const round: Round = { assignments, waits: [], refused };
    let budget = roundMax;
    for (let group = pending.nextHungry(); group !== undefined; group = pending.nextHungry()) {
      budget -= this.#decideGroup(group, budget, round);
      if (budget <= 0) break;
    }
    return round;
  }

  /** Returns how many tasks were decided; a group larger than the budget takes its next turn after the others. */
  #decideGroup(group: PendingGroup, budget: number, round: Round): number {
    const { nodes, pending, inFlight } = this.#cluster;
    const tried = first(group.tasks, budget);
    const placements = place(nodes, group, tried, this.#modules.clock.now());
    for (const placement of placements) {
      round.assignments.push({ ...placement, needs: group.needs });
      inFlight.add(placement.taskId);
    }
    for (const { taskId } of placements) pending.delete(taskId);
    if (placements.length === tried.length) {
      if (group.tasks.size > 0) pending.wake(group);
      return tried.length;
    }
    const reason = explain(countRefusals(nodes.all(), group));
    for (const taskIds of chunks([...group.tasks], roundMax)) round.waits.push({ taskIds, reason });
    return tried.length;
  }

  async #write({ assignments, waits, refused }: Round): Promise<void> {
    const now = this.#now();
    const { writer } = this.#modules;
    try {
      await Promise.all([
        writer.update((tx) => forEach(assignments, (assignment) => void assign(tx, assignment, now))),
        writer.update((tx) => forEach(refused, ({ taskId, reason }) => explainWait(tx, taskId, reason, now))),
        ...waits.map(({ taskIds, reason }) =>
          writer.update((tx) => forEach(taskIds, (id) => explainWait(tx, id, reason, now))),
        ),
      ]);
      this.#placed.add(assignments.length);
    } finally {
      for (const { taskId } of assignments) this.#cluster.landed(taskId);
    }
  }

  async #shutDownStale(): Promise<void> {
    const ids = first(this.#cluster.stale, roundMax);
    for (const id of ids) this.#cluster.stale.delete(id);
    const now = this.#now();
    await this.#modules.writer.update((tx: Transaction) => forEach(ids, (id) => shutDown(tx, id, now)));
  }

  #now(): WallTime {
    return wallTime(this.#modules.clock.now());
  }
}

function forEach<T>(items: readonly T[], act: (item: T) => void): void {
  for (const item of items) act(item);
}

function first<T>(items: Iterable<T>, max: number): readonly T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length >= max) break;
    taken.push(item);
  }
  return taken;
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const result: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += size) result.push(items.slice(at, at + size));
  return result;
}
