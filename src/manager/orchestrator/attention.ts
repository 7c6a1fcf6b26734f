// Which services and slots deserve a look, told from what was committed: an event wakes only what it can change.

import { type Node, NodeState, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { NodeAvailability } from "../../gen/skep/v1/specs.js";
import { isTerminal, isWanted, stateOf } from "../../model/index.js";
import type { RowChange, View } from "../../store/index.js";
import { keyOf, type SlotRef, slotOf } from "./slot-ref.js";
import { hasUpdate } from "./world.js";

export class Attention {
  readonly services = new Set<string>();
  /** Services that are gone and whose tasks are still there. */
  readonly gone = new Set<string>();
  readonly slots = new Map<string, SlotRef>();

  get isEmpty(): boolean {
    return this.services.size === 0 && this.gone.size === 0 && this.slots.size === 0;
  }

  /** Everything: at the start of leading, and after events were lost. */
  all(view: View): void {
    for (const service of view.table("service").all()) this.services.add(service.id);
    for (const task of view.table("task").all()) {
      if (task.desiredState < TaskState.REMOVE) this.#orphan(view, task.serviceId);
    }
  }

  service(serviceId: string): void {
    this.services.add(serviceId);
  }

  slot(ref: SlotRef): void {
    this.slots.set(keyOf(ref), ref);
  }

  /** Takes over what another has noted. */
  add(other: Attention): void {
    for (const id of other.services) this.services.add(id);
    for (const id of other.gone) this.gone.add(id);
    for (const [key, ref] of other.slots) this.slots.set(key, ref);
  }

  note(view: View, changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === "service") this.#noteService(view, change.id, change.row !== undefined);
      else if (change.table === "task") this.#noteTask(view, change.row, change.previous);
      else if (change.table === "node") this.#noteNode(view, change.id, change.row, change.previous);
    }
  }

  #noteService(view: View, id: string, exists: boolean): void {
    if (exists) this.services.add(id);
    else this.#orphan(view, id);
  }

  #noteTask(view: View, row: Task | undefined, previous: Task | undefined): void {
    const task = row ?? previous;
    if (task === undefined) return;
    const service = view.table("service").get(task.serviceId);
    if (service === undefined) {
      if (row !== undefined && row.desiredState < TaskState.REMOVE) this.#orphan(view, task.serviceId);
      return;
    }
    if (row === undefined) {
      if (isWanted(task)) this.services.add(service.id);
      else this.slot(slotOf(task));
      return;
    }
    const moved =
      previous === undefined || stateOf(row) !== stateOf(previous) || row.desiredState !== previous.desiredState;
    if (moved && hasUpdate(service)) this.services.add(service.id);
    else if (mattersToSlot(view, row, previous)) this.slot(slotOf(row));
  }

  /** A node that went away, or is to be emptied, concerns the slots of all tasks it holds. */
  #noteNode(view: View, id: string, row: Node | undefined, previous: Node | undefined): void {
    if (row !== undefined && !(isOut(row) && (previous === undefined || !isOut(previous) || !sameOut(row, previous))))
      return;
    for (const task of view.table("task").by("node", id)) if (task.serviceId !== "") this.slot(slotOf(task));
  }

  #orphan(view: View, serviceId: string): void {
    if (serviceId === "" || view.table("service").get(serviceId) !== undefined) return;
    this.services.delete(serviceId);
    this.gone.add(serviceId);
  }
}

/** Whether a change of a task can make its slot need something: it ended, is held back, backs off, or was misplaced. */
function mattersToSlot(view: View, row: Task, previous: Task | undefined): boolean {
  const state = stateOf(row);
  const before = previous === undefined ? undefined : stateOf(previous);
  if (isTerminal(state)) return before === undefined || !isTerminal(before) || isWanted(row);
  if (!isWanted(row)) return false;
  if (row.desiredState === TaskState.READY) return previous === undefined;
  // It may have been waited for by the task it replaces, or have a back-off to outlive.
  if (state === TaskState.RUNNING && before !== TaskState.RUNNING) return row.restart !== undefined;
  const placedNow = row.nodeId !== "" && previous?.nodeId !== row.nodeId;
  return placedNow && isOut(view.table("node").get(row.nodeId));
}

/** Nothing may stay on it: gone, DOWN or drained. */
function isOut(node: Node | undefined): boolean {
  return (
    node === undefined || node.status?.state === NodeState.DOWN || node.spec?.availability === NodeAvailability.DRAIN
  );
}

function sameOut(a: Node, b: Node): boolean {
  return a.status?.state === b.status?.state && a.spec?.availability === b.spec?.availability;
}
