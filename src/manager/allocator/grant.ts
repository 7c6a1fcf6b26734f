// What a new task is granted before it is scheduled. Until there are overlay networks: the node-local ones it names.

import type { WallTime } from "../../base/index.js";
import { type Network, type Task, TaskState, type TaskWait, WaitStage } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";

export type Grant =
  | { readonly kind: "granted"; readonly networkIds: readonly string[] }
  /** It waits: `reason` in a user's words. */
  | { readonly kind: "waiting"; readonly reason: string };

/** Looks up the networks a spec names, by id or by name. */
export function grant(spec: ServiceSpec, find: (idOrName: string) => Network | undefined): Grant {
  const networkIds: string[] = [];
  for (const { target } of spec.task?.networks ?? []) {
    const network = find(target);
    if (network === undefined) return { kind: "waiting", reason: `network ${target} not found` };
    networkIds.push(network.id);
  }
  return { kind: "granted", networkIds };
}

/** The status of a task the allocator is done with: "pending task scheduling". */
export function pendingStatus(task: Task, now: WallTime): NonNullable<Task["status"]> {
  return {
    container: undefined,
    ports: [],
    ...task.status,
    timestamp: now,
    appliedAt: now,
    state: TaskState.PENDING,
    message: "pending task scheduling",
    err: "",
  };
}

/** What holds a NEW task back; the same object while nothing changed. */
export function waitOf(task: Task, reason: string, now: WallTime): TaskWait {
  const wait = task.wait;
  if (wait?.stage === WaitStage.ALLOCATOR && wait.reason === reason) return wait;
  return { stage: WaitStage.ALLOCATOR, reason, since: wait?.stage === WaitStage.ALLOCATOR ? wait.since : now };
}
