// What a service's restart and update settings mean once Docker's defaults are filled in (swarm-semantics §1.7, §3.6, §4).

import { millis } from "../base/index.js";
import {
  RestartCondition,
  type RestartPolicy,
  type ServiceSpec,
  UpdateFailureAction,
  UpdateOrder,
} from "../gen/skep/v1/specs.js";

export const defaultRestartDelayMs = 5_000;
export const defaultMonitorMs = 5_000;

/** A restart policy without holes. */
export interface EffectiveRestart {
  readonly condition: RestartCondition;
  readonly delayMs: number;
  /** 0: without limit. */
  readonly maxAttempts: number;
  /** 0: attempts count for ever. */
  readonly windowMs: number;
}

/** Without a policy a task is restarted always, 5 s after it ended. */
export function restartOf(policy: RestartPolicy | undefined): EffectiveRestart {
  return {
    condition: policy?.condition ?? RestartCondition.ANY,
    delayMs: policy?.delay === undefined ? defaultRestartDelayMs : millis(policy.delay),
    maxAttempts: policy?.maxAttempts ?? 0,
    windowMs: millis(policy?.window),
  };
}

/** The policy of a service's tasks. For jobs `any` means `on-failure`: what completed is done (swarm-semantics §3.5). */
export function restartFor(spec: ServiceSpec): EffectiveRestart {
  const policy = restartOf(spec.task?.restart);
  const condition = isJob(spec) && policy.condition === RestartCondition.ANY ? RestartCondition.ON_FAILURE : undefined;
  return condition === undefined ? policy : { ...policy, condition };
}

/** Update settings without holes. */
export interface EffectiveUpdate {
  /** 0: all slots at once. */
  readonly parallelism: number;
  readonly delayMs: number;
  readonly monitorMs: number;
  readonly maxFailureRatio: number;
  readonly failureAction: UpdateFailureAction;
  readonly order: UpdateOrder;
}

/** The settings of an update or, while rolling back, of a rollback; the same defaults for both. */
export function updateOf(spec: ServiceSpec, rollingBack: boolean): EffectiveUpdate {
  const config = rollingBack ? spec.rollback : spec.update;
  return {
    parallelism: config?.parallelism ?? 1,
    delayMs: millis(config?.delay),
    monitorMs: config?.monitor === undefined ? defaultMonitorMs : millis(config.monitor),
    maxFailureRatio: config?.maxFailureRatio ?? 0,
    failureAction: config?.failureAction ?? UpdateFailureAction.PAUSE,
    order: config?.order ?? UpdateOrder.STOP_FIRST,
  };
}

/** Replicas a replicated service asks for; undefined for the other modes. */
export function replicasOf(spec: ServiceSpec): number | undefined {
  return spec.mode?.$case === "replicated" ? spec.mode.value.replicas : undefined;
}

/** Its tasks are to end by themselves, once for each execution. */
export function isJob({ mode }: ServiceSpec): boolean {
  return mode?.$case === "replicatedJob" || mode?.$case === "globalJob";
}

/** One task on each node: the node is the slot. */
export function isGlobal({ mode }: ServiceSpec): boolean {
  return mode?.$case === "global" || mode?.$case === "globalJob";
}
