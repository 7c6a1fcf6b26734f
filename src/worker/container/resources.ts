// A task's limits and granted resources → the engine's. Reservations are the scheduler's business and never reach an engine.

import type { HostConfig } from "../../engine/index.js";
import type { GenericResource, ResourceRequirements } from "../../gen/skep/v1/specs.js";

export function resourceLimits(resources: ResourceRequirements | undefined): HostConfig {
  const limits = resources?.limits;
  const memory = limits?.memoryBytes ?? 0;
  const swap = resources?.swapBytes;
  return {
    ...(limits && limits.nanoCpus > 0 && { NanoCpus: limits.nanoCpus }),
    ...(memory > 0 && { Memory: memory }),
    ...(memory > 0 && swap !== undefined && { MemorySwap: swap < 0 ? -1 : memory + swap }),
    ...(resources?.memorySwappiness !== undefined && { MemorySwappiness: resources.memorySwappiness }),
    ...(limits && limits.pids > 0 && { PidsLimit: limits.pids }),
  };
}

/** `DOCKER_RESOURCE_<KIND>=…`: a number, or the values of a named set in order. */
export function genericEnv(granted: readonly GenericResource[]): readonly string[] {
  const values = new Map<string, string[]>();
  for (const { kind, amount } of granted) {
    if (!amount) continue;
    const value = String(amount.value);
    const key = `DOCKER_RESOURCE_${kind.toUpperCase()}`;
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return [...values].map(([key, list]) => `${key}=${list.join(",")}`);
}
