// The loop that deletes: tasks that were to be removed and have stopped, history beyond the limit, revisions nobody needs.

import { type Clock, type Timer, Wake } from "../../../base/index.js";
import { type Revision, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { isOnNode, isTerminal, isWanted, stateOf } from "../../../model/index.js";
import {
  type Follower,
  follow,
  type RowChange,
  revisionId,
  type Store,
  slotKey,
  specOf,
  type Transaction,
  type Writer,
} from "../../../store/index.js";
import { take, takeEntries } from "../take.js";
import { historyLimit, isHistory, surplus } from "./history.js";
import { unneeded } from "./revisions.js";

/** Deletions of one transaction. */
const deletionsMax = 1_000;
/** Rows one transaction looks at. */
const rowsMax = 1_000;
/** Revisions wait this long for others: an entry of the log for each update would make every update cost two. */
const revisionsAfterMs = 1_000;

export interface ReaperModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
}

export class Reaper implements Follower {
  readonly tables = ["task", "service"] as const;
  readonly bell = new Wake();
  readonly #modules: ReaperModules;
  /** Tasks to delete, if that still holds. */
  readonly #tasks = new Set<string>();
  /** Slots that may have too long a history: key of the slot index → its service. */
  readonly #slots = new Map<string, string>();
  /** Services of which a revision may be needed no more. */
  readonly #services = new Set<string>();
  /** Until they are looked at. */
  #revisionsDue: Timer | undefined;

  constructor(_options: Readonly<Record<never, never>>, modules: ReaperModules) {
    this.#modules = modules;
  }

  /** Runs while leading: rejects with the signal's reason, or with NotLeader. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await follow(this.#modules.store, this.#modules.clock, this, signal);
    } finally {
      this.#revisionsDue?.cancel();
    }
  }

  *rebuild(): Iterable<void> {
    const { store } = this.#modules;
    for (const task of store.table("task").all()) {
      if (isDeletable(task) || isHistory(task)) this.#noteTask(task);
      yield;
    }
    for (const revision of store.table("revision").all()) {
      this.#services.add(revision.serviceId);
      yield;
    }
  }

  note(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "service") this.#services.add(change.id);
      if (change.table !== "task") continue;
      if (change.row === undefined) this.#services.add(change.previous?.serviceId ?? "");
      else if (change.previous === undefined || endsNow(change.row, change.previous)) this.#noteTask(change.row);
    }
    if (this.#tasks.size + this.#slots.size > 0) this.bell.ring();
    if (this.#services.size > 0) this.#lookAtRevisionsLater();
  }

  async work(signal: AbortSignal): Promise<void> {
    let turn = await this.#modules.store.turns.next(signal);
    while (this.#tasks.size + this.#slots.size > 0 || this.#areRevisionsDue) {
      const tasks = take(this.#tasks, deletionsMax);
      const slots = takeEntries(this.#slots, deletionsMax);
      const services = this.#areRevisionsDue ? take(this.#services, deletionsMax) : [];
      const left = await this.#modules.writer.update((tx) => {
        const reap = new Reap(tx);
        for (const id of tasks) reap.task(id);
        for (const [key, serviceId] of slots) reap.history(key, serviceId);
        for (const id of services) reap.revisions(id);
        return reap;
      });
      for (const [key, serviceId] of left.slotsLeft) this.#slots.set(key, serviceId);
      for (const id of left.tasksLeft) this.#tasks.add(id);
      for (const id of left.servicesLeft) this.#services.add(id);
      if (turn.isOver(left.seen)) turn = await this.#modules.store.turns.next(signal);
    }
  }

  get #areRevisionsDue(): boolean {
    return this.#services.size > 0 && this.#revisionsDue === undefined;
  }

  #lookAtRevisionsLater(): void {
    this.#revisionsDue ??= this.#modules.clock.after(revisionsAfterMs, () => {
      this.#revisionsDue = undefined;
      this.bell.ring();
    });
  }

  #noteTask(task: Task): void {
    if (isDeletable(task)) this.#tasks.add(task.id);
    else if (task.serviceId !== "") this.#slots.set(slotKey(task.serviceId, task.slot, task.nodeId), task.serviceId);
  }
}

/** One transaction's deletions, as far as the budget goes. */
class Reap {
  readonly tasksLeft: string[] = [];
  readonly slotsLeft: [string, string][] = [];
  readonly servicesLeft: string[] = [];
  readonly #tx: Transaction;
  /** Rows that were looked at. */
  seen = 0;
  #deleted = 0;

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  task(id: string): void {
    if (this.#isFull) return void this.tasksLeft.push(id);
    this.seen += 1;
    const task = this.#tx.table("task").get(id);
    if (task !== undefined && isDeletable(task)) this.#delete("task", id);
  }

  history(key: string, serviceId: string): void {
    if (this.#isFull) return void this.slotsLeft.push([key, serviceId]);
    const service = this.#tx.table("service").get(serviceId);
    if (service === undefined) return;
    const limit = historyLimit(this.#tx.cluster, specOf(this.#tx, service));
    const tasks = [...this.#tx.table("task").by("slot", key)];
    this.seen += 1 + tasks.length;
    for (const task of surplus(tasks, limit)) this.#delete("task", task.id);
  }

  revisions(serviceId: string): void {
    if (this.#isFull) return void this.servicesLeft.push(serviceId);
    const revisions = [...this.#tx.table("revision").by("service", serviceId)];
    this.seen += 1 + revisions.length;
    const isUsed = (revision: Revision): boolean => {
      for (const _ of this.#tx.table("task").by("revision", revisionId(serviceId, revision.number))) return true;
      return false;
    };
    const service = this.#tx.table("service").get(serviceId);
    for (const revision of unneeded(revisions, service, isUsed)) this.#delete("revision", revision.id);
  }

  #delete(table: "task" | "revision", id: string): void {
    this.#tx.delete(table, id);
    this.#deleted += 1;
  }

  get #isFull(): boolean {
    return this.#deleted >= deletionsMax || this.seen >= rowsMax;
  }
}

/** To be removed and without a container; or an orphan nobody's service asks for. */
function isDeletable(task: Task): boolean {
  if (task.serviceId === "") return stateOf(task) === TaskState.ORPHANED;
  return task.desiredState >= TaskState.REMOVE && !isOnNode(task);
}

function endsNow(row: Task, previous: Task): boolean {
  return (
    isTerminal(stateOf(row)) !== isTerminal(stateOf(previous)) ||
    isWanted(row) !== isWanted(previous) ||
    row.desiredState !== previous.desiredState
  );
}
