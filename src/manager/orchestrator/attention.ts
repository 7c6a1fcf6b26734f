// Which services and slots deserve a look.

import { TaskState } from "../../gen/skep/v1/objects.js";
import type { View } from "../../store/index.js";
import { keyOf, type SlotRef } from "./slot-ref.js";

export class Attention {
  readonly services = new Set<string>();
  /** Jobs of which a task ended: whether another may start. */
  readonly jobs = new Set<string>();
  /** Services that are gone and whose tasks are still there. */
  readonly gone = new Set<string>();
  readonly slots = new Map<string, SlotRef>();

  get isEmpty(): boolean {
    return this.services.size + this.jobs.size + this.gone.size + this.slots.size === 0;
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

  job(serviceId: string): void {
    this.jobs.add(serviceId);
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
    for (const id of other.jobs) this.jobs.add(id);
    for (const id of other.gone) this.gone.add(id);
    for (const [key, ref] of other.slots) this.slots.set(key, ref);
  }
}
