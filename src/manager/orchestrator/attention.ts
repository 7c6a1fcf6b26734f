// Which services and slots deserve a look.

import { TaskState } from "../../gen/skep/v1/objects.js";
import type { View } from "../../store/index.js";
import { keyOf, type SlotRef } from "./slot-ref.js";

export class Attention {
  /** Whose spec or update is another: all their slots. */
  readonly services = new Set<string>();
  /** Services of which a task moved, as their slots were told: whether another slot's turn has come. */
  readonly tallies = new Set<string>();
  /** Services that are gone and whose tasks are still there. */
  readonly gone = new Set<string>();
  readonly slots = new Map<string, SlotRef>();

  get isEmpty(): boolean {
    return this.services.size + this.tallies.size + this.gone.size + this.slots.size === 0;
  }

  /** Everything: at the start of leading, and after events were lost. */
  all(view: View): void {
    for (const service of view.table("service").all()) this.services.add(service.id);
    for (const task of view.table("task").all()) {
      if (task.desiredState < TaskState.REMOVE) this.orphan(view, task.serviceId);
    }
  }

  service(serviceId: string): void {
    this.services.add(serviceId);
  }

  tally(serviceId: string): void {
    this.tallies.add(serviceId);
  }

  slot(ref: SlotRef): void {
    this.slots.set(keyOf(ref), ref);
  }

  /** A service that is gone; nothing while it is there. */
  orphan(view: View, serviceId: string): void {
    if (serviceId === "" || view.table("service").get(serviceId) !== undefined) return;
    this.services.delete(serviceId);
    this.gone.add(serviceId);
  }

  /** Takes over what another has noted. */
  add(other: Attention): void {
    for (const id of other.services) this.services.add(id);
    for (const id of other.tallies) this.tallies.add(id);
    for (const id of other.gone) this.gone.add(id);
    for (const [key, ref] of other.slots) this.slots.set(key, ref);
  }
}
