// All nodes with what occupies them, kept up to date one change at a time, and the ways to find the best for a task.

import type { Node } from "../../gen/skep/v1/objects.js";
import { Attributes } from "./attributes.js";
import { Failures } from "./failures.js";
import type { Filter } from "./filters.js";
import { Journal } from "./journal.js";
import type { Asked, Needs } from "./needs.js";
import { NodeIndex } from "./node-index.js";
import { NodeInfo, type Occupant } from "./node-info.js";

/** Nodes all indexes together hold, per node of the cluster and at least; the one not used for longest goes first. */
const indexedPerNodeMax = 16;
const indexedMin = 200_000;
/** Where one way of finding nodes ends and the other begins. */
export interface NodeSetOptions {
  /** So few nodes are looked at one by one rather than kept in an index. */
  readonly fewMax: number;
  /** A service on more nodes than this has an index of its own, in which its own tasks count. */
  readonly holdersMax: number;
}
const defaults: NodeSetOptions = { fewMax: 32, holdersMax: 512 };

/** Equality constraints of one service that are looked up; the others are only checked. */
const lookedUpMax = 8;

/** What is asked of the indexes: the tasks of one revision of one service. */
export interface IndexAsk extends Asked {
  readonly key: string;
  readonly filters: readonly Filter[];
}

export class NodeSet {
  readonly failures = new Failures();
  readonly #options: NodeSetOptions;
  readonly #infos = new Map<string, NodeInfo>();
  readonly #journal = new Journal();
  readonly #attributes = new Attributes(() => this.#infos.values());
  readonly #indexes = new Map<string, NodeIndex>();
  #uses = 0;
  /** The nodes that hold active tasks of each service; a single one stands for itself. */
  readonly #holders = new Map<string, NodeInfo | Set<NodeInfo>>();
  /** Which node each task occupies. */
  readonly #places = new Map<string, NodeInfo>();

  constructor(options: NodeSetOptions = defaults) {
    this.#options = options;
  }

  get size(): number {
    return this.#infos.size;
  }

  get(nodeId: string): NodeInfo | undefined {
    return this.#infos.get(nodeId);
  }

  all(): Iterable<NodeInfo> {
    return this.#infos.values();
  }

  /** The nodes with active tasks of a service. */
  holders(serviceId: string): ReadonlySet<NodeInfo> {
    const holders = this.#holders.get(serviceId);
    return holders instanceof NodeInfo ? new Set([holders]) : (holders ?? nobody);
  }

  /** Readies what `few`, `ownsIndex` and `index` need, looking at no more than `budget` nodes; true once it is. */
  prepare(ask: IndexAsk, budget: number): boolean {
    for (const { key } of lookedUp(ask.needs)) if (!this.#attributes.prepare(key, budget)) return false;
    return this.few(ask.needs) !== undefined || this.index(ask).prepare(budget);
  }

  /** All nodes that could satisfy the constraints, where those are few. */
  few(needs: Needs): ReadonlySet<NodeInfo> | undefined {
    const nodes = this.#fewest(needs);
    return nodes !== undefined && nodes.size <= this.#options.fewMax ? nodes : undefined;
  }

  /** Whether the service is on so many nodes that its own tasks count in the index's order. */
  ownsIndex(serviceId: string): boolean {
    const holders = this.#holders.get(serviceId);
    return holders instanceof Set && holders.size > this.#options.holdersMax;
  }

  /** The index for such tasks; made if it is not there, and complete once `prepare` said so. */
  index(ask: IndexAsk): NodeIndex {
    const { needs, serviceId, filters, key } = ask;
    const isOwn = this.ownsIndex(serviceId);
    const name = isOwn ? `own ${key}` : needs.classKey;
    this.#uses += 1;
    const known = this.#indexes.get(name);
    if (known) {
      known.usedAt = this.#uses;
      return known;
    }
    // A node without tasks of the service passes the limit of replicas; those with are looked at one by one.
    const checked = isOwn ? filters : filters.filter((filter) => filter.name !== "max replicas");
    const passes = (info: NodeInfo): boolean => checked.every((filter) => filter.passes(info, ask));
    const options = { passes, serviceId: isOwn ? serviceId : undefined, spread: needs.spread };
    const made = new NodeIndex(options, this.#journal, () => this.#fewest(needs) ?? this.#infos.values());
    made.usedAt = this.#uses;
    this.#evict();
    this.#indexes.set(name, made);
    return made;
  }

  /** A new node, or a new row of a known one. */
  put(node: Node): NodeInfo {
    const known = this.#infos.get(node.id);
    if (known !== undefined) known.become(node);
    const info = known ?? new NodeInfo(node);
    if (known === undefined) this.#infos.set(node.id, info);
    this.#attributes.put(info);
    this.#journal.add(info, this.size);
    return info;
  }

  delete(nodeId: string): void {
    const info = this.#infos.get(nodeId);
    if (info === undefined) return;
    for (const taskId of [...info.occupants.keys()]) this.vacate(taskId);
    info.leave();
    this.#infos.delete(nodeId);
    this.#attributes.delete(info);
    this.failures.forgetNode(info);
    this.#journal.add(info, this.size);
  }

  placeOf(taskId: string): NodeInfo | undefined {
    return this.#places.get(taskId);
  }

  /** Puts a task on a node; where it was before is forgotten. */
  occupy(info: NodeInfo, occupant: Occupant): void {
    this.vacate(occupant.taskId);
    info.add(occupant);
    this.#places.set(occupant.taskId, info);
    if (!occupant.isActive) return;
    const holders = this.#holders.get(occupant.serviceId);
    if (holders === undefined) this.#holders.set(occupant.serviceId, info);
    else if (holders instanceof Set) holders.add(info);
    else if (holders !== info) this.#holders.set(occupant.serviceId, new Set([holders, info]));
  }

  /** Takes a task from its node, which is returned. */
  vacate(taskId: string): NodeInfo | undefined {
    const info = this.#places.get(taskId);
    if (info === undefined) return undefined;
    const serviceId = info.occupants.get(taskId)?.serviceId ?? "";
    info.remove(taskId);
    this.#places.delete(taskId);
    if (info.countOf(serviceId) === 0) this.#letGo(serviceId, info);
    this.#journal.add(info, this.size);
    return info;
  }

  fail(nodeId: string, key: string, atMs: number): void {
    const info = this.#infos.get(nodeId);
    if (info) this.failures.add(info, key, atMs);
  }

  #letGo(serviceId: string, info: NodeInfo): void {
    const holders = this.#holders.get(serviceId);
    if (holders === info) this.#holders.delete(serviceId);
    else if (holders instanceof Set && holders.delete(info) && holders.size === 0) this.#holders.delete(serviceId);
  }

  /** The fewest nodes an equality constraint leaves; undefined: there is none. */
  #fewest(needs: Needs): ReadonlySet<NodeInfo> | undefined {
    let fewest: ReadonlySet<NodeInfo> | undefined;
    for (const { key, value } of lookedUp(needs)) {
      const nodes = this.#attributes.nodesWith(key, value);
      if (fewest === undefined || nodes.size < fewest.size) fewest = nodes;
    }
    return fewest;
  }

  #evict(): void {
    const max = Math.max(indexedMin, indexedPerNodeMax * this.size) - this.size;
    let total = 0;
    for (const index of this.#indexes.values()) total += index.size;
    if (total <= max) return;
    for (const [name, index] of [...this.#indexes].sort(([, a], [, b]) => a.usedAt - b.usedAt)) {
      if (total <= max) return;
      total -= index.size;
      this.#indexes.delete(name);
    }
  }
}

const nobody: ReadonlySet<NodeInfo> = new Set();

/** The constraints that name the nodes they allow. */
function lookedUp(needs: Needs): Needs["constraints"] {
  return needs.equalities.length > lookedUpMax ? needs.equalities.slice(0, lookedUpMax) : needs.equalities;
}
