// The loop that holds nodes against the constraints and reservations of the tasks they hold.

import { type Clock, Wake, type WallTime, wallTime } from "../../../base/index.js";
import { type Node, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { NodeAvailability, type ServiceSpec } from "../../../gen/skep/v1/specs.js";
import {
  type Follower,
  follow,
  type RowChange,
  type Store,
  specOf,
  type Transaction,
  taskSpecOf,
  type Writer,
} from "../../../store/index.js";
import { take } from "../take.js";
import { hasUpdate } from "../world.js";
import { violations } from "./violations.js";

/** Nodes one transaction may reach, and rows it looks at before it leaves the others to the next. */
const nodesMax = 100;
const rowsMax = 500;

export interface EnforcerModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
}

export class Enforcer implements Follower {
  readonly tables = ["node"] as const;
  readonly bell = new Wake();
  readonly #modules: EnforcerModules;
  readonly #nodes = new Set<string>();

  constructor(_options: Readonly<Record<never, never>>, modules: EnforcerModules) {
    this.#modules = modules;
  }

  /** Runs while leading: rejects with the signal's reason, or with NotLeader. */
  run(signal: AbortSignal): Promise<void> {
    return follow(this.#modules.store, this.#modules.clock, this, signal);
  }

  *rebuild(): Iterable<void> {
    for (const node of this.#modules.store.table("node").all()) {
      this.#nodes.add(node.id);
      yield;
    }
  }

  note(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "node" && change.row && isDifferent(change.row, change.previous)) this.#nodes.add(change.id);
    }
    if (this.#nodes.size > 0) this.bell.ring();
  }

  /** Some nodes a transaction: one holds far fewer tasks than a transaction may change. */
  async work(signal: AbortSignal): Promise<void> {
    const { store, writer, clock } = this.#modules;
    while (this.#nodes.size > 0) {
      const ids = take(this.#nodes, nodesMax);
      const left = await writer.update((tx) => enforceSome(tx, ids, wallTime(clock.now())));
      for (const id of left) this.#nodes.add(id);
      // Where nothing was written nobody else had a turn.
      if (this.#nodes.size > 0) await store.turns.next(signal);
    }
  }
}

/** Returns the nodes that were not reached. */
function enforceSome(tx: Transaction, nodeIds: readonly string[], now: WallTime): readonly string[] {
  let seen = 0;
  for (const [at, id] of nodeIds.entries()) {
    if (seen >= rowsMax) return nodeIds.slice(at);
    seen += enforce(tx, id, now);
  }
  return [];
}

/**
 * Rejects what a node may hold no more; returns how many rows were looked at. A drained node is emptied elsewhere, a paused one
 * is left alone.
 */
function enforce(tx: Transaction, nodeId: string, now: WallTime): number {
  const node = tx.table("node").get(nodeId);
  if (node === undefined || (node.spec?.availability ?? NodeAvailability.ACTIVE) !== NodeAvailability.ACTIVE) return 1;
  const placed = [...tx.table("task").by("node", nodeId)].flatMap((task) => {
    if (task.serviceId === "") return [];
    return [{ task, made: taskSpecOf(tx, task), current: askedNow(tx, task) }];
  });
  for (const task of violations(node, placed).slice(0, rejectionsMax)) tx.setStatus(task.id, rejected(task, now));
  return 1 + placed.length;
}

/** What the service asks for now; undefined for what an update under way will replace in its own time. */
function askedNow(tx: Transaction, task: Task): ServiceSpec | undefined {
  const service = tx.table("service").get(task.serviceId);
  if (service === undefined || (task.revision !== service.revision && hasUpdate(service))) return undefined;
  return specOf(tx, service);
}

/** Rejections of one transaction; what is over is found at the node's next change. */
const rejectionsMax = 1_000;

function rejected(task: Task, now: WallTime): NonNullable<Task["status"]> {
  return {
    container: undefined,
    ports: [],
    ...task.status,
    timestamp: now,
    appliedAt: now,
    state: TaskState.REJECTED,
    message: "task rejected by constraint enforcer",
    err: "assigned node no longer meets constraints",
  };
}

/** What constraints and reservations look at. */
function isDifferent(row: Node, previous: Node | undefined): boolean {
  return (
    row.spec !== previous?.spec ||
    row.description !== previous?.description ||
    row.role !== previous?.role ||
    row.status?.addr !== previous?.status?.addr
  );
}
