// The node's role as the leader says it is not the one of its certificate: another certificate is asked for, again and again
// until one for that role is in force.

import type { Clock, Timer } from "../base/index.js";
import type { NodeRole } from "../gen/skep/v1/specs.js";

/** A role that the last renewal did not bring is asked for again after this long. */
const retryMs = 2_000;

export interface RoleWishModules {
  readonly clock: Clock;
  /** By what the leader said last; undefined while it has said nothing. */
  readonly wanted: () => NodeRole | undefined;
  /** What the certificate in force is for. */
  readonly held: () => NodeRole;
  /** Asks for a new certificate. */
  readonly ask: (role: NodeRole) => void;
}

export class RoleWish {
  readonly #modules: RoleWishModules;
  #asked: Timer | undefined;
  #isOver = false;

  constructor(modules: RoleWishModules) {
    this.#modules = modules;
  }

  /** One of the two roles may have changed. A certificate that fits ends the wish, so that the next one is seen to at once. */
  look(): void {
    const { clock, wanted, held, ask } = this.#modules;
    const role = wanted();
    if (role === undefined || role === held()) {
      this.#asked?.cancel();
      this.#asked = undefined;
      return;
    }
    if (this.#asked || this.#isOver) return;
    ask(role);
    this.#asked = clock.after(retryMs, () => {
      this.#asked = undefined;
      this.look();
    });
  }

  /** The node has no role any more. */
  end(): void {
    this.#isOver = true;
    this.#asked?.cancel();
    this.#asked = undefined;
  }
}
