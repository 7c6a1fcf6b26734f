// Who is there: heartbeats in, verdicts out. Synchronous bookkeeping on monotonic times; it reads no clock.

import type { EngineHealth } from "../../gen/skep/v1/dispatcher.js";
import { type Node, NodeState } from "../../gen/skep/v1/objects.js";
import {
  engineSilence,
  expected,
  goesToRestart,
  isRestarting,
  left,
  lost,
  type Presence,
  present,
  restartingBefore,
  type Verdict,
  verdictOf,
} from "./presence.js";

/** Beats a node may miss. */
export const graceBeats = 3;
/** A new leader gives the nodes this much longer, to find it. */
const newLeaderMs = 2_000;
/** Whenever one has found it, the others have this much time again: they may be waiting for their turn. */
const foundMs = 3_000;
/** When most nodes fall silent at once, none is believed lost before this; nor for longer because others still come. */
const massMs = 15_000;
/** Fewer nodes than this say nothing about each other. */
const massNodesMin = 4;

export class Liveness {
  readonly #nodes = new Map<string, Presence>();
  /** When the last node that this leader expected came. */
  #foundMs = Number.NEGATIVE_INFINITY;

  /** The leader begins: what the node's row says is believed until its grace is over. */
  expect(node: Node, now: { readonly ms: number; readonly wallMs: number }, periodMs: number): void {
    const { status } = node;
    if (this.#nodes.has(node.id) || status?.state !== NodeState.READY) return;
    const graceMs = graceBeats * periodMs + newLeaderMs;
    const presence = isRestarting(status) ? restartingBefore(status, now, graceMs) : expected(now.ms, graceMs);
    this.#nodes.set(node.id, presence);
  }

  /** any → present, with what the agent says of its engine. */
  open(nodeId: string, nowMs: number, periodMs: number, engine: EngineHealth | undefined): void {
    if (this.#nodes.get(nodeId)?.kind === "expected") this.#foundMs = nowMs;
    this.#nodes.set(nodeId, present(nowMs, graceBeats * periodMs, engineSilence(engine, nowMs)));
  }

  /** Returns how long the node was silent; undefined for one that counts as gone, whose beat is not heard. */
  beat(nodeId: string, nowMs: number, periodMs: number): number | undefined {
    const before = this.#nodes.get(nodeId);
    if (before?.kind !== "present") return undefined;
    this.#nodes.set(nodeId, present(nowMs, graceBeats * periodMs, before.engine));
    return nowMs - before.lastBeatMs;
  }

  /** Whatever else a node says shows that it lives, too. A beat alone ends that its death is held back. */
  heard(nodeId: string, nowMs: number): void {
    const before = this.#nodes.get(nodeId);
    if (before?.kind !== "present" || before.isMassHeld) return;
    this.#nodes.set(nodeId, present(nowMs, graceOf(before), before.engine));
  }

  engine(nodeId: string, nowMs: number, health: EngineHealth): void {
    const before = this.#nodes.get(nodeId);
    if (before?.kind === "present") this.#nodes.set(nodeId, { ...before, engine: engineSilence(health, nowMs) });
  }

  restart(nodeId: string, nowMs: number, wallMs: number): void {
    this.#nodes.set(nodeId, goesToRestart(nowMs, wallMs));
  }

  leave(nodeId: string, nowMs: number): void {
    this.#nodes.set(nodeId, left(nowMs));
  }

  /** The node's row is gone. */
  forget(nodeId: string): void {
    this.#nodes.delete(nodeId);
  }

  /** What the node's status should say; undefined: nothing new is known. */
  verdict(nodeId: string, nowMs: number): Verdict | undefined {
    const presence = this.#nodes.get(nodeId);
    return presence && verdictOf(presence, nowMs);
  }

  /** This leader stood still for `stallMs`: what the nodes said meanwhile is still to be read. */
  shift(stallMs: number): void {
    this.#foundMs += stallMs;
    for (const [nodeId, presence] of this.#nodes) this.#nodes.set(nodeId, later(presence, stallMs));
  }

  /** Marks those whose time is over as lost. Returns the nodes whose verdict may have changed, and when to look again. */
  judge(nowMs: number): { readonly changed: readonly string[]; readonly nextMs: number } {
    if (this.#isMassDeath(nowMs)) this.#hold(nowMs);
    const changed: string[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [nodeId, presence] of this.#nodes) {
      if (presence.kind === "lost") continue;
      const engineMs = presence.kind === "present" ? presence.engine?.downAtMs : undefined;
      const dueMs = this.#dueMs(presence);
      if (dueMs <= nowMs) {
        this.#nodes.set(nodeId, lost(presence));
        changed.push(nodeId);
        continue;
      }
      nextMs = Math.min(nextMs, dueMs);
      if (engineMs === undefined) continue;
      if (engineMs <= nowMs) changed.push(nodeId);
      else nextMs = Math.min(nextMs, engineMs);
    }
    return { changed, nextMs };
  }

  isLost(nodeId: string): boolean {
    return this.#nodes.get(nodeId)?.kind === "lost";
  }

  /** While nodes still come to a new leader, one after the other, those that wait for their turn are not lost. */
  #dueMs(presence: Exclude<Presence, { readonly kind: "lost" }>): number {
    const { kind, dueMs } = presence;
    if (kind !== "expected") return dueMs;
    return Math.max(dueMs, Math.min(this.#foundMs + foundMs, presence.lastBeatMs + massMs));
  }

  /** Whether more than half of the nodes fell silent within one grace of the first whose time is over now. */
  #isMassDeath(nowMs: number): boolean {
    const first = this.#firstDue(nowMs);
    if (!first) return false;
    let total = 0;
    let silent = 0;
    for (const presence of this.#nodes.values()) {
      const isTogether = isNear(presence, first);
      if (presence.kind !== "lost" || isTogether) total += 1;
      if (isTogether && isSilent(presence, nowMs)) silent += 1;
    }
    return total >= massNodesMin && silent * 2 > total;
  }

  #firstDue(nowMs: number): Beating | undefined {
    let first: Beating | undefined;
    for (const presence of this.#nodes.values()) {
      if (!isBeating(presence) || presence.isMassHeld || this.#dueMs(presence) > nowMs) continue;
      if (!first || presence.lastBeatMs < first.lastBeatMs) first = presence;
    }
    return first;
  }

  /** Silent nodes wait for `massMs`; their next beat ends that. */
  #hold(nowMs: number): void {
    for (const [nodeId, presence] of this.#nodes) {
      if (!isBeating(presence) || presence.isMassHeld || !isSilent(presence, nowMs)) continue;
      const dueMs = presence.lastBeatMs + Math.max(massMs, 2 * graceOf(presence));
      this.#nodes.set(nodeId, { ...presence, dueMs, isMassHeld: true });
    }
  }
}

type Beating = Extract<Presence, { readonly kind: "present" | "expected" }>;

function isBeating(presence: Presence): presence is Beating {
  return presence.kind === "present" || presence.kind === "expected";
}

function graceOf(presence: Beating): number {
  return presence.dueMs - presence.lastBeatMs;
}

/** Two of three beats are missing: nodes that fell silent together are seen together, whenever in its period each beat last. */
function isSilent(presence: Presence, nowMs: number): boolean {
  if (presence.kind === "lost") return presence.isSilent;
  if (!isBeating(presence)) return false;
  return presence.isMassHeld || nowMs - presence.lastBeatMs >= (graceOf(presence) * (graceBeats - 1)) / graceBeats;
}

function isNear(presence: Presence, first: Beating): boolean {
  if (presence.kind === "restarting") return false;
  return Math.abs(presence.lastBeatMs - first.lastBeatMs) <= graceOf(first);
}

function later(presence: Presence, byMs: number): Presence {
  switch (presence.kind) {
    case "present": {
      const { engine } = presence;
      const laterEngine = engine && { ...engine, downAtMs: engine.downAtMs + byMs };
      return { ...beatLater(presence, byMs), engine: laterEngine };
    }
    case "expected":
      return beatLater(presence, byMs);
    case "restarting":
      return { ...presence, dueMs: presence.dueMs + byMs };
    case "lost":
      return presence;
    default:
      return presence satisfies never;
  }
}

function beatLater<P extends Beating>(presence: P, byMs: number): P {
  return { ...presence, lastBeatMs: presence.lastBeatMs + byMs, dueMs: presence.dueMs + byMs };
}
