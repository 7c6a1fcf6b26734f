// Where the tasks of a planned change would go, and why some would find no node.

import type { ExplainedWait, PlacedTasks, Plan } from "../../api/types.js";
import { wallTime } from "../../base/index.js";
import { type Service, TaskState } from "../../gen/skep/v1/objects.js";
import { UpdateOrder } from "../../gen/skep/v1/specs.js";
import { newTask, updateOf } from "../../model/index.js";
import { askedBy, type NodeSet, type PlannedPlacement } from "../../scheduler/index.js";
import type { Transaction, View } from "../../store/index.js";
import { isRollingBack } from "../orchestrator/index.js";
import { wouldHelp } from "./help.js";
import { hostname, naturally, plural, timeText } from "./names.js";
import { examine, explainNode, refusals } from "./nodes.js";
import type { TasksBetween } from "./tasks-between.js";
import {
  type Change,
  firstExtras,
  isUnplaced,
  networkIdsOf,
  place,
  placedMax,
  type ToPlace,
  toPlace,
  type Unplaced,
} from "./trial.js";
import { namesMax } from "./waits.js";

/** Nodes listed with what they would get. */
export const placesMax = 100;

type Places = Pick<Plan, "Placed" | "PlacedLeftOut" | "Unplaced" | "UnplacedWhy" | "Warnings" | "WouldHelp">;

/** `draft` and `nodes` are left as if the tasks had been placed, so that what then refuses the others can be seen. */
export function* placing(draft: Transaction, change: Change, nodes: NodeSet, nowMs: number): Generator<void, Places> {
  const { service, spec, between } = change;
  const asking = [...between.added, ...between.replaced];
  const tried = toPlace(draft, change, asking.slice(0, placedMax));
  const startFirst = updateOf(spec, isRollingBack(service)).order === UpdateOrder.START_FIRST;
  // Start-first needs room beside the old tasks, for as many as are changed at a time.
  const cramped = startFirst ? firstExtras(draft, change, nodes, nowMs).filter(isUnplaced) : [];
  const gone = [...between.removed, ...between.replaced].map(({ id }) => id);
  const placements = place(draft, tried, { nodes, leaving: gone, nowMs });
  yield;
  const homeless = placements.filter(isUnplaced);
  if (homeless.length > 0) settleDraft(draft, service, tried, { placements, gone });
  const worst = homeless.length > 0 ? homeless : cramped;
  const names = new Map(tried.map(({ taskId, name }) => [taskId, name]));
  const why = worst.length === 0 ? undefined : unplaced(draft, change, { homeless: worst, names, nowMs });
  const listed = countByNode(draft, placements);
  return {
    // Those that cannot start beside the old ones go nowhere yet.
    Placed: cramped.length > 0 ? [] : listed.slice(0, placesMax),
    PlacedLeftOut: Math.max(0, listed.length - placesMax),
    Unplaced: homeless.length,
    ...(why === undefined ? {} : { UnplacedWhy: why.wait }),
    WouldHelp: why?.help ?? [],
    Warnings: warnings({
      between,
      homeless: homeless.length,
      cramped: cramped.length,
      startFirst,
      asked: asking.length,
    }),
  };
}

function settleDraft(
  draft: Transaction,
  { id: serviceId, revision }: Service,
  tried: readonly ToPlace[],
  { placements, gone }: { readonly placements: readonly PlannedPlacement[]; readonly gone: readonly string[] },
): void {
  for (const id of gone) draft.delete("task", id);
  const slots = new Map(tried.map(({ taskId, slot }) => [taskId, slot]));
  for (const { taskId: id, nodeId } of placements) {
    if (nodeId === undefined) continue;
    const task = newTask({ id, serviceId, revision, slot: slots.get(id) ?? 0, now: wallTime(0) });
    draft.put("task", { ...task, nodeId, status: task.status && { ...task.status, state: TaskState.ASSIGNED } });
  }
}

function countByNode(view: View, placements: readonly PlannedPlacement[]): readonly PlacedTasks[] {
  const counts = new Map<string, number>();
  for (const { nodeId } of placements) if (nodeId !== undefined) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  return [...counts]
    .map(([NodeID, Tasks]) => ({ NodeID, Hostname: hostname(view, NodeID), Tasks }))
    .sort((a, b) => b.Tasks - a.Tasks || naturally(a.Hostname, b.Hostname));
}

function unplaced(
  view: View,
  { service, spec }: Change,
  found: {
    readonly homeless: readonly Unplaced[];
    readonly names: ReadonlyMap<string, string>;
    readonly nowMs: number;
  },
): { readonly wait: ExplainedWait; readonly help: readonly string[] } {
  const { homeless, names, nowMs } = found;
  const asked = askedBy(view, service.id, spec, networkIdsOf(view, spec));
  const { nodes, leftOut } = examine(view, asked, view.table("node").all());
  const asker = { serviceName: service.name, constraints: spec.task?.placement?.constraints ?? [] };
  return {
    wait: {
      Stage: "scheduler",
      State: "pending",
      Reason: homeless[0]?.reason ?? "",
      Since: timeText(nowMs),
      Tasks: homeless.slice(0, namesMax).map(({ taskId }) => names.get(taskId) ?? taskId),
      TaskCount: homeless.length,
      Nodes: nodes.map((node) => explainNode(view, node)),
      NodesLeftOut: leftOut,
      Refused: refusals(nodes),
    },
    help: wouldHelp(view, asked, asker, nodes),
  };
}

function warnings(found: {
  readonly between: TasksBetween;
  readonly homeless: number;
  readonly cramped: number;
  readonly startFirst: boolean;
  readonly asked: number;
}): readonly string[] {
  const { between, homeless, cramped, startFirst, asked } = found;
  return [
    ...(asked > placedMax ? [`Only ${placedMax} of ${asked} new tasks were placed on trial.`] : []),
    ...(homeless > 0 ? [`${plural(homeless, "new task")} would find no node and wait.`] : []),
    ...(homeless > 0 && between.replaced.length > 0 && !startFirst
      ? [
          "With order stop-first an old task is stopped before its successor has a node: with --update-order start-first it would run on.",
        ]
      : []),
    ...(homeless === 0 && cramped > 0
      ? [
          "There is no room for a new task beside the old ones: the update would wait for it. With --update-order stop-first it would not.",
        ]
      : []),
  ];
}
