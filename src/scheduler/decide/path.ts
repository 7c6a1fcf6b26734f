// Where a node stands in the tree of placement preferences: its value for each label to spread over.

import type { Node } from "../../gen/skep/v1/objects.js";

export function pathOf(node: Node, spread: readonly string[]): readonly string[] {
  return spread.map((descriptor) => labelOf(node, descriptor));
}

/** The value of a `node.labels.x` or `engine.labels.x` descriptor; the prefix without regard to case, absent is "". */
function labelOf(node: Node, descriptor: string): string {
  const [area = "", , ...key] = descriptor.split(".");
  const labels = area.toLowerCase() === "node" ? node.spec?.annotations?.labels : node.description?.engine?.labels;
  return labels?.[key.join(".")] ?? "";
}
