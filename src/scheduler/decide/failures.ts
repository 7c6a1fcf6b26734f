// Where tasks failed of late: a node with many failures of one service and revision comes last (swarm-semantics §5.4).

import type { NodeInfo } from "./node-info.js";

/** Failures of a service's revision that make a node a last resort, and how long each counts. */
export const failuresMax = 5;
export const failureWindowMs = 5 * 60_000;

export class Failures {
  /** Times by service and revision, then by node, oldest first. */
  readonly #times = new Map<string, Map<NodeInfo, number[]>>();
  #sweepAtMs = 0;

  add(info: NodeInfo, key: string, atMs: number): void {
    if (atMs >= this.#sweepAtMs) this.#sweep(atMs);
    let nodes = this.#times.get(key);
    if (nodes === undefined) this.#times.set(key, (nodes = new Map()));
    const times = nodes.get(info);
    if (times) times.push(atMs);
    else nodes.set(info, [atMs]);
  }

  /** The nodes with enough failures to count, and how many: fewer is better. */
  penalties(key: string, nowMs: number): ReadonlyMap<NodeInfo, number> {
    const nodes = this.#times.get(key);
    if (nodes === undefined) return none;
    const penalties = new Map<NodeInfo, number>();
    for (const [info, times] of nodes) {
      if (times.length < failuresMax) continue;
      const recent = times.filter((at) => at > nowMs - failureWindowMs).length;
      if (recent >= failuresMax) penalties.set(info, recent);
    }
    return penalties;
  }

  /** A service's revision is of no interest any more. */
  forget(key: string): void {
    this.#times.delete(key);
  }

  forgetNode(info: NodeInfo): void {
    for (const nodes of this.#times.values()) nodes.delete(info);
  }

  /** Once a window, what no longer counts is let go. */
  #sweep(nowMs: number): void {
    this.#sweepAtMs = nowMs + failureWindowMs;
    for (const [key, nodes] of this.#times) {
      for (const [info, times] of nodes) {
        const recent = times.filter((at) => at > nowMs - failureWindowMs);
        if (recent.length > 0) nodes.set(info, recent);
        else nodes.delete(info);
      }
      if (nodes.size === 0) this.#times.delete(key);
    }
  }
}

const none: ReadonlyMap<NodeInfo, number> = new Map();
