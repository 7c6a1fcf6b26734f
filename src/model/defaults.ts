// Docker's defaults: what a spec means where it says nothing (swarm-semantics §1.7). They fill whole messages, a monitor
// and a restart delay.

import {
  ClusterSpec,
  DnsConfig,
  Placement,
  ResourceRequirements,
  RestartCondition,
  type RestartPolicy,
  type ServiceSpec,
  type TaskSpec,
  type UpdateConfig,
  UpdateFailureAction,
  UpdateOrder,
} from "../gen/skep/v1/specs.js";
import { seconds } from "./duration.js";
import { clusterName } from "./validation/cluster.js";

export const defaultStopGracePeriod = seconds(10);
export const defaultHistoryLimit = 5;
/** What is shown while nobody set it; what it means then: architecture.md "Node loss". */
export const defaultHeartbeatPeriod = seconds(5);
/** 90 days. */
export const defaultCertExpiry = seconds(90 * 24 * 3600);
export const defaultAddressPool: readonly string[] = ["10.0.0.0/8"];
export const defaultSubnetSize = 24;
export const defaultDataPathPort = 4789;

const restart: RestartPolicy = {
  condition: RestartCondition.ANY,
  delay: seconds(5),
  maxAttempts: 0,
  window: undefined,
};

const update: UpdateConfig = {
  parallelism: 1,
  delay: undefined,
  failureAction: UpdateFailureAction.PAUSE,
  monitor: seconds(5),
  maxFailureRatio: 0,
  order: UpdateOrder.STOP_FIRST,
};

/** `?insertDefaults=true`: the spec with everything written out that it leaves to us. */
export function withDefaults(spec: ServiceSpec): ServiceSpec {
  return {
    ...spec,
    task: spec.task && taskWithDefaults(spec.task),
    update: updateWithDefaults(spec.update),
    rollback: updateWithDefaults(spec.rollback),
  };
}

function updateWithDefaults(config: UpdateConfig = update): UpdateConfig {
  return { ...config, monitor: config.monitor ?? update.monitor };
}

function taskWithDefaults(task: TaskSpec): TaskSpec {
  const container = task.container && {
    ...task.container,
    stopGracePeriod: task.container.stopGracePeriod ?? defaultStopGracePeriod,
    dns: task.container.dns ?? DnsConfig.fromPartial({}),
  };
  return {
    ...task,
    container,
    resources: task.resources ?? ResourceRequirements.fromPartial({}),
    restart: { ...(task.restart ?? restart), delay: task.restart?.delay ?? restart.delay },
    placement: task.placement ?? Placement.fromPartial({}),
  };
}

/** The spec of a new cluster: Docker's, the address of every part that was given taking precedence over its default. */
export function initialClusterSpec(asked: ClusterSpec = ClusterSpec.fromPartial({})): ClusterSpec {
  return {
    annotations: { name: asked.annotations?.name || clusterName, labels: asked.annotations?.labels ?? {} },
    orchestration: {
      taskHistoryRetentionLimit: asked.orchestration?.taskHistoryRetentionLimit ?? defaultHistoryLimit,
    },
    raft: {
      snapshotInterval: orElse(asked.raft?.snapshotInterval, 10_000),
      keepOldSnapshots: asked.raft?.keepOldSnapshots ?? 0,
      logEntriesForSlowFollowers: orElse(asked.raft?.logEntriesForSlowFollowers, 500),
      electionTick: orElse(asked.raft?.electionTick, 10),
      heartbeatTick: orElse(asked.raft?.heartbeatTick, 1),
    },
    dispatcher: { heartbeatPeriod: asked.dispatcher?.heartbeatPeriod },
    ca: {
      nodeCertExpiry: asked.ca?.nodeCertExpiry ?? defaultCertExpiry,
      externalCas: asked.ca?.externalCas ?? [],
      signingCaCert: asked.ca?.signingCaCert ?? "",
      signingCaKey: asked.ca?.signingCaKey ?? "",
      forceRotate: asked.ca?.forceRotate ?? 0,
    },
    taskDefaults: { logDriver: asked.taskDefaults?.logDriver },
    encryption: { autoLockManagers: asked.encryption?.autoLockManagers ?? false },
  };
}

function orElse(asked: number | undefined, otherwise: number): number {
  return asked === undefined || asked === 0 ? otherwise : asked;
}
