// The control of one term of leadership: the nouns, and what all of them are made of.

import { type Clock, newId, type Random } from "../../base/index.js";
import type { Batch, Store, View, Writer } from "../../store/index.js";
import { type CertificateAuthority, ClusterControl } from "./cluster.js";
import { History } from "./history.js";
import type { Membership } from "./membership.js";
import { Nodes } from "./nodes.js";
import { Services } from "./services.js";
import { Writes } from "./write.js";

export interface ControlOptions {
  /** Aborts when this leadership ends. */
  readonly signal: AbortSignal;
}

export interface ControlModules {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly ca: CertificateAuthority;
  readonly membership: Membership;
}

export class Control {
  readonly services: Services;
  readonly history: History;
  readonly nodes: Nodes;
  readonly cluster: ClusterControl;
  readonly membership: Membership;
  /** Aborts when this leadership ends: what was made for this control is over then. */
  readonly signal: AbortSignal;
  readonly #store: Store;
  readonly #random: Random;

  constructor(options: ControlOptions, modules: ControlModules) {
    const { store, random, membership } = modules;
    const writes = new Writes({}, modules);
    this.signal = options.signal;
    this.membership = membership;
    this.services = new Services({}, { store, writes, random, clock: modules.clock });
    this.history = new History({}, { store, writes, clock: modules.clock });
    this.nodes = new Nodes({}, { store, writes, membership, clock: modules.clock });
    this.cluster = new ClusterControl({}, { writes, ca: modules.ca });
    this.#store = store;
    this.#random = random;
  }

  /** What is applied. Synchronous: read all of one answer without an await between. */
  get view(): View {
    return this.#store;
  }

  /** Everything committed from now on in the tables that users see. */
  watch(signal: AbortSignal): AsyncIterable<Batch> {
    return this.#store.watch({ tables: ["service", "node"] }, AbortSignal.any([signal, this.signal]));
  }

  /** An id for a request that came without one. */
  requestId(): string {
    return newId(this.#random);
  }
}
