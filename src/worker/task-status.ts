// A task's status as this node gives it.

import { wallTime } from "../base/index.js";
import type { Container, PullProgress } from "../engine/index.js";
import { type ContainerStatus, TaskState, type TaskStatus } from "../gen/skep/v1/objects.js";
import { portStatus } from "./container/ports.js";
import type { Observed, Report } from "./step.js";

export function statusOf(report: Report, previous: TaskStatus, container: Observed, nowMs: number): TaskStatus {
  return {
    timestamp: wallTime(nowMs),
    state: report.state,
    message: report.message,
    err: report.err ?? "",
    container: containerStatus(container) ?? previous.container,
    ports: report.state === TaskState.RUNNING && !("kind" in container) ? portStatus(container.ports) : [],
    appliedAt: undefined,
  };
}

/** The same state with the progress of a pull: a task that waits says for what. `timestamp` stays when it began. */
export function withProgress(status: TaskStatus, image: string, progress: PullProgress): TaskStatus {
  const { currentBytes, totalBytes } = progress;
  const percent = Math.floor((100 * currentBytes) / totalBytes);
  const amount = totalBytes > 0 ? ` ${megabytes(currentBytes)} of ${megabytes(totalBytes)} MB, ${percent} %` : "";
  return { ...status, message: `preparing: pulling ${image}: ${progress.status}${amount}` };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function containerStatus(container: Observed): ContainerStatus | undefined {
  if ("kind" in container) return undefined;
  const { id, state } = container;
  return { containerId: id, ...pidAndExitCode(state) };
}

function pidAndExitCode(state: Container["state"]): Omit<ContainerStatus, "containerId"> {
  switch (state.kind) {
    case "running":
    case "paused":
      return { pid: state.pid, exitCode: 0 };
    case "exited":
    case "dead":
      return { pid: 0, exitCode: state.exitCode };
    case "created":
    case "restarting":
    case "removing":
      return { pid: 0, exitCode: 0 };
    default:
      return state satisfies never;
  }
}
