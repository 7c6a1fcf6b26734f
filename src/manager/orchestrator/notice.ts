// What an event makes the orchestrator look at, told from what was committed: only what it can change.

import { millis } from "../../base/index.js";
import { type Node, NodeState, type Service, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { NodeAvailability } from "../../gen/skep/v1/specs.js";
import { deepEqual, isGlobal, isTerminal, isWanted, stateOf } from "../../model/index.js";
import { type RowChange, specOf, type View } from "../../store/index.js";
import type { Attention } from "./attention.js";
import { keyOf, slotOf } from "./slot-ref.js";
import { hasUpdate } from "./world.js";

export class Notice {
  readonly #view: View;
  /** The services every node concerns: global ones and global jobs. A service never changes its mode. */
  readonly #global = new Set<string>();

  constructor(view: View) {
    this.#view = view;
  }

  /** Every service deserves a look, and every task whose service is gone. A service is known before it is looked at. */
  *rebuild(attention: () => Attention): Iterable<void> {
    for (const id of this.#global) if (this.#view.table("service").get(id) === undefined) this.#global.delete(id);
    for (const service of this.#view.table("service").all()) {
      this.#index(service);
      attention().service(service.id);
      yield;
    }
    for (const task of this.#view.table("task").all()) {
      if (task.desiredState < TaskState.REMOVE) attention().orphan(this.#view, task.serviceId);
      yield;
    }
  }

  note(attention: Attention, changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "service") this.#service(attention, change.id, change.row, change.previous);
      else if (change.table === "task") this.#task(attention, change.row, change.previous);
      else if (change.table === "node") this.#node(attention, change.id, change.row, change.previous);
    }
  }

  #service(attention: Attention, id: string, row: Service | undefined, previous: Service | undefined): void {
    if (row === undefined) {
      this.#global.delete(id);
      attention.orphan(this.#view, id);
      return;
    }
    const service = this.#view.table("service").get(id);
    if (service === undefined) return;
    this.#index(service);
    if (previous !== undefined && isCountOnly(row, previous)) attention.tally(id);
    else attention.service(id);
  }

  #task(attention: Attention, row: Task | undefined, previous: Task | undefined): void {
    const task = row ?? previous;
    if (task === undefined) return;
    const service = this.#view.table("service").get(task.serviceId);
    if (service === undefined) {
      if (row !== undefined && row.desiredState < TaskState.REMOVE) attention.orphan(this.#view, task.serviceId);
      return;
    }
    const isCounted = mattersToService(service, row, previous);
    if (isCounted || letsJobGoOn(row, previous)) attention.tally(service.id);
    if (isCounted || row === undefined || mattersToSlot(this.#view, row, previous)) attention.slot(slotOf(task));
  }

  /** A node's new state concerns its slot in each global service; one that is out, the slots of all tasks it holds. */
  #node(attention: Attention, id: string, row: Node | undefined, previous: Node | undefined): void {
    if (this.#global.size > 0 && concernsGlobal(row, previous)) {
      for (const serviceId of this.#global) {
        attention.slot({ serviceId, slot: 0, nodeId: id });
        // Which nodes an update is about may have changed: it may go on without this one, or has one more to do.
        const service = this.#view.table("service").get(serviceId);
        if (service && hasUpdate(service)) attention.tally(serviceId);
      }
    }
    if (row !== undefined && !(isOut(row) && (previous === undefined || !isOut(previous) || !sameOut(row, previous))))
      return;
    for (const task of this.#view.table("task").by("node", id)) {
      if (task.serviceId === "") continue;
      attention.slot(slotOf(task));
      // What stops there is waited for no more: the job may run another.
      if (task.jobIteration !== undefined && task.slot > 0 && !isWanted(task)) attention.tally(task.serviceId);
    }
  }

  #index(service: Service): void {
    if (isGlobal(specOf(this.#view, service))) this.#global.add(service.id);
  }
}

/** Only how far its update is, and what it says of that, changed. */
function isCountOnly(row: Service, previous: Service): boolean {
  const [now, before] = [row.updateStatus, previous.updateStatus];
  if (now === undefined || before === undefined || now === before) return false;
  return (
    now.state === before.state &&
    millis(now.startedAt) === millis(before.startedAt) &&
    row.revision === previous.revision &&
    row.specVersion === previous.specVersion &&
    same(row.jobStatus, previous.jobStatus)
  );
}

/** Whether a change of a task can make its service need another slot, or take its update further. */
function mattersToService(service: Service, row: Task | undefined, previous: Task | undefined): boolean {
  const task = row ?? previous;
  // The slot of a node needs no other.
  if (row === undefined)
    return task !== undefined && task.slot > 0 && task.jobIteration === undefined && isWanted(task);
  const moved =
    previous === undefined || stateOf(row) !== stateOf(previous) || row.desiredState !== previous.desiredState;
  return moved && hasUpdate(service);
}

/** A task of a replicated job ended or was deleted: its place is free for the next. */
function letsJobGoOn(row: Task | undefined, previous: Task | undefined): boolean {
  const task = row ?? previous;
  if (task?.jobIteration === undefined || task.slot === 0) return false;
  if (row === undefined) return true;
  return isTerminal(stateOf(row)) && (previous === undefined || !isTerminal(stateOf(previous)));
}

/** Whether a change of a task can make its slot need something: it ended, is held back, backs off, or was misplaced. */
function mattersToSlot(view: View, row: Task, previous: Task | undefined): boolean {
  const state = stateOf(row);
  const before = previous === undefined ? undefined : stateOf(previous);
  if (isTerminal(state)) return before === undefined || !isTerminal(before) || isWanted(row);
  if (!isWanted(row)) return false;
  if (row.desiredState === TaskState.READY) return previous === undefined;
  // It may have been waited for by the task it replaces or by one that was to replace it, or have a back-off to outlive.
  if (state === TaskState.RUNNING && before !== TaskState.RUNNING)
    return row.restart !== undefined || hasRival(view, row);
  const placedNow = row.nodeId !== "" && previous?.nodeId !== row.nodeId;
  return placedNow && isOut(view.table("node").get(row.nodeId));
}

/** Another task is wanted in its slot. */
function hasRival(view: View, task: Task): boolean {
  for (const other of view.table("task").by("slot", keyOf(slotOf(task)))) {
    if (other.id !== task.id && isWanted(other)) return true;
  }
  return false;
}

/** Nothing may stay on it: gone, DOWN or drained. */
function isOut(node: Node | undefined): boolean {
  return (
    node === undefined || node.status?.state === NodeState.DOWN || node.spec?.availability === NodeAvailability.DRAIN
  );
}

function sameOut(a: Node, b: Node): boolean {
  return (
    a.status?.state === b.status?.state &&
    a.spec?.availability === b.spec?.availability &&
    millis(a.spec?.drainTimeout) === millis(b.spec?.drainTimeout)
  );
}

/** It came or went, or what decides whether it holds a global task changed: state, availability, what constraints see. */
function concernsGlobal(row: Node | undefined, previous: Node | undefined): boolean {
  if (row === undefined || previous === undefined) return true;
  return (
    row.status?.state !== previous.status?.state ||
    row.status?.addr !== previous.status?.addr ||
    row.role !== previous.role ||
    !same(row.spec, previous.spec) ||
    !same(row.description, previous.description)
  );
}

function same(a: unknown, b: unknown): boolean {
  return a === b || deepEqual(a, b);
}
