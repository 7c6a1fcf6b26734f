// The parts of a task that are not its container: resources, restart policy, placement.

import { messageOf, rpcError } from "../../base/index.js";
import type { GenericResource, ResourceRequirements, RestartPolicy, TaskSpec } from "../../gen/skep/v1/specs.js";
import { parseConstraints } from "../constraints.js";
import { isNegative } from "../duration.js";

/** Least nano-CPUs and bytes the kernel can hold a container to. */
const nanoCpusMin = 1_000_000;
const memoryBytesMin = 4 * 1024 * 1024;

export function validateTask(task: TaskSpec): void {
  validateResources(task.resources);
  validateRestart(task.restart);
  validateConstraints(task.placement?.constraints ?? []);
}

function validateResources(resources: ResourceRequirements | undefined): void {
  for (const part of [resources?.limits, resources?.reservations]) {
    if (part === undefined) continue;
    if (part.nanoCpus !== 0 && part.nanoCpus < nanoCpusMin) {
      throw rpcError("InvalidArgument", `invalid cpu value ${goFloat(part.nanoCpus / 1e9)}: Must be at least 0.001`);
    }
    if (part.memoryBytes !== 0 && part.memoryBytes < memoryBytesMin) {
      throw rpcError("InvalidArgument", `invalid memory value ${part.memoryBytes}: Must be at least 4MiB`);
    }
  }
  if ((resources?.limits?.pids ?? 0) < 0) throw rpcError("InvalidArgument", "pids limit cannot be negative");
  for (const generic of resources?.reservations?.generic ?? []) validateGeneric(generic);
}

/** Docker stores a generic resource without a kind or with a negative amount, or crashes; neither can ever be met. */
function validateGeneric({ kind, amount }: GenericResource): void {
  if (kind === "") throw rpcError("InvalidArgument", "generic resource: kind must be provided");
  if (amount === undefined || (amount.$case === "discrete" && amount.value < 1)) {
    throw rpcError("InvalidArgument", `generic resource ${kind}: value must be at least 1`);
  }
}

function validateRestart(restart: RestartPolicy | undefined): void {
  if (isNegative(restart?.delay)) throw rpcError("InvalidArgument", "TaskSpec: restart-delay cannot be negative");
  if (isNegative(restart?.window)) throw rpcError("InvalidArgument", "TaskSpec: restart-window cannot be negative");
}

/** Docker answers 500 here; its texts are matched by tests, so the kind stays (docker-api.md §1.6). */
function validateConstraints(constraints: readonly string[]): void {
  try {
    parseConstraints(constraints);
  } catch (error) {
    throw rpcError("Unknown", messageOf(error));
  }
}

/** A number as Go prints it: an exponent has two digits. */
function goFloat(value: number): string {
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}
