// What a slot is called: one container's place in a service, by number, or by node where the node is the slot.

import type { Task } from "../../gen/skep/v1/objects.js";
import { slotKey } from "../../store/index.js";

/** A place within a service: a number from 1 and no node, or number 0 and the node (global services, global jobs). */
export interface SlotId {
  readonly slot: number;
  /** Empty where the slot has a number: its tasks may be anywhere. */
  readonly nodeId: string;
}

export interface SlotRef extends SlotId {
  readonly serviceId: string;
}

/** The slot a task is in. */
export function slotOf({ serviceId, slot, nodeId }: Task): SlotRef {
  return { serviceId, slot, nodeId: slot > 0 ? "" : nodeId };
}

/** A numbered slot. */
export function numbered(slot: number): SlotId {
  return { slot, nodeId: "" };
}

/** Its key in the `slot` index of tasks. */
export function keyOf(ref: SlotRef): string {
  return slotKey(ref.serviceId, ref.slot, ref.nodeId);
}
