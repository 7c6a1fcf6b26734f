// The way of an API request to the leader, while another manager is it.

import type { Leader } from "../api/index.js";
import { Ending } from "../base/index.js";
import type { Managing } from "./managing/index.js";

export class LeaderPath {
  #managing: Managing | undefined;
  #addr = "";
  #term = 0;
  #leader: Leader | undefined;

  /** The leader as a manager knows it; the same object for as long as it is. Undefined: none, or this manager itself. */
  to(managing: Managing | undefined): Leader | undefined {
    const manager = managing?.manager;
    if (managing === undefined || manager === undefined) return undefined;
    const { isRaftLeader, term } = manager;
    if (isRaftLeader) return undefined;
    const addr = manager.leaderAddr();
    if (addr === "") return undefined;
    if (this.#leader && managing === this.#managing && addr === this.#addr && term === this.#term) return this.#leader;
    this.#managing = managing;
    this.#addr = addr;
    this.#term = term;
    const link = managing.leaderLinks.to(addr);
    this.#leader = {
      key: `${addr} ${term}`,
      forward: (request, over = Ending.of(request.closed())) => link.forward(addr, request, over),
    };
    return this.#leader;
  }
}
