// Connections for handing requests on, to every other manager before it leads: after a failover none has to be made first.

import type { Clock, Timer } from "../../base/index.js";
import type { LeaderLink } from "../../rpc/index.js";

/** How often connections that broke are made anew, and those to managers that are none any more closed. */
const lookMs = 1_000;

export interface LeaderLinksModules {
  readonly clock: Clock;
  /** host:port of the other managers. */
  readonly addrs: () => readonly string[];
  readonly newLink: () => Pick<LeaderLink, "forward" | "prepare" | "close">;
}

type Link = ReturnType<LeaderLinksModules["newLink"]>;

export class LeaderLinks {
  readonly #modules: LeaderLinksModules;
  readonly #links = new Map<string, Link>();
  #timer: Timer;

  constructor(modules: LeaderLinksModules) {
    this.#modules = modules;
    this.#timer = modules.clock.after(0, () => this.#look());
  }

  /** The link to the manager at `addr`. */
  to(addr: string): Link {
    const known = this.#links.get(addr);
    if (known) return known;
    const link = this.#modules.newLink();
    this.#links.set(addr, link);
    return link;
  }

  /** Lets calls under way end. */
  close(): void {
    this.#timer.cancel();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #look(): void {
    const addrs = new Set(this.#modules.addrs());
    for (const addr of addrs) this.to(addr).prepare(addr);
    for (const [addr, link] of this.#links) {
      if (addrs.has(addr)) continue;
      link.close();
      this.#links.delete(addr);
    }
    this.#timer = this.#modules.clock.after(lookMs, () => this.#look());
  }
}
