// What a create or an update would do, told from a rehearsal: control judges and writes to a draft, the orchestrator looks at
// the service there, the scheduler says where its tasks would go. The draft is thrown away.

import type { Plan } from "../../api/types.js";
import type { Service } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { isJob, isWanted } from "../../model/index.js";
import { type NodeSet, nodeSetBySteps } from "../../scheduler/index.js";
import { specOf, type Transaction, type View } from "../../store/index.js";
import type { Control, ServiceWish } from "../control/index.js";
import { foresee } from "../orchestrator/index.js";
import { modeWord } from "./names.js";
import { placing } from "./placing.js";
import { rolloutOf } from "./rollout.js";
import { tasksBetween } from "./tasks-between.js";

/** A plan, with the specs it goes between. */
export interface Planned {
  readonly plan: Omit<Plan, "Changes">;
  readonly before: ServiceSpec | undefined;
  readonly after: ServiceSpec;
}

/** Resolves once others had their turn. */
export type Turn = () => Promise<void>;

/** Refuses what the change itself would refuse. A swarm of many tasks is looked at in turns, with others in between. */
export async function plan(control: Control, wish: ServiceWish, nowMs: number, turn: Turn): Promise<Planned> {
  const before = control.view;
  control.services.rehearse(wish, () => undefined);
  const nodes = await inTurns(nodeSetBySteps(before, nowMs), turn);
  // The draft lies over what is applied then: what is committed between two turns shows in it, as it would in the change.
  const { draft, id } = control.services.rehearse(wish, (draft, id) => ({ draft, id }));
  return inTurns(planned(wish, { before, nodes, nowMs }, draft, id), turn);
}

async function inTurns<T>(steps: Generator<void, T>, turn: Turn): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await turn();
  }
}

interface Now {
  readonly before: View;
  readonly nodes: NodeSet;
  readonly nowMs: number;
}

function* planned(wish: ServiceWish, now: Now, draft: Transaction, id: string): Generator<void, Planned> {
  const { before, nodes, nowMs } = now;
  const service = serviceIn(draft, id);
  const spec = specOf(draft, service);
  const previous = before.table("service").get(id);
  yield* look(draft, service, spec, nowMs);
  const between = tasksBetween(before, draft, service);
  yield;
  const rollout = between.replaced.length === 0 ? undefined : rolloutOf(draft, service, spec, between);
  const places = yield* placing(draft, { service, spec, between }, nodes, nowMs);
  return {
    before: previous && specOf(before, previous),
    after: spec,
    plan: {
      Action: previous === undefined ? "create" : wish.options.rollback ? "rollback" : "update",
      Name: service.name,
      Mode: modeWord(spec),
      Tasks: between.counts,
      ...(rollout === undefined ? {} : { Rollout: rollout }),
      ...places,
      Warnings: [...warningsOf(previous, spec), ...places.Warnings],
    },
  };
}

/** What the orchestrator does at once; of a job that begins anew also what it does when the old run has stopped. */
function* look(draft: Transaction, { id }: Service, spec: ServiceSpec, nowMs: number): Generator<void, void> {
  let made = 0;
  const moment = { nowMs, newId: () => `planned-${(made += 1)}` };
  yield* foresee(draft, id, moment);
  if (!isJob(spec)) return;
  for (const task of [...draft.table("task").by("service", id)]) if (!isWanted(task)) draft.delete("task", task.id);
  yield* foresee(draft, id, moment);
}

function serviceIn(view: View, id: string): Service {
  const service = view.table("service").get(id);
  if (service === undefined) throw new Error(`service ${id} is in its own draft`);
  return service;
}

function warningsOf(previous: Service | undefined, spec: ServiceSpec): readonly string[] {
  return previous !== undefined && isJob(spec)
    ? ["The job begins anew: what an earlier run has completed does not count."]
    : [];
}
