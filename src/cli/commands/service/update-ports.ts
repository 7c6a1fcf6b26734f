// `--publish-add` and `--publish-rm`
import type { PortConfig } from "../../../api/types.js";

/** Removed by target port, protocol and mode; the same port given again counts once. */
export function changedPorts(
  before: readonly PortConfig[],
  added: readonly PortConfig[],
  removed: readonly PortConfig[],
): PortConfig[] {
  const byKey = new Map<string, PortConfig>();
  for (const port of [...before.filter((port) => !removed.some((gone) => isSameTarget(gone, port))), ...added]) {
    byKey.set(keyOf(port), port);
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
}

function isSameTarget(a: PortConfig, b: PortConfig): boolean {
  return a.TargetPort === b.TargetPort && (a.Protocol || "tcp") === (b.Protocol || "tcp") && mode(a) === mode(b);
}

function mode({ PublishMode }: PortConfig): string {
  return PublishMode || "ingress";
}

function keyOf(port: PortConfig): string {
  return `${port.PublishedPort ?? 0}:${port.TargetPort ?? 0}/${port.Protocol || "tcp"}/${mode(port)}`;
}
