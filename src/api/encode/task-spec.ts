// Our TaskSpec → Docker's.

import type {
  GenericResource,
  LogDriver,
  NetworkAttachmentConfig,
  Placement,
  Platform,
  ResourceRequirements,
  RestartPolicy,
  TaskSpec,
} from "../../gen/skep/v1/specs.js";
import { conditionWords, wordOf } from "../decode/enums.js";
import type {
  GenericResource as GenericJson,
  Labels,
  NetworkAttachmentConfig as NetworkJson,
  Placement as PlacementJson,
  Platform as PlatformJson,
  ResourceLimits,
  ResourceReservations,
  ResourceRequirements as ResourcesJson,
  RestartPolicy as RestartJson,
  TaskSpec as TaskSpecJson,
} from "../types.js";
import { encodeContainer } from "./container.js";
import { compact, nanoseconds, sortedMap } from "./json.js";

/** A task's spec has no runtime, a service's template has (docker-api.md §1.6). */
export function encodeTaskSpec(task: TaskSpec | undefined, within: "service" | "task"): TaskSpecJson {
  return {
    ...(task?.container && { ContainerSpec: encodeContainer(task.container) }),
    ...(task?.resources && { Resources: encodeResources(task.resources) }),
    ...(task?.restart && { RestartPolicy: encodeRestart(task.restart) }),
    ...(task?.placement && { Placement: encodePlacement(task.placement) }),
    ...(task && task.networks.length > 0 && { Networks: task.networks.map(encodeNetwork) }),
    ...(task?.logDriver && { LogDriver: encodeLogDriver(task.logDriver) }),
    ForceUpdate: task?.forceUpdate ?? 0,
    ...(within === "service" && { Runtime: "container" }),
  };
}

export function encodeLogDriver(driver: LogDriver): { readonly Name?: string; readonly Options?: Labels } {
  return compact({ Name: driver.name, Options: sortedMap(driver.options) });
}

export function encodeGeneric({ kind, amount }: GenericResource): GenericJson {
  return amount?.$case === "named"
    ? { NamedResourceSpec: compact({ Kind: kind, Value: amount.value }) }
    : { DiscreteResourceSpec: compact({ Kind: kind, Value: amount?.value ?? 0 }) };
}

function encodeResources({ limits, reservations, swapBytes, memorySwappiness }: ResourceRequirements): ResourcesJson {
  return {
    ...(limits && {
      Limits: compact<ResourceLimits>({
        NanoCPUs: limits.nanoCpus,
        MemoryBytes: limits.memoryBytes,
        Pids: limits.pids,
      }),
    }),
    ...(reservations && {
      Reservations: compact<ResourceReservations>({
        NanoCPUs: reservations.nanoCpus,
        MemoryBytes: reservations.memoryBytes,
        GenericResources: reservations.generic.map(encodeGeneric),
      }),
    }),
    ...(swapBytes === undefined ? {} : { SwapBytes: swapBytes }),
    ...(memorySwappiness === undefined ? {} : { MemorySwappiness: memorySwappiness }),
  };
}

function encodeRestart({ condition, delay, maxAttempts, window }: RestartPolicy): RestartJson {
  return {
    Condition: wordOf(conditionWords, condition),
    ...(delay && { Delay: nanoseconds(delay) }),
    // Docker keeps a number here, so that what was left out comes back as 0.
    MaxAttempts: maxAttempts ?? 0,
    ...(window && { Window: nanoseconds(window) }),
  };
}

function encodePlacement({ constraints, preferences, maxReplicas, platforms }: Placement): PlacementJson {
  return compact<PlacementJson>({
    Constraints: constraints,
    Preferences: preferences.map(({ spread }) => ({ Spread: { SpreadDescriptor: spread } })),
    MaxReplicas: maxReplicas,
    Platforms: platforms.map(encodePlatform),
  });
}

export function encodePlatform({ architecture, os }: Platform): PlatformJson {
  return compact<PlatformJson>({ Architecture: architecture, OS: os });
}

function encodeNetwork({ target, aliases, driverOptions }: NetworkAttachmentConfig): NetworkJson {
  return compact<NetworkJson>({ Target: target, Aliases: aliases, DriverOpts: sortedMap(driverOptions) });
}
