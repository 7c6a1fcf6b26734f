// What a service may ask for, checked before anything is stored: the rules and words of swarm-semantics §1.6.

import { rpcError } from "../../base/index.js";
import type { ServiceSpec, UpdateConfig } from "../../gen/skep/v1/specs.js";
import { isNegative } from "../duration.js";
import { validateName } from "../names.js";
import { validateContainer } from "./container.js";
import { validateEndpoint } from "./endpoint.js";
import { validateTask } from "./task.js";

/** Refuses the first thing that is wrong. What needs the cluster's state to judge is not judged here. */
export function validateService(spec: ServiceSpec): void {
  validateName(spec.annotations?.name ?? "");
  if (spec.task === undefined) throw rpcError("InvalidArgument", "task spec must be provided");
  validateTask(spec.task);
  validateContainer(spec.task.container);
  validateUpdate(spec.update);
  validateUpdate(spec.rollback);
  validateEndpoint(spec.endpoint);
  validateMode(spec);
}

/** Docker checks the update alone; a rollback with a wrong ratio would be found out only when it is needed. */
function validateUpdate(config: UpdateConfig | undefined): void {
  if (config === undefined) return;
  if (isNegative(config.delay)) throw invalid("TaskSpec: update-delay cannot be negative");
  if (isNegative(config.monitor)) throw invalid("TaskSpec: update-monitor cannot be negative");
  if (!(config.maxFailureRatio >= 0 && config.maxFailureRatio <= 1)) {
    throw invalid("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
  }
}

function validateMode(spec: ServiceSpec): void {
  const isJob = spec.mode?.$case === "replicatedJob" || spec.mode?.$case === "globalJob";
  if (isJob && spec.update !== undefined) throw invalid("Jobs may not have an update config");
  if (spec.mode === undefined) throw invalid("Unrecognized service mode");
}

function invalid(message: string) {
  return rpcError("InvalidArgument", message);
}
