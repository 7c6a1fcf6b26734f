// Placement constraints: `key==value` and `key!=value`, parsed and held against a node (swarm-semantics §5.6).

import { SwarmError } from "../base/index.js";
import type { Node } from "../gen/skep/v1/objects.js";
import { NodeRole } from "../gen/skep/v1/specs.js";
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

/** Whether a node satisfies every constraint. */
export function satisfiesAll(node: Node, constraints: readonly Constraint[]): boolean {
  return constraints.every((constraint) => satisfies(node, constraint));
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

/** What a key names on a node; an absent label counts as "". */
const subjects: Readonly<Record<string, (node: Node) => string>> = {
  "node.id": (node) => node.id,
  "node.hostname": (node) => node.description?.hostname ?? "",
  "node.role": (node) => (node.role === NodeRole.MANAGER ? "manager" : "worker"),
  "node.platform.os": (node) => node.description?.platform?.os ?? "",
  "node.platform.arch": (node) => node.description?.platform?.architecture ?? "",
};
const nodeLabel = "node.labels.";
const engineLabel = "engine.labels.";

function satisfies(node: Node, constraint: Constraint): boolean {
  const key = constraint.key.toLowerCase();
  if (key === "node.ip") return satisfiesAddress(node, constraint);
  const subject = subjects[key];
  if (subject) return compare(subject(node), constraint);
  // Label keys keep their case: only the prefix is compared without it.
  if (key.startsWith(nodeLabel)) {
    return compare(node.spec?.annotations?.labels[constraint.key.slice(nodeLabel.length)] ?? "", constraint);
  }
  if (key.startsWith(engineLabel)) {
    return compare(node.description?.engine?.labels[constraint.key.slice(engineLabel.length)] ?? "", constraint);
  }
  return false;
}

function compare(actual: string, constraint: Constraint): boolean {
  return (actual.toLowerCase() === constraint.value.toLowerCase()) === constraint.equal;
}

/** An address or a CIDR; what is neither never matches, not even with `!=`. */
function satisfiesAddress(node: Node, constraint: Constraint): boolean {
  const matches = addressMatches(node.status?.addr ?? "", constraint.value);
  return matches !== undefined && matches === constraint.equal;
}
