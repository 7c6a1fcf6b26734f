// Why a service is not what was asked for: one look at its rows, in words and bounded lists.

import type { Explanation, JobExplanation } from "../../api/types.js";
import { millis } from "../../base/index.js";
import { NodeState, type Service, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { isJob, isWanted, stateOf } from "../../model/index.js";
import { slotKey, specOf, type View } from "../../store/index.js";
import { countTasks, findService } from "../control/index.js";
import { failuresOf } from "./failures.js";
import { hintsMax } from "./help.js";
import { lackingNodes } from "./lacking.js";
import { modeWord, timeText } from "./names.js";
import { explainUpdate } from "./update.js";
import { waitsOf } from "./waits.js";

/** `input`: id, name or the beginning of an id. Pure. */
export function explain(view: View, input: string, nowMs: number): Explanation {
  const service = findService(view, input);
  const spec = specOf(view, service);
  const tasks = [...view.table("task").by("service", service.id)];
  const counts = countTasks(view, service);
  const update = explainUpdate(service, spec);
  const { waits, leftOut, hints } = waitsOf(view, service, tasks);
  const { failures, leftOut: failuresLeftOut } = failuresOf(view, service, slotsOf(tasks), nowMs);
  return {
    At: timeText(nowMs),
    ID: service.id,
    Name: service.name,
    Mode: modeWord(spec),
    Running: tasks.filter((task) => runs(view, task)).length,
    Desired: counts.desired,
    ...(isJob(spec) ? { Job: jobOf(service, spec, counts.completed) } : {}),
    ...(update === undefined ? {} : { Update: update }),
    Waits: waits,
    Failures: failures,
    Lacking: spec.mode?.$case === "global" ? lackingNodes(view, service, spec, tasks) : [],
    LeftOut: { Waits: leftOut, Failures: failuresLeftOut },
    WouldHelp: [...new Set(hints)].slice(0, hintsMax),
  };
}

/** As far as anybody knows: what ran on a node that is down is not counted, nor what is told to stop. */
function runs(view: View, task: Task): boolean {
  if (!isWanted(task) || stateOf(task) !== TaskState.RUNNING) return false;
  return view.table("node").get(task.nodeId)?.status?.state !== NodeState.DOWN;
}

function slotsOf(tasks: readonly Task[]): Iterable<readonly Task[]> {
  const slots = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = slotKey(task.serviceId, task.slot, task.nodeId);
    const slot = slots.get(key);
    if (slot) slot.push(task);
    else slots.set(key, [task]);
  }
  return slots.values();
}

function jobOf(service: Service, spec: ServiceSpec, completed: number): JobExplanation {
  const total = spec.mode?.$case === "replicatedJob" ? spec.mode.value.totalCompletions : undefined;
  return {
    Iteration: service.jobStatus?.iteration ?? 0,
    Completed: completed,
    ...(total === undefined ? {} : { Total: total }),
    ...(service.jobStatus?.lastExecution === undefined
      ? {}
      : { LastStarted: timeText(millis(service.jobStatus.lastExecution)) }),
  };
}
