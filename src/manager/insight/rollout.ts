// How an update would go over the tasks it replaces: order, pace, how many run at every moment, what a failure does.

import type { NodeRoom, PlannedRollout } from "../../api/types.js";
import { type Service, TaskState } from "../../gen/skep/v1/objects.js";
import { type ServiceSpec, UpdateFailureAction, UpdateOrder } from "../../gen/skep/v1/specs.js";
import { type EffectiveUpdate, nodeName, stateOf, updateOf } from "../../model/index.js";
import { askedBy, type NodeInfo } from "../../scheduler/index.js";
import type { View } from "../../store/index.js";
import { isRollingBack } from "../orchestrator/index.js";
import { examine } from "./nodes.js";
import type { TasksBetween } from "./tasks-between.js";
import { networkIdsOf } from "./trial.js";

/** Nodes with room that are named. */
export const roomMax = 10;

export function rolloutOf(view: View, service: Service, spec: ServiceSpec, between: TasksBetween): PlannedRollout {
  const config = updateOf(spec, isRollingBack(service));
  const startFirst = config.order === UpdateOrder.START_FIRST;
  return {
    Slots: between.replaced.length,
    Order: startFirst ? "start-first" : "stop-first",
    Parallelism: config.parallelism === 0 ? between.replaced.length : config.parallelism,
    Delay: config.delayMs * 1e6,
    Monitor: config.monitorMs * 1e6,
    KeepsRunning: keepsRunning(config, between),
    FailureAction: actionOf(config, service),
    MaxFailureRatio: config.maxFailureRatio,
    ...(startFirst ? { Room: roomFor(view, service, spec) } : {}),
  };
}

/** Stop-first takes away as many as are changed at a time; start-first none. Tasks that are scaled away go in any case. */
function keepsRunning({ order, parallelism }: EffectiveUpdate, { replaced, removed, counts }: TasksBetween): number {
  const isRunning = (task: (typeof replaced)[number]): boolean => stateOf(task) === TaskState.RUNNING;
  const running = counts.Running - removed.filter(isRunning).length;
  if (order === UpdateOrder.START_FIRST) return running;
  const exchanged = replaced.filter(isRunning).length;
  return running - (parallelism === 0 ? exchanged : Math.min(parallelism, exchanged));
}

/** An update that has nothing to go back to pauses instead; so does a rollback that fails. */
function actionOf({ failureAction }: EffectiveUpdate, service: Service): PlannedRollout["FailureAction"] {
  if (failureAction === UpdateFailureAction.CONTINUE) return "continue";
  const goesBack = failureAction === UpdateFailureAction.ROLLBACK && !isRollingBack(service);
  return goesBack && service.previousRevision !== undefined ? "rollback" : "pause";
}

function roomFor(view: View, service: Service, spec: ServiceSpec): readonly NodeRoom[] {
  const asked = askedBy(view, service.id, spec, networkIdsOf(view, spec));
  const { nodes } = examine(view, asked, view.table("node").all());
  return nodes
    .filter(({ refused }) => refused === 0)
    .slice(0, roomMax)
    .map(({ info }) => ({ Hostname: nodeName(info.node), Says: freeOn(info), Fits: true }));
}

/** `memory 1.1 of 2.0 GiB free, 3.5 of 4 CPUs free` */
function freeOn(info: NodeInfo): string {
  const offered = info.node.description?.resources;
  const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  const cpus = (nanoCpus: number): string => String(Math.round(nanoCpus / 1e7) / 100);
  return [
    `memory ${gib(info.freeMemory)} of ${gib(offered?.memoryBytes ?? 0)} GiB free`,
    `${cpus(info.freeCpus)} of ${cpus(offered?.nanoCpus ?? 0)} CPUs free`,
  ].join(", ");
}
