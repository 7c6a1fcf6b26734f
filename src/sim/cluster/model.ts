// What the user of a simulated cluster wants at the moment: what everything has to come to once faults are over.

import type { ServiceWish } from "./spec.js";

export interface Wanted {
  readonly wish: ServiceWish;
  readonly replicas: number;
  readonly image: string;
}

export class Model {
  readonly services = new Map<string, Wanted>();
  /** What requests are under way for: names of services, ids of nodes. */
  readonly #busy = new Set<string>();
  #made = 0;

  /** A name no service ever had. */
  newName(): string {
    this.#made += 1;
    return `s${this.#made}`;
  }

  /** Names of services for which nothing is under way. */
  get idle(): readonly string[] {
    return [...this.services.keys()].filter((name) => !this.#busy.has(name));
  }

  isBusy(what: string): boolean {
    return this.#busy.has(what);
  }

  /** One request at a time is under way for `what`: whoever asks for two at once does not care which comes first. */
  async busyWith(what: string, request: Promise<unknown>): Promise<void> {
    this.#busy.add(what);
    try {
      await request;
    } finally {
      this.#busy.delete(what);
    }
  }

  created(wish: ServiceWish): void {
    this.services.set(wish.name, { wish, replicas: wish.replicas ?? 1, image: wish.image ?? "nginx:latest" });
  }

  scaled(name: string, replicas: number): void {
    this.#change(name, { replicas });
  }

  updated(name: string, image: string): void {
    this.#change(name, { image });
  }

  removed(name: string): void {
    this.services.delete(name);
  }

  #change(name: string, change: Partial<Wanted>): void {
    const wanted = this.services.get(name);
    if (wanted) this.services.set(name, { ...wanted, ...change });
  }
}
