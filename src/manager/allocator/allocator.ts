// The loop between creation and scheduling: NEW → PENDING, at the end of the commit that made the task.

import { type Clock, Wake, type WallTime, wallTime } from "../../base/index.js";
import { type Network, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { stateOf } from "../../model/index.js";
import {
  type Follower,
  follow,
  type RowChange,
  type Store,
  type Transaction,
  taskSpecOf,
  type View,
  type Writer,
} from "../../store/index.js";
import { grant, pendingStatus, waitOf } from "./grant.js";

/** Tasks of one transaction. */
const tasksMax = 500;

export interface AllocatorModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
}

export class Allocator implements Follower {
  readonly tables = ["task", "network"] as const;
  readonly bell = new Wake();
  readonly #modules: AllocatorModules;
  readonly #fresh = new Set<string>();
  /** Tasks that wait for a network; tried again when one appears. */
  readonly #waiting = new Set<string>();

  constructor(_options: Readonly<Record<never, never>>, modules: AllocatorModules) {
    this.#modules = modules;
  }

  /** Runs while leading: rejects with the signal's reason, or with NotLeader. */
  run(signal: AbortSignal): Promise<void> {
    return follow(this.#modules.store, this.#modules.clock, this, signal);
  }

  *rebuild(): Iterable<void> {
    this.#waiting.clear();
    for (const task of this.#modules.store.table("task").all()) {
      if (isNew(task)) this.#fresh.add(task.id);
      yield;
    }
  }

  note(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "task") this.#noteTask(change.id, change.row, change.previous);
      else if (change.table === "network" && change.row) this.#retry();
    }
    if (this.#fresh.size > 0) this.bell.ring();
  }

  async work(signal: AbortSignal): Promise<void> {
    while (this.#fresh.size > 0) {
      const ids = this.#take();
      const now = wallTime(this.#modules.clock.now());
      const waiting = await this.#modules.writer.update((tx) =>
        ids.filter((id) => allocate(tx, id, now) === "waiting"),
      );
      for (const id of waiting) this.#waiting.add(id);
      // Where nothing was written nobody else had a turn.
      if (this.#fresh.size > 0) await this.#modules.store.turns.next(signal);
    }
  }

  #take(): readonly string[] {
    const ids: string[] = [];
    for (const id of this.#fresh) {
      if (ids.length >= tasksMax) break;
      ids.push(id);
      this.#fresh.delete(id);
    }
    return ids;
  }

  #noteTask(id: string, row: Task | undefined, previous: Task | undefined): void {
    if (row === undefined || !isNew(row)) this.#waiting.delete(id);
    else if (previous === undefined) this.#fresh.add(id);
  }

  #retry(): void {
    for (const id of this.#waiting) this.#fresh.add(id);
    this.#waiting.clear();
  }
}

function allocate(tx: Transaction, taskId: string, now: WallTime): "granted" | "waiting" | "gone" {
  const task = tx.table("task").get(taskId);
  if (task === undefined || !isNew(task)) return "gone";
  const granted = task.serviceId === "" ? nothingAsked : grant(taskSpecOf(tx, task), (name) => findNetwork(tx, name));
  if (granted.kind === "waiting") {
    const wait = waitOf(task, granted.reason, now);
    if (wait !== task.wait) tx.put("task", { ...task, wait });
    return "waiting";
  }
  const status = pendingStatus(task, now);
  if (granted.networkIds.length === 0 && task.wait === undefined) tx.setStatus(taskId, status);
  else tx.put("task", { ...task, status, wait: undefined, networkIds: granted.networkIds });
  return "granted";
}

const nothingAsked = { kind: "granted", networkIds: [] } as const;

function findNetwork(view: View, idOrName: string): Network | undefined {
  const networks = view.table("network");
  const byId = networks.get(idOrName);
  if (byId) return byId;
  for (const network of networks.by("name", idOrName)) return network;
  return undefined;
}

function isNew(task: Task): boolean {
  return stateOf(task) === TaskState.NEW;
}
