// From one look to the next: has the service converged, is it stable, did its update stop? Pure.
import type { Service, UpdateStatus } from "../../api/types.js";
import type { Observation } from "./observe.js";

export interface Progress {
  readonly isRollback: boolean;
  /** Monotonic milliseconds since when all tasks run. */
  readonly convergedAtMs?: number;
  /** What the update status said when last seen, so that it is told once. */
  readonly toldRollback?: string;
}

export type Verdict =
  | { readonly kind: "wait"; readonly notes: readonly string[] }
  | { readonly kind: "done"; readonly notes: readonly string[] }
  | { readonly kind: "failed"; readonly message: string };

export interface Judgement {
  readonly progress: Progress;
  readonly verdict: Verdict;
}

const defaultMonitorMs = 5000;

export function initialProgress(): Progress {
  return { isRollback: false };
}

/** What the update status alone decides, before the tasks are looked at. */
export function judgeUpdate(progress: Progress, status: UpdateStatus | undefined): Judgement {
  const hasConverged = progress.convergedAtMs !== undefined;
  const message = status?.Message ?? "";
  const wait: Verdict = { kind: "wait", notes: [] };
  const state = status?.State;
  switch (state) {
    case undefined:
      return { progress, verdict: wait };
    case "updating":
      return { progress: { ...progress, isRollback: false }, verdict: wait };
    case "completed":
      return { progress, verdict: hasConverged ? wait : { kind: "done", notes: [] } };
    case "paused":
      return { progress, verdict: { kind: "failed", message: `service update paused: ${message}` } };
    case "rollback_started":
      return {
        progress: { ...progress, isRollback: true, toldRollback: message },
        verdict: { kind: "wait", notes: progress.toldRollback === message ? [] : [`rollback: ${message}`] },
      };
    case "rollback_paused":
      return { progress, verdict: { kind: "failed", message: `service rollback paused: ${message}` } };
    case "rollback_completed":
      return {
        progress: { ...progress, isRollback: true },
        verdict: hasConverged ? wait : { kind: "done", notes: [`rollback: ${message}`] },
      };
    default:
      return state satisfies never;
  }
}

/** What the tasks decide: running, and still running when the monitored time is over. */
export function judgeTasks(
  progress: Progress,
  seen: Observation,
  service: Service,
  name: string,
  nowMs: number,
): Judgement {
  const { convergedAtMs, ...rest } = progress;
  if (!seen.isConverged) {
    const notes = convergedAtMs === undefined ? [] : ["verify: Detected task failure"];
    return { progress: rest, verdict: { kind: "wait", notes } };
  }
  if (seen.isJob) return { progress, verdict: { kind: "done", notes: ["job complete"] } };
  const since = convergedAtMs ?? nowMs;
  const leftMs = monitorMs(service) - (nowMs - since);
  if (leftMs <= 0) return { progress, verdict: { kind: "done", notes: finalNotes(progress, service, name) } };
  const seconds = Math.max(1, Math.ceil(leftMs / 1000));
  return {
    progress: { ...progress, convergedAtMs: since },
    verdict: { kind: "wait", notes: [`verify: Waiting ${seconds} seconds to verify that tasks are stable...`] },
  };
}

function finalNotes({ isRollback }: Progress, { UpdateStatus }: Service, name: string): string[] {
  const rollback =
    isRollback && UpdateStatus?.State === "rollback_completed" ? [`rollback: ${UpdateStatus.Message ?? ""}`] : [];
  return [...rollback, `verify: Service ${name} converged`];
}

function monitorMs({ Spec }: Service): number {
  const nanoseconds = Spec.UpdateConfig?.Monitor ?? 0;
  return nanoseconds === 0 ? defaultMonitorMs : nanoseconds / 1e6;
}
