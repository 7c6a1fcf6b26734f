// An update that is under way, paused or was rolled back: how far it is, and what makes it go on.

import type { UpdateExplanation } from "../../api/types.js";
import { type Service, UpdateState } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { updateOf } from "../../model/index.js";
import { plural, timeOf } from "./names.js";

/** Undefined: there is none to speak of. */
export function explainUpdate(service: Service, spec: ServiceSpec): UpdateExplanation | undefined {
  const status = service.updateStatus;
  if (status === undefined || status.state === UpdateState.COMPLETED || status.state === UpdateState.UNKNOWN)
    return undefined;
  return {
    State: words[status.state] ?? "",
    Message: status.message,
    ...(status.startedAt === undefined ? {} : { StartedAt: timeOf(status.startedAt) }),
    Total: status.total,
    Done: status.done,
    Failed: status.failed,
    Next: nextOf(service, spec, status.state),
  };
}

/** Docker's. */
const words: Readonly<Record<number, string>> = {
  [UpdateState.UPDATING]: "updating",
  [UpdateState.PAUSED]: "paused",
  [UpdateState.ROLLBACK_STARTED]: "rollback_started",
  [UpdateState.ROLLBACK_PAUSED]: "rollback_paused",
  [UpdateState.ROLLBACK_COMPLETED]: "rollback_completed",
};

function nextOf(service: Service, spec: ServiceSpec, state: UpdateState): string {
  switch (state) {
    case UpdateState.PAUSED: {
      const back = service.previousRevision === undefined ? "" : `; 'skep service rollback ${service.name}' goes back`;
      return `nothing until somebody acts: 'skep service update ${service.name}' goes on as it is, with flags it also changes the spec${back}`;
    }
    case UpdateState.ROLLBACK_PAUSED:
      return `nothing until somebody acts: 'skep service update ${service.name}' goes on with it`;
    case UpdateState.ROLLBACK_COMPLETED:
      return "it runs as before the update; a new update may be tried";
    default:
      return `it goes on by itself, ${paceOf(spec, state === UpdateState.ROLLBACK_STARTED)}`;
  }
}

function paceOf(spec: ServiceSpec, rollingBack: boolean): string {
  const { parallelism, delayMs, monitorMs } = updateOf(spec, rollingBack);
  const pace = parallelism === 0 ? "all tasks at once" : `${plural(parallelism, "task")} at a time`;
  const delay = delayMs === 0 ? "" : `, ${delayMs / 1000} s apart`;
  return `${pace}${delay}, each watched for ${monitorMs / 1000} s`;
}
