// A service's world for the orchestrator's pure decisions, built from values.

import { wallTime } from "../../src/base/index.js";
import type { Node, Service, Task, UpdateStatus } from "../../src/gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../src/gen/skep/v1/specs.js";
import type { Change, Step } from "../../src/manager/orchestrator/change.js";
import type { World } from "../../src/manager/orchestrator/world.js";
import { placementConstraints, satisfiesAll } from "../../src/model/index.js";
import { aService, type ServiceOptions, stateName } from "./memory.js";

/** When the tests take place, in milliseconds. */
export const nowMs = 1_000_000;

export interface WorldOptions extends ServiceOptions {
  readonly nodes?: readonly Node[];
  /** Specs of older revisions, by number. */
  readonly older?: Readonly<Record<number, ServiceSpec>>;
  readonly updateStatus?: UpdateStatus;
  readonly previousRevision?: number;
  readonly atMs?: number;
  /** How long whoever stops has been waited for. */
  readonly stopWaitedMs?: number;
}

export function aWorld(options: WorldOptions = {}): World {
  const { service, spec } = aService({ id: "service", ...options });
  const nodes = new Map((options.nodes ?? []).map((node) => [node.id, node]));
  const atMs = options.atMs ?? nowMs;
  const extra: Partial<Service> = {
    ...(options.updateStatus ? { updateStatus: options.updateStatus } : {}),
    ...(options.previousRevision === undefined ? {} : { previousRevision: options.previousRevision }),
  };
  let ids = 0;
  return {
    service: { ...service, ...extra },
    spec,
    nowMs: atMs,
    now: wallTime(atMs),
    madeOf: (task) => options.older?.[task.revision] ?? spec,
    node: (id) => nodes.get(id),
    nodes: () => nodes.values(),
    fits: (node) => satisfiesAll(node, placementConstraints(spec)),
    stopWaitMs: (_, maxMs) => Math.max(0, maxMs - (options.stopWaitedMs ?? 0)),
    newId: () => `new-${++ids}`,
  };
}

/** Steps as lines a person reads, one per change; changes of one step joined by " + ". */
export function lines(steps: readonly Step[]): readonly string[] {
  return steps.map((step) => step.map(line).join(" + "));
}

function line(change: Change): string {
  switch (change.kind) {
    case "create":
      return `create ${change.task.slot || change.task.nodeId} ${stateName(change.task.desiredState)} r${change.task.revision}`;
    case "desire":
      return `${change.taskId} ${stateName(change.desired)}`;
    case "record":
      return `record ${change.taskId}`;
    case "delete":
      return `delete ${change.taskId}`;
    case "countFailure":
      return "count failure";
    case "updateStatus":
    case "rollback":
      return `${change.kind} ${change.status.message} ${change.status.done}/${change.status.total}`;
    default:
      return change satisfies never;
  }
}

/** The tasks a decision creates. */
export function created(steps: readonly Step[]): readonly Task[] {
  return steps.flat().flatMap((change) => (change.kind === "create" ? [change.task] : []));
}
