// What the user of a simulated cluster wants at the moment: what everything has to come to once faults are over.

import type { ServiceWish } from "./spec.js";

export interface Wanted {
  readonly wish: ServiceWish;
  readonly replicas: number;
  readonly image: string;
}

export class Model {
  readonly services = new Map<string, Wanted>();
  #made = 0;

  /** A name no service ever had. */
  newName(): string {
    this.#made += 1;
    return `s${this.#made}`;
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
