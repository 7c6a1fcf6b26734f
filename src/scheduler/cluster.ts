// The scheduler's opinion of the cluster, kept up to date from what is committed: nodes with what occupies them, and the
// tasks that wait. A hint which row changed is enough: what counts is the row as it is applied now.

import { invariant } from "../base/index.js";
import { type Task, TaskState } from "../gen/skep/v1/objects.js";
import { isOnNode, isTerminal, isWanted, stateOf, statusAtMs } from "../model/index.js";
import { type RowChange, revisionId, taskSpecOf, type View } from "../store/index.js";
import { failureWindowMs } from "./decide/failures.js";
import { activeFilters } from "./decide/filters.js";
import { type Needs, needsOf } from "./decide/needs.js";
import type { NodeInfo } from "./decide/node-info.js";
import { NodeSet } from "./decide/node-set.js";
import type { Group } from "./decide/place.js";
import { Pending } from "./pending.js";
import { Preassigned } from "./preassigned.js";
import { isSchedulable, isStale } from "./write.js";

export class ClusterState {
  nodes = new NodeSet();
  pending = new Pending();
  /** Tasks that wait for the one node they are for. */
  readonly preassigned = new Preassigned();
  /** Tasks nobody wants any more that were never placed. */
  readonly stale = new Set<string>();
  /** Nodes that may now take what they refused before. */
  readonly freed = new Set<NodeInfo>();
  /** Whether a node changed, so that the reasons of waiting tasks may read differently. */
  reasonsAreStale = false;
  /** Tasks whose placement is being written: decided, not yet true. */
  readonly inFlight = new Set<string>();
  readonly #view: View;
  /** By service and revision. */
  readonly #asks = new Map<string, Asks>();
  readonly #kinds = new Map<string, Asks>();
  /** While everything is looked at: tasks whose failure was counted, since they may be met twice. */
  #failed: Set<string> | undefined;

  constructor(view: View) {
    this.#view = view;
  }

  /**
   * Forgets everything and looks at every row, one a step; what changes meanwhile is noted as ever. The tables' iterators
   * stand that: they pass every row that is there throughout.
   */
  *rebuild(nowMs: number): Generator<void, void> {
    this.nodes = new NodeSet();
    this.pending = new Pending();
    this.preassigned.clear();
    this.stale.clear();
    this.freed.clear();
    this.#asks.clear();
    this.#failed = new Set();
    for (const node of this.#view.table("node").all()) {
      this.nodes.put(node);
      yield;
    }
    for (const task of this.#view.table("task").all()) {
      this.#see(task.id, task);
      if (hasFailed(task) && statusAtMs(task) > nowMs - failureWindowMs) this.#fail(task);
      yield;
    }
    this.#failed = undefined;
  }

  note(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "node") this.#noteNode(change.id);
      else if (change.table === "task") this.#noteTask(change.id, change.row, change.previous);
      else if (change.table === "revision" && change.row === undefined) this.#forget(change.id);
    }
  }

  /** The write of a placement is over, one way or the other: what is in the store counts. */
  landed(taskId: string): void {
    this.inFlight.delete(taskId);
    this.#see(taskId);
  }

  #noteNode(id: string): void {
    this.reasonsAreStale = true;
    const row = this.#view.table("node").get(id);
    if (row === undefined) return this.nodes.delete(id);
    const isKnown = this.nodes.get(id) !== undefined;
    const info = this.nodes.put(row);
    this.freed.add(info);
    if (!isKnown) for (const task of this.#view.table("task").by("node", id)) this.#see(task.id);
  }

  #noteTask(id: string, row: Task | undefined, previous: Task | undefined): void {
    if (row !== undefined && previous !== undefined && hasFailed(row) && !isTerminal(stateOf(previous)))
      this.#fail(row);
    this.#see(id);
  }

  /** Brings the opinion of one task up to date with its row. */
  #see(taskId: string, task = this.#view.table("task").get(taskId)): void {
    if (this.inFlight.has(taskId)) return;
    this.#place(taskId, task);
    if (task !== undefined && isSchedulable(task)) this.#wait(task);
    else this.#forgetWait(taskId);
    if (task !== undefined && isStale(task)) this.stale.add(taskId);
    else this.stale.delete(taskId);
  }

  #place(taskId: string, task: Task | undefined): void {
    const before = this.nodes.placeOf(taskId);
    const info = task !== undefined && isOnNode(task) ? this.nodes.get(task.nodeId) : undefined;
    const known = before?.occupants.get(taskId);
    if (task !== undefined && info !== undefined) {
      const isActive = isWanted(task);
      if (before === info && known?.isActive === isActive) return;
      const { serviceId, assignedGeneric: generic } = task;
      this.nodes.occupy(info, { taskId, serviceId, needs: this.#asksOf(task).needs, generic, isActive });
      if (before === info) this.freed.add(info);
    } else if (before !== undefined) {
      this.nodes.vacate(taskId);
      this.freed.add(before);
    }
  }

  #wait(task: Task): void {
    const key = revisionId(task.serviceId, task.revision);
    const make = (): Group => {
      const { needs, filters } = this.#asksOf(task);
      return { serviceId: task.serviceId, key, needs, filters };
    };
    if (task.nodeId === "") this.pending.add(task, key, make);
    else this.preassigned.add(task.id, task.nodeId, make);
  }

  #forgetWait(taskId: string): void {
    this.pending.delete(taskId);
    this.preassigned.delete(taskId);
  }

  #fail(task: Task): void {
    if (this.#failed?.has(task.id)) return;
    this.#failed?.add(task.id);
    this.nodes.fail(task.nodeId, revisionId(task.serviceId, task.revision), statusAtMs(task));
  }

  #forget(revision: string): void {
    this.nodes.failures.forget(revision);
    this.#asks.delete(revision);
  }

  /** Worked out once per revision, which never changes; the same for all that ask the same. */
  #asksOf(task: Task): Asks {
    const key = revisionId(task.serviceId, task.revision);
    const known = this.#asks.get(key);
    if (known !== undefined) return known;
    const drivers = task.networkIds.map((id) => this.#view.table("network").get(id)?.driver ?? "");
    const asks = this.#shared(needsOf(taskSpecOf(this.#view, task), drivers));
    this.#asks.set(key, asks);
    invariant(this.#asks.size <= revisionsMax, "revisions that are gone are forgotten", { revisions: this.#asks.size });
    return asks;
  }

  #shared(needs: Needs): Asks {
    const key = `${needs.maxReplicas} ${needs.classKey}`;
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    if (this.#kinds.size >= kindsMax) this.#kinds.clear();
    const asks = { needs, filters: activeFilters(needs) };
    this.#kinds.set(key, asks);
    return asks;
  }
}

/** What tasks ask, and the filters that have something to check for it. */
type Asks = Pick<Group, "needs" | "filters">;

/** Kinds of needs that are shared between services. */
const kindsMax = 10_000;

/** Revisions remembered at once: far more than a cluster has. */
const revisionsMax = 1_000_000;

function hasFailed(task: Task): boolean {
  const state = stateOf(task);
  return (state === TaskState.FAILED || state === TaskState.REJECTED) && task.nodeId !== "";
}
