// Nodes by the values constraints name: `node.labels.disk` → "ssd" → these nodes. Made for a key when a constraint first
// asks for it, so that what few nodes satisfy is found without looking at the others.

import type { Node } from "../../gen/skep/v1/objects.js";
import { readerOf } from "../../model/index.js";
import type { NodeInfo } from "./node-info.js";

/** Keys kept at once: far more than a cluster's constraints name. */
const keysMax = 64;

interface Attribute {
  readonly read: (node: Node) => string;
  readonly values: Map<string, Set<NodeInfo>>;
  readonly valueOf: Map<NodeInfo, string>;
  /** Nodes it has not looked at yet. */
  unseen: Iterator<NodeInfo> | undefined;
}

export class Attributes {
  readonly #all: () => Iterable<NodeInfo>;
  readonly #byKey = new Map<string, Attribute>();

  constructor(all: () => Iterable<NodeInfo>) {
    this.#all = all;
  }

  /** Looks at no more than `budget` nodes; true once the key is known. */
  prepare(key: string, budget: number): boolean {
    const attribute = this.#open(key);
    for (let left = budget; attribute.unseen !== undefined; left--) {
      if (left <= 0) return false;
      const { value, done } = attribute.unseen.next();
      if (done) attribute.unseen = undefined;
      else note(attribute, value);
    }
    return true;
  }

  /** The nodes with this value of a key that was prepared; compared without regard to case. */
  nodesWith(key: string, value: string): ReadonlySet<NodeInfo> {
    return this.#byKey.get(key)?.values.get(value.toLowerCase()) ?? nobody;
  }

  /** A node that is new or has another row. */
  put(info: NodeInfo): void {
    for (const attribute of this.#byKey.values()) note(attribute, info);
  }

  delete(info: NodeInfo): void {
    for (const attribute of this.#byKey.values()) forget(attribute, info);
  }

  #open(key: string): Attribute {
    const known = this.#byKey.get(key);
    if (known) {
      this.#byKey.delete(key);
      this.#byKey.set(key, known);
      return known;
    }
    for (const oldest of this.#byKey.keys()) {
      if (this.#byKey.size < keysMax) break;
      this.#byKey.delete(oldest);
    }
    const unseen = this.#all()[Symbol.iterator]();
    const made: Attribute = { read: readerOf(key) ?? (() => ""), values: new Map(), valueOf: new Map(), unseen };
    this.#byKey.set(key, made);
    return made;
  }
}

const nobody: ReadonlySet<NodeInfo> = new Set();

function note(attribute: Attribute, info: NodeInfo): void {
  const value = attribute.read(info.node).toLowerCase();
  if (attribute.valueOf.get(info) === value) return;
  forget(attribute, info);
  attribute.valueOf.set(info, value);
  const nodes = attribute.values.get(value);
  if (nodes) nodes.add(info);
  else attribute.values.set(value, new Set([info]));
}

function forget(attribute: Attribute, info: NodeInfo): void {
  const value = attribute.valueOf.get(info);
  if (value === undefined) return;
  attribute.valueOf.delete(info);
  const nodes = attribute.values.get(value);
  if (nodes?.delete(info) && nodes.size === 0) attribute.values.delete(value);
}
