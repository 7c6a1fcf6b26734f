// Which services and slots deserve a look.

import type { View } from "../../store/index.js";
import type { Pass } from "./roster.js";
import { keyOf, type SlotRef } from "./slot-ref.js";
import { take, takeEntries } from "./take.js";

export class Attention {
  /** Whose spec or update is another: all their slots. */
  readonly services = new Set<string>();
  /** Of these, the ones that are looked at already, and how far. */
  readonly passes = new Map<string, Pass>();
  /** Services of which a task moved, as their slots were told: whether another slot's turn has come. */
  readonly tallies = new Set<string>();
  /** Services that are gone and whose tasks are still there. */
  readonly gone = new Set<string>();
  readonly slots = new Map<string, SlotRef>();
  /** How many of `slots` each service has. */
  readonly #slotsOf = new Map<string, number>();

  get isEmpty(): boolean {
    return this.services.size + this.passes.size + this.tallies.size + this.gone.size + this.slots.size === 0;
  }

  service(serviceId: string): void {
    this.passes.delete(serviceId);
    this.services.add(serviceId);
  }

  /** Goes on where a look at the service ended, unless it is to be looked at anew. */
  goOn(serviceId: string, pass: Pass): void {
    if (!this.services.has(serviceId)) this.passes.set(serviceId, pass);
  }

  tally(serviceId: string): void {
    this.tallies.add(serviceId);
  }

  slot(ref: SlotRef): void {
    this.#slot(keyOf(ref), ref);
  }

  /** A service that is gone; nothing while it is there. */
  orphan(view: View, serviceId: string): void {
    if (serviceId === "" || view.table("service").get(serviceId) !== undefined) return;
    this.services.delete(serviceId);
    this.passes.delete(serviceId);
    this.gone.add(serviceId);
  }

  /** Takes over what another has noted. */
  add(other: Attention): void {
    for (const id of other.services) this.service(id);
    for (const [id, pass] of other.passes) this.goOn(id, pass);
    for (const id of other.tallies) this.tallies.add(id);
    for (const id of other.gone) this.gone.add(id);
    for (const [key, ref] of other.slots) this.#slot(key, ref);
  }

  /**
   * Takes out what one look may reach, at most `max` of each kind: what comes first, a service's slots before what follows
   * from them.
   */
  take(max: number): Attention {
    const taken = new Attention();
    for (const [key, ref] of this.slots) {
      if (taken.slots.size >= max) break;
      this.#forgetSlot(key, ref);
      // Who looks at a service looks at its slots.
      if (!this.services.has(ref.serviceId)) taken.#slot(key, ref);
    }
    for (const id of this.tallies) {
      if (taken.tallies.size >= max) break;
      if (this.#slotsOf.has(id)) continue;
      this.tallies.delete(id);
      // … and adds up what follows.
      if (!this.services.has(id) && !this.passes.has(id)) taken.tally(id);
    }
    for (const [id, pass] of takeEntries(this.passes, max)) taken.goOn(id, pass);
    for (const id of take(this.gone, max)) taken.gone.add(id);
    for (const id of take(this.services, max)) taken.service(id);
    return taken;
  }

  #slot(key: string, ref: SlotRef): void {
    if (!this.slots.has(key)) this.#slotsOf.set(ref.serviceId, (this.#slotsOf.get(ref.serviceId) ?? 0) + 1);
    this.slots.set(key, ref);
  }

  #forgetSlot(key: string, { serviceId }: SlotRef): void {
    this.slots.delete(key);
    const left = (this.#slotsOf.get(serviceId) ?? 0) - 1;
    if (left > 0) this.#slotsOf.set(serviceId, left);
    else this.#slotsOf.delete(serviceId);
  }
}
