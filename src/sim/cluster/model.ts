// What the user of a simulated cluster wants at the moment: what everything has to come to once faults are over. Where a request
// was given up, both is possible until the user looks.

import type { ServiceWish } from "./spec.js";
import { GaveUp } from "./user.js";

export interface Wanted {
  readonly wish: ServiceWish;
  readonly replicas: number;
  readonly image: string;
}

/** What a service may be; undefined: not there. */
export type Candidate = Wanted | undefined;

export class Model {
  readonly services = new Map<string, Wanted>();
  /** Services after a request that was given up: what was, and what was asked for. */
  readonly doubts = new Map<string, readonly Candidate[]>();
  /** What requests are under way for: names of services, ids of nodes. */
  readonly #busy = new Set<string>();
  #made = 0;

  /** A name no service ever had. */
  newName(): string {
    this.#made += 1;
    return `s${this.#made}`;
  }

  /** Names of services for which nothing is under way, and nothing in doubt. */
  get idle(): readonly string[] {
    return [...this.services.keys()].filter((name) => !this.#busy.has(name) && !this.doubts.has(name));
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

  /** A request that makes of service `name` what it is then; undefined: removes it. */
  async becomes(name: string, next: Candidate, request: Promise<unknown>): Promise<void> {
    const asked = request.then(
      () => this.set(name, next),
      (error: unknown) => {
        if (!(error instanceof GaveUp)) throw error;
        this.doubts.set(name, [this.services.get(name), next]);
      },
    );
    await this.busyWith(name, asked);
  }

  set(name: string, next: Candidate): void {
    if (next) this.services.set(name, next);
    else this.services.delete(name);
  }

  /** The user looked. */
  known(name: string, actual: Candidate): void {
    this.doubts.delete(name);
    this.set(name, actual);
  }
}
