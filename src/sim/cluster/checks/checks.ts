// All that must hold of a cluster at any moment, asked after every commit and every event. What does not hold is kept.

import type { RowChange, Store, View } from "../../../store/index.js";
import { containersOf } from "../containers.js";
import type { SimHost } from "../host.js";
import type { AppliedEntry } from "../process.js";
import type { Written } from "../recorder.js";
import { ConsensusCheck } from "./consensus.js";
import { ContainersCheck } from "./containers.js";
import { backwardMoves } from "./forward.js";
import { foreignWrites } from "./ownership.js";
import { doublePorts, misplacements } from "./placement.js";
import { givenUp, needlessStops } from "./reasons.js";
import { type Moment, SlotsCheck } from "./slots.js";
import { SurplusCheck } from "./surplus.js";
import { WaitingCheck } from "./waiting.js";

/** Violations kept of one run: the first say what went wrong. */
const violationsMax = 50;

export interface Leadership {
  readonly isLed: boolean;
  /** By a clock that is right. */
  readonly inTime: boolean;
}

export class Checks {
  readonly violations: string[] = [];
  readonly #atMs: () => number;
  readonly #containers = new ContainersCheck();
  readonly #slots = new SlotsCheck();
  readonly #waiting = new WaitingCheck();
  readonly #surplus = new SurplusCheck();
  readonly #consensus = new ConsensusCheck();

  /** `atMs`: the time of the run, for the text of what is found. */
  constructor(atMs: () => number) {
    this.#atMs = atMs;
  }

  /** A part wrote a transaction; `view` shows it made. */
  written({ part, changes }: Written, view: View): void {
    for (const change of changes) {
      for (const what of foreignWrites(part, change)) this.add("one writer per field", `${what} (${change.id})`);
    }
    for (const what of misplacements(changes, view)) this.add("placement fits", what);
    for (const what of needlessStops(changes, view)) this.add("nothing is stopped without a reason", what);
  }

  committed(changes: readonly RowChange[], store: Store, hosts: readonly SimHost[], moment: Moment): void {
    for (const nodeId of givenUp(changes)) {
      const host = hosts.find((each) => each.nodeId === nodeId);
      if (host && !host.isDisturbed) this.add("a node is given up for a reason", `${host.name} has long been well`);
    }
    for (const change of changes) for (const what of backwardMoves(change)) this.add("only forward", what);
    this.#slots.committed(changes, store, moment);
    for (const what of doublePorts(store)) this.add("a host port is given once", what);
  }

  /** A manager applied an entry to a store of this revision. */
  applied(revision: number, entry: AppliedEntry): void {
    for (const what of this.#consensus.applied(revision, entry)) this.add("all managers apply the same", what);
  }

  /** A manager leads in this term. */
  leads(name: string, term: number): void {
    for (const what of this.#consensus.leads(name, term)) this.add("one leader in a term", what);
  }

  look(hosts: readonly SimHost[], store: Store | undefined, moment: Moment, { isLed, inTime }: Leadership): void {
    const containers = containersOf(hosts);
    for (const what of this.#containers.look(containers)) this.add("one container per task", what);
    if (!store || !isLed) {
      this.#surplus.reset();
      return this.#waiting.reset();
    }
    for (const what of this.#surplus.look(containers, hosts, store, moment.nowMs)) this.add("surplus stops", what);
    for (const what of this.#slots.look(containers, store, moment)) this.add("one task per slot", what);
    if (!inTime) return this.#waiting.reset();
    for (const what of this.#waiting.look(store, moment.nowMs)) this.add("nothing waits silently", what);
  }

  add(rule: string, what: string): void {
    if (this.violations.length < violationsMax) {
      this.violations.push(`at ${(this.#atMs() / 1000).toFixed(3)} s: ${rule}: ${what}`);
    }
  }
}
