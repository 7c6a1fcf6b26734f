// What a scenario says of a service, in the fewest words; the rest is left to Skep's defaults.

import { wallTime } from "../../base/index.js";
import { simLabel } from "../../engine/embedded/index.js";
import { type DeepPartial, PublishMode, RestartCondition, ServiceSpec, UpdateOrder } from "../../gen/skep/v1/specs.js";

export type Mode = "replicated" | "global" | "replicated-job" | "global-job";

export interface ServiceWish {
  readonly name: string;
  /** Replicated unless said otherwise. */
  readonly mode?: Mode;
  /** Of a replicated job: its completions. */
  readonly replicas?: number;
  readonly maxConcurrent?: number;
  readonly image?: string;
  /** What its containers do: the label `skep.sim` (engine/embedded/label.ts). */
  readonly sim?: string;
  readonly command?: readonly string[];
  readonly restart?: keyof typeof RestartCondition;
  readonly restartDelayMs?: number;
  readonly maxAttempts?: number;
  readonly stopGraceMs?: number;
  readonly constraints?: readonly string[];
  readonly maxReplicasPerNode?: number;
  readonly hostPort?: number;
  readonly nanoCpus?: number;
  readonly memoryBytes?: number;
  readonly order?: keyof typeof UpdateOrder;
  readonly parallelism?: number;
  readonly updateDelayMs?: number;
  readonly monitorMs?: number;
}

export function serviceSpec(wish: ServiceWish): ServiceSpec {
  const spec: DeepPartial<ServiceSpec> = {
    annotations: { name: wish.name },
    task: {
      container: {
        image: wish.image ?? "nginx:latest",
        args: Array.from(wish.command ?? []),
        labels: wish.sim === undefined ? {} : { [simLabel]: wish.sim },
        ...(wish.stopGraceMs !== undefined && { stopGracePeriod: wallTime(wish.stopGraceMs) }),
      },
      ...((wish.nanoCpus ?? wish.memoryBytes) !== undefined && {
        resources: { reservations: { nanoCpus: wish.nanoCpus ?? 0, memoryBytes: wish.memoryBytes ?? 0, generic: [] } },
      }),
      ...((wish.restart ?? wish.restartDelayMs ?? wish.maxAttempts) !== undefined && {
        restart: {
          condition: RestartCondition[wish.restart ?? "ANY"],
          delay: wallTime(wish.restartDelayMs ?? 5_000),
          maxAttempts: wish.maxAttempts ?? 0,
        },
      }),
      placement: { constraints: Array.from(wish.constraints ?? []), maxReplicas: wish.maxReplicasPerNode ?? 0 },
    },
    mode: modeOf(wish),
    update: {
      parallelism: wish.parallelism ?? 1,
      delay: wallTime(wish.updateDelayMs ?? 0),
      monitor: wallTime(wish.monitorMs ?? 5_000),
      order: UpdateOrder[wish.order ?? "STOP_FIRST"],
    },
    ...(wish.hostPort !== undefined && {
      endpoint: { ports: [{ targetPort: 80, publishedPort: wish.hostPort, publishMode: PublishMode.HOST }] },
    }),
  };
  if (isJob(wish)) return ServiceSpec.fromPartial({ ...spec, update: undefined });
  return ServiceSpec.fromPartial(spec);
}

export function isJob({ mode = "replicated" }: ServiceWish): boolean {
  return mode.endsWith("job");
}

function modeOf({ mode = "replicated", replicas = 1, maxConcurrent = 1 }: ServiceWish): ServiceSpec["mode"] {
  switch (mode) {
    case "replicated":
      return { $case: "replicated", value: { replicas } };
    case "global":
      return { $case: "global", value: {} };
    case "replicated-job":
      return { $case: "replicatedJob", value: { totalCompletions: replicas, maxConcurrent } };
    case "global-job":
      return { $case: "globalJob", value: {} };
    default:
      return mode satisfies never;
  }
}
