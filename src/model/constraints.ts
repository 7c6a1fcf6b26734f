// Placement constraints: `key==value` and `key!=value`, parsed and held against a node (swarm-semantics §5.6).

import { SwarmError } from "../base/index.js";
import type { Node } from "../gen/skep/v1/objects.js";
import { NodeRole, type ServiceSpec } from "../gen/skep/v1/specs.js";
import { addressMatches } from "./address.js";

export interface Constraint {
  /** As written. */
  readonly key: string;
  readonly equal: boolean;
  readonly value: string;
}

const operators = ["==", "!="] as const;
const keyPattern = /^[a-z_][a-z0-9\-_.]+$/i;
const valuePattern = /^[a-z0-9:\-_\s.*()?+[\]\\^$|/]+$/i;

/** Parses all expressions; the first that is wrong is an InvalidArgument in Docker's words. */
export function parseConstraints(expressions: readonly string[]): readonly Constraint[] {
  return expressions.map(parseConstraint);
}

/** Those of a spec; control refuses what does not parse, and what got through disables them all, as Docker's does. */
export function placementConstraints({ task }: ServiceSpec): readonly Constraint[] {
  try {
    return parseConstraints(task?.placement?.constraints ?? []);
  } catch {
    return [];
  }
}

/** Whether a node satisfies every constraint. */
export function satisfiesAll(node: Node, constraints: readonly Constraint[]): boolean {
  return constraints.every((constraint) => satisfies(node, constraint));
}

/** Whether a node satisfies one constraint; a key that does not exist never matches. */
export function satisfies(node: Node, constraint: Constraint): boolean {
  return matcherOf([constraint])(node);
}

/** `satisfiesAll`, prepared for many nodes. */
export function matcherOf(constraints: readonly Constraint[]): (node: Node) => boolean {
  const matchers = constraints.map(matcherOfOne);
  return (node) => matchers.every((matches) => matches(node));
}

/**
 * What a constraint's key names on a node, as a function; an absent label is "". Undefined where no such key exists.
 */
export function readerOf(key: string): ((node: Node) => string) | undefined {
  const lower = key.toLowerCase();
  // Label keys keep their case: only the prefix is compared without it.
  if (lower.startsWith(nodeLabel)) {
    const label = key.slice(nodeLabel.length);
    return (node) => node.spec?.annotations?.labels[label] ?? "";
  }
  if (lower.startsWith(engineLabel)) {
    const label = key.slice(engineLabel.length);
    return (node) => node.description?.engine?.labels[label] ?? "";
  }
  return subjects[lower];
}

function parseConstraint(expression: string): Constraint {
  for (const operator of operators) {
    const at = expression.indexOf(operator);
    if (at < 0) continue;
    const key = expression.slice(0, at).trim();
    const value = expression.slice(at + operator.length).trim();
    if (!keyPattern.test(key)) throw new SwarmError("InvalidArgument", `key '${key}' is invalid`);
    if (!valuePattern.test(value)) throw new SwarmError("InvalidArgument", `value '${value}' is invalid`);
    return { key, equal: operator === "==", value };
  }
  throw new SwarmError("InvalidArgument", `constraint expected one operator from ${operators.join(", ")}`);
}

const subjects: Readonly<Record<string, (node: Node) => string>> = {
  "node.id": (node) => node.id,
  "node.hostname": (node) => node.description?.hostname ?? "",
  "node.ip": (node) => node.status?.addr ?? "",
  "node.role": (node) => (node.role === NodeRole.MANAGER ? "manager" : "worker"),
  "node.platform.os": (node) => node.description?.platform?.os ?? "",
  "node.platform.arch": (node) => node.description?.platform?.architecture ?? "",
};
const nodeLabel = "node.labels.";
const engineLabel = "engine.labels.";

function matcherOfOne({ key, equal, value }: Constraint): (node: Node) => boolean {
  const read = readerOf(key);
  if (read === undefined) return () => false;
  if (key.toLowerCase() === "node.ip") {
    // An address or a CIDR; what is neither never matches, not even with `!=`.
    return (node) => addressMatches(read(node), value) === equal;
  }
  const wanted = value.toLowerCase();
  return (node) => {
    const actual = read(node);
    return (actual === value || actual.toLowerCase() === wanted) === equal;
  };
}
