// From when to when this member leads, and who is told: leading begins once an entry of the own term has been applied, and
// when it ends open proposals learn it before anybody is told to stop.

import type { Log } from "../base/index.js";
import type { RaftCore } from "./core/core.js";
import { none } from "./core/types.js";
import { Handovers } from "./handovers.js";
import type { Proposals } from "./proposals.js";
import type { Leadership } from "./types.js";

export class Tenure {
  readonly handovers = new Handovers();
  readonly #proposals: Proposals;
  readonly #log: Log;
  readonly #listeners: ((change: Leadership) => void)[] = [];
  readonly #leaderListeners: (() => void)[] = [];
  /** Who led when it was looked at last. */
  #seen = { leader: none, term: 0 };
  #term: number | undefined;

  constructor(modules: { readonly proposals: Proposals; readonly log: Log }) {
    this.#proposals = modules.proposals;
    this.#log = modules.log;
  }

  /** The term led in; undefined while not leading. */
  get term(): number | undefined {
    return this.#term;
  }

  onChange(listener: (change: Leadership) => void): void {
    this.#listeners.push(listener);
  }

  /** Told when another leads than before, in another term, or nobody. */
  onLeader(listener: () => void): void {
    this.#leaderListeners.push(listener);
  }

  /** To be called after everything that may change the role. */
  observe(core: RaftCore): void {
    const { term, applied, leading, leader } = core;
    if (leader !== this.#seen.leader || term !== this.#seen.term) {
      this.#seen = { leader, term };
      this.tellLeader();
    }
    this.handovers.observe(leading !== undefined, leading?.transferee ?? none);
    const leadingTerm = leading && applied >= leading.termStart ? term : undefined;
    if (leadingTerm === this.#term) return;
    this.#stop(undefined);
    if (leadingTerm !== undefined) this.#start(leadingTerm);
  }

  /** The member stops, because of `cause` if it did not want to: it certainly leads no more. */
  end(cause: unknown): void {
    this.handovers.end();
    this.#stop(cause);
    this.tellLeader();
  }

  /** Who leads, or whether that is certain, may be another than it was. */
  tellLeader(): void {
    for (const listener of this.#leaderListeners) listener();
  }

  /** not leading → leading */
  #start(term: number): void {
    this.#term = term;
    this.#log.info("raft leader", { term });
    for (const listener of this.#listeners) listener({ leading: true, term });
  }

  /** leading → not leading */
  #stop(cause: unknown): void {
    const term = this.#term;
    this.#term = undefined;
    this.#proposals.rejectAll(cause);
    if (term === undefined) return;
    this.#log.info("raft leadership ended", { term });
    for (const listener of this.#listeners) listener({ leading: false, term });
  }
}
