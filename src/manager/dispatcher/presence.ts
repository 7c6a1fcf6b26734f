// What the leader knows of one node's being there, and what that says about its status. Pure.

import { millis, type WallTime } from "../../base/index.js";
import type { EngineHealth } from "../../gen/skep/v1/dispatcher.js";
import { NodeState, type NodeStatus } from "../../gen/skep/v1/objects.js";

/** A daemon that said it restarts has this long. */
export const restartMs = 30_000;
/** An engine may be silent for this long before its node counts as lost. */
export const engineGraceMs = 15_000;

/** Docker's word for a node that fell silent (swarm-semantics §6.2). */
export const heartbeatFailure = "heartbeat failure";
const leftMessage = "node is shutting down or leaving the swarm";
const restartOverdue = `daemon did not come back within ${restartMs / 1000} s of its restart`;
const restarting = "daemon restarting since ";

/** Times are monotonic milliseconds of this leader. */
export type Presence =
  /** It has a session, or had one that broke: heartbeats are awaited. */
  | {
      readonly kind: "present";
      readonly lastBeatMs: number;
      readonly dueMs: number;
      readonly isMassHeld: boolean;
      readonly engine: EngineSilence | undefined;
    }
  /** READY in the store when this leader began, not heard of yet. */
  | { readonly kind: "expected"; readonly lastBeatMs: number; readonly dueMs: number; readonly isMassHeld: boolean }
  | { readonly kind: "restarting"; readonly dueMs: number; readonly since: string }
  /** `isSilent`: nobody knows why; otherwise it said that it goes. */
  | { readonly kind: "lost"; readonly lastBeatMs: number; readonly message: string; readonly isSilent: boolean };

export interface EngineSilence {
  readonly downAtMs: number;
  readonly error: string;
}

/** What a node's status should say. */
export interface Verdict {
  readonly state: NodeState;
  readonly message: string;
  readonly suspended: boolean;
}

/** any → present. */
export function present(nowMs: number, graceMs: number, engine: EngineSilence | undefined): Presence {
  return { kind: "present", lastBeatMs: nowMs, dueMs: nowMs + graceMs, isMassHeld: false, engine };
}

/** READY under an earlier leader → expected: it has the grace of a node that may still look for the new one. */
export function expected(nowMs: number, graceMs: number): Presence {
  return { kind: "expected", lastBeatMs: nowMs, dueMs: nowMs + graceMs, isMassHeld: false };
}

/** present → restarting: it said so. */
export function goesToRestart(nowMs: number, wallMs: number): Presence {
  return { kind: "restarting", dueMs: nowMs + restartMs, since: new Date(wallMs).toISOString() };
}

/** The same under an earlier leader; `status` is what that one stored. */
export function restartingBefore(status: NodeStatus, now: { ms: number; wallMs: number }, graceMs: number): Presence {
  const leftMs = millis(status.since) + restartMs - now.wallMs;
  const dueMs = now.ms + Math.min(restartMs, Math.max(graceMs, leftMs));
  return { kind: "restarting", dueMs, since: status.message.slice(restarting.length) };
}

/** present → lost: the machine goes down or the node leaves. */
export function left(nowMs: number): Presence {
  return { kind: "lost", lastBeatMs: nowMs, message: leftMessage, isSilent: false };
}

/** present, expected or restarting → lost: nothing came in time. */
export function lost(presence: Presence): Presence {
  switch (presence.kind) {
    case "present":
    case "expected":
      return { kind: "lost", lastBeatMs: presence.lastBeatMs, message: heartbeatFailure, isSilent: true };
    case "restarting":
      return { kind: "lost", lastBeatMs: presence.dueMs, message: restartOverdue, isSilent: false };
    case "lost":
      return presence;
    default:
      return presence satisfies never;
  }
}

/** What an agent says of its engine, on this leader's clock; undefined for one that answers. */
export function engineSilence(health: EngineHealth | undefined, nowMs: number): EngineSilence | undefined {
  if (health?.silentFor === undefined) return undefined;
  const silentMs = Math.max(0, millis(health.silentFor));
  return { downAtMs: nowMs + Math.max(0, engineGraceMs - silentMs), error: health.error };
}

/** Whether a stored status is that of a daemon that said it restarts. */
export function isRestarting(status: NodeStatus): boolean {
  return status.state === NodeState.READY && status.suspended && status.message.startsWith(restarting);
}

/** What the node's status should say now; undefined: what it says already, nothing new is known. */
export function verdictOf(presence: Presence, nowMs: number): Verdict | undefined {
  switch (presence.kind) {
    case "present":
      return presence.engine ? engineVerdict(presence.engine, nowMs) : ready("");
    case "expected":
      return undefined;
    case "restarting":
      return { ...ready(restarting + presence.since), suspended: true };
    case "lost":
      return { state: NodeState.DOWN, message: presence.message, suspended: false };
    default:
      return presence satisfies never;
  }
}

function engineVerdict({ downAtMs, error }: EngineSilence, nowMs: number): Verdict {
  const message = `engine does not answer: ${error}`;
  if (nowMs >= downAtMs) return { state: NodeState.DOWN, message, suspended: false };
  return { ...ready(message), suspended: true };
}

function ready(message: string): Verdict {
  return { state: NodeState.READY, message, suspended: false };
}

/** The status with the verdict in it; the same object when that says nothing new. `since` is when state or message changed. */
export function withVerdict(status: NodeStatus | undefined, verdict: Verdict, now: WallTime): NodeStatus {
  const { state, message, suspended } = verdict;
  if (status?.state === state && status.message === message && status.suspended === suspended) return status;
  return { state, message, suspended, addr: status?.addr ?? "", since: now };
}
