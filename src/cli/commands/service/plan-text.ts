// A plan as a person reads it: what changes, how many tasks, in which order, where they go, what a failure does.
import type { NodeRoom, Plan, PlannedRollout } from "../../../api/types.js";
import type { Paint } from "../../colour.js";
import { showDuration } from "../../flags/quantities.js";
import { changeLines } from "./change-lines.js";
import { helpLines, plural, waitLines } from "./explain-text.js";

export function planText(plan: Plan, paint: Paint): string {
  const lines = [
    ...changeLines(plan.Changes, paint),
    sentences([...tasksText(plan), ...(plan.Rollout === undefined ? [] : rolloutText(plan.Rollout))]),
    ...placedLines(plan),
    ...(plan.UnplacedWhy === undefined ? [] : unplacedLines(plan, paint)),
    ...plan.Warnings.map((warning) => `WARNING: ${warning}`),
    ...helpLines(plan.WouldHelp),
    sentences([...(plan.Rollout === undefined ? [] : [failureText(plan.Rollout)]), ...endText(plan)]),
  ];
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}

function sentences(parts: readonly string[]): string {
  return parts.join(" ");
}

function tasksText({ Action, Name, Tasks, Changes }: Plan): readonly string[] {
  if (Action === "create") return [`${Name} would be created with ${plural(Tasks.After, "task")}.`];
  const { Added, Removed, Replaced, Kept, Running } = Tasks;
  const none = Added + Removed + Replaced === 0;
  if (none && Changes.length === 0)
    return [`Nothing would change: ${Name} is as asked, ${plural(Running, "task")} running.`];
  if (none)
    return [`No task would be replaced: ${plural(Kept, "task")} would go on as ${Kept === 1 ? "it is" : "they are"}.`];
  return [
    ...(Added === 0 ? [] : [`${plural(Added, "task")} would be added.`]),
    ...(Removed === 0 ? [] : [`${plural(Removed, "task")} would be removed.`]),
  ];
}

function rolloutText({ Order, Parallelism, Delay, KeepsRunning, Room, ...rollout }: PlannedRollout): readonly string[] {
  const { Slots } = rollout;
  const pace = Parallelism >= Slots ? (Slots === 1 ? "" : ", all at once") : `, ${countWord(Parallelism)} at a time`;
  const delay = Delay === 0 || Parallelism >= Slots ? "" : `, ${showDuration(Delay)} apart`;
  const how =
    Order === "start-first" ? "each new one before the old one stops" : "each old one before the new one starts";
  return [
    `${plural(Slots, "task")} would be replaced${pace}${delay}, ${how}; at least ${KeepsRunning} stay running.`,
    ...(Room === undefined ? [] : [roomText(Room)]),
  ];
}

function countWord(count: number): string {
  return ["none", "one", "two", "three", "four", "five"][count] ?? String(count);
}

function roomText(room: readonly NodeRoom[]): string {
  const [first, ...others] = room;
  if (first === undefined) return "No node has room for an extra one.";
  const shown = others.slice(0, roomShown).map(({ Hostname }) => Hostname);
  const more = others.length > roomShown ? " and more" : "";
  const too = shown.length === 0 ? "" : `; ${shown.join(", ")}${more} too`;
  return `${first.Hostname} has room for the extra one (${first.Says})${too}.`;
}

const roomShown = 3;

function placedLines({ Placed, PlacedLeftOut, Tasks }: Plan): readonly string[] {
  if (Placed.length === 0) return [];
  const shown = Placed.slice(0, placedShown).map((place) => `${place.Tasks} on ${place.Hostname}`);
  const left = Placed.length - shown.length + PlacedLeftOut;
  const more = left > 0 ? ` and ${left} more` : "";
  const what = Tasks.Added + Tasks.Replaced === 1 ? "The new task would go" : "The new tasks would go";
  return [`${what}: ${shown.join(", ")}${more}.`];
}

const placedShown = 10;

function unplacedLines({ UnplacedWhy: why }: Plan, paint: Paint): readonly string[] {
  if (why === undefined) return [];
  const [, ...table] = waitLines(why, 0, paint);
  return [`${plural(why.TaskCount, "task")} would wait: ${why.Reason}.`, ...table];
}

function failureText({ FailureAction, MaxFailureRatio, Monitor }: PlannedRollout): string {
  const share = Number((MaxFailureRatio * 100).toPrecision(4));
  const monitor = showDuration(Monitor);
  const within =
    share === 0
      ? `if one fails within ${monitor} of its start.`
      : `if more than ${share} % fail within ${monitor} of their start.`;
  switch (FailureAction) {
    case "rollback":
      return `Rolls back by itself ${within}`;
    case "pause":
      return `Pauses ${within}`;
    case "continue":
      return "Goes on whatever fails.";
    default:
      return FailureAction satisfies never;
  }
}

function endText(plan: Plan): readonly string[] {
  const { Added, Removed, Replaced } = plan.Tasks;
  const isNothing = plan.Changes.length + Added + Removed + Replaced === 0;
  return isNothing ? [] : ["Nothing was changed.", doIt(plan)];
}

function doIt({ Action, Name }: Plan): string {
  if (Action === "create") return "Leave out --plan to do it.";
  if (Action === "rollback") return `Run 'skep service rollback ${Name}' to do it.`;
  return `Run 'skep service update …' with the same flags to do it.`;
}
