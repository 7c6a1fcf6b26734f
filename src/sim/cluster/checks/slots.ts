// No slot (of a global service: no node) runs more containers at once than its update order allows: one, or two while start-first
// overlaps them; and no execution of a job more than its max-concurrent in all. What nobody can reach does not count: the
// containers of a node that was given up run on until it is back.

import { millis } from "../../../base/index.js";
import { NodeState, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { type ServiceSpec, UpdateOrder } from "../../../gen/skep/v1/specs.js";
import { type RowChange, revisionId, type View } from "../../../store/index.js";
import type { SimContainer } from "../containers.js";

/** A stop that takes longer than this is not waited for (orchestrator O2). */
const stopWaitMaxMs = 60_000;

/** When the checks look. */
export interface Moment {
  /** Of the run. */
  readonly nowMs: number;
  readonly wallMs: number;
  /** How far the machines' clocks ever ran ahead. */
  readonly gainedMs: number;
}

export class SlotsCheck {
  /** Tasks that were on a node when it was given up. */
  readonly #givenUp = new Set<string>();
  /** When each task was made. */
  readonly #madeAt = new Map<string, Moment>();

  committed(changes: readonly RowChange[], view: View, moment: Moment): void {
    for (const change of changes) {
      if (change.table === "task" && !change.previous) this.#madeAt.set(change.id, moment);
      if (change.table === "task" && !change.row) this.#madeAt.delete(change.id);
      if (change.table === "node" && change.row?.status?.state !== NodeState.READY) this.#giveUp(change.id, view);
      if (change.table === "task" && isWrittenOff(change.row)) this.#givenUp.add(change.id);
    }
  }

  look(containers: readonly SimContainer[], view: View, moment: Moment): readonly string[] {
    const wrong: string[] = [];
    const slots = new Map<string, Task[]>();
    const jobs = new Map<string, number>();
    for (const { taskId, host, isRunning } of containers) {
      if (!isRunning || this.#givenUp.has(taskId)) continue;
      const task = view.table("task").get(taskId);
      if (task === undefined) {
        wrong.push(`a container runs on ${host} for task ${taskId}, which is gone`);
        this.#givenUp.add(taskId);
        continue;
      }
      const key = slotOf(task, view);
      slots.set(key, [...(slots.get(key) ?? []), task]);
      if (isOfPresentRun(task, view)) jobs.set(task.serviceId, (jobs.get(task.serviceId) ?? 0) + 1);
    }
    for (const [serviceId, count] of jobs) {
      const max = maxConcurrent(serviceId, view);
      if (count > max) wrong.push(`job ${serviceId} runs ${count} at once, and not ${max}`);
    }
    for (const [key, tasks] of slots) {
      const max = Math.max(...tasks.map((task) => allowed(task, view)));
      const counted = tasks.filter((task) => !this.#isNotWaitedFor(task, tasks, moment));
      if (counted.length > max) wrong.push(`slot ${key} runs ${counted.map(({ id }) => id).join(" and ")}`);
    }
    return wrong;
  }

  /** Told to stop, and its successor has waited for that as long as it has to. */
  #isNotWaitedFor(task: Task, slot: readonly Task[], moment: Moment): boolean {
    return (
      task.desiredState >= TaskState.SHUTDOWN &&
      slot.some((other) => other.id !== task.id && this.#waitedMs(other, moment) > stopWaitMaxMs)
    );
  }

  /** As any leader's clock may have shown it. */
  #waitedMs({ id, meta }: Task, { nowMs, wallMs, gainedMs }: Moment): number {
    const made = this.#madeAt.get(id);
    const byWallMs = wallMs - millis(meta?.createdAt);
    return made ? Math.max(byWallMs, nowMs - made.nowMs) + gainedMs - made.gainedMs : byWallMs;
  }

  #giveUp(nodeId: string, view: View): void {
    for (const task of view.table("task").by("node", nodeId)) this.#givenUp.add(task.id);
  }
}

/** Tasks of a global service have no number: each node is a slot. An execution of a job is none of another's business. */
function slotOf({ serviceId, slot, nodeId, jobIteration }: Task, view: View): string {
  const isGlobal = modeOf(serviceId, view)?.startsWith("global") ?? slot === 0;
  return `${serviceId}/${isGlobal ? nodeId : slot}${jobIteration === undefined ? "" : `/${jobIteration}`}`;
}

/** A job's task of its present execution. */
function isOfPresentRun({ serviceId, jobIteration }: Task, view: View): boolean {
  if (modeOf(serviceId, view) !== "replicatedJob") return false;
  return (jobIteration ?? 0) === (view.table("service").get(serviceId)?.jobStatus?.iteration ?? 0);
}

function maxConcurrent(serviceId: string, view: View): number {
  const mode = specNow(serviceId, view)?.mode;
  return mode?.$case === "replicatedJob" ? mode.value.maxConcurrent : Number.POSITIVE_INFINITY;
}

function modeOf(serviceId: string, view: View): NonNullable<ServiceSpec["mode"]>["$case"] | undefined {
  return specNow(serviceId, view)?.mode?.$case;
}

function specNow(serviceId: string, view: View): ServiceSpec | undefined {
  const service = view.table("service").get(serviceId);
  return service && view.table("revision").get(revisionId(serviceId, service.revision))?.spec;
}

/** The leader decided that it is over while its container may still run. */
function isWrittenOff(task: Task | undefined): boolean {
  return task?.status?.state === TaskState.ORPHANED || task?.status?.state === TaskState.REJECTED;
}

function allowed(task: Task, view: View): number {
  const service = view.table("service").get(task.serviceId);
  const specs = [task.revision, service?.revision].map((number) =>
    number === undefined ? undefined : view.table("revision").get(revisionId(task.serviceId, number))?.spec,
  );
  return specs.some(isStartFirst) ? 2 : 1;
}

function isStartFirst(spec: ServiceSpec | undefined): boolean {
  return spec?.update?.order === UpdateOrder.START_FIRST || spec?.rollback?.order === UpdateOrder.START_FIRST;
}
