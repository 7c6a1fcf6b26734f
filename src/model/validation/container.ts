// The container of a task: its image, mounts, healthcheck and times.

import { rpcError } from "../../base/index.js";
import type { Duration } from "../../gen/google/protobuf/duration.js";
import type { ContainerSpec, HealthConfig, Mount } from "../../gen/skep/v1/specs.js";
import { isNegative, nanosecondsOf } from "../duration.js";
import { parseImage } from "../image.js";

/** Shortest time of a healthcheck, in ns: 1 ms. */
const healthTimeMin = 1_000_000n;

export function validateContainer(container: ContainerSpec | undefined): void {
  if (container === undefined) throw rpcError("Unimplemented", "RuntimeSpec: unimplemented runtime in service spec");
  if (container.image === "") throw invalid("image reference must be provided");
  if (parseImage(container.image) === undefined) throw invalid(`"${container.image}" is not a valid repository/tag`);
  validateMounts(container.mounts);
  if (container.healthcheck) validateHealth(container.healthcheck);
  if (isNegative(container.stopGracePeriod)) throw invalid("StopGracePeriod cannot be negative");
}

/** Docker finds a missing target only on the node; here the one who can put it right is told. */
function validateMounts(mounts: readonly Mount[]): void {
  const targets = new Set<string>();
  for (const { target } of mounts) {
    if (target === "") throw invalid("mount target must be provided");
    if (targets.has(target)) throw invalid(`duplicate mount point: ${target}`);
    targets.add(target);
  }
}

function validateHealth(health: HealthConfig): void {
  const times = {
    Interval: health.interval,
    Timeout: health.timeout,
    StartPeriod: health.startPeriod,
    StartInterval: health.startInterval,
  };
  for (const [name, time] of Object.entries(times)) {
    if (isTooShort(time)) throw invalid(`${name} in HealthConfig cannot be less than 1ms`);
  }
  if (health.retries < 0) throw invalid("Retries in HealthConfig cannot be negative");
}

function isTooShort(time: Duration | undefined): boolean {
  const nanoseconds = nanosecondsOf(time);
  return nanoseconds !== 0n && nanoseconds < healthTimeMin;
}

function invalid(message: string) {
  return rpcError("InvalidArgument", `ContainerSpec: ${message}`);
}
