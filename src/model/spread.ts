// Placement preferences: which labels a service's tasks are spread over, and where a node stands in that (§5.4).

import type { Node } from "../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../gen/skep/v1/specs.js";

/** Label descriptors to spread over, outermost first; others are ignored, as Docker does. */
export function spreadOf(spec: ServiceSpec): readonly string[] {
  const preferences = spec.task?.placement?.preferences ?? [];
  return preferences.map((preference) => preference.spread).filter((spread) => labelPattern.test(spread));
}

const labelPattern = /^(node|engine)\.labels\../i;

/** A node's value for each descriptor; absent is "", which is a value like others. */
export function spreadPath(node: Node, spread: readonly string[]): readonly string[] {
  return spread.map((descriptor) => labelOf(node, descriptor));
}

/** The value of a `node.labels.x` or `engine.labels.x` descriptor; the prefix without regard to case. */
function labelOf(node: Node, descriptor: string): string {
  const [area = "", , ...key] = descriptor.split(".");
  const labels = area.toLowerCase() === "node" ? node.spec?.annotations?.labels : node.description?.engine?.labels;
  return labels?.[key.join(".")] ?? "";
}
