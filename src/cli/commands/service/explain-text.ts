// An explanation as sentences: how many run, what each of the others waits for, what failed, what would help.
import type {
  ExplainedFailure,
  ExplainedWait,
  Explanation,
  LackingNodes,
  UpdateExplanation,
} from "../../../api/types.js";
import type { Paint } from "../../colour.js";
import { humanDuration, timeOf } from "../../words.js";
import { nodeTable } from "./node-table.js";

export function explanationText(explanation: Explanation, paint: Paint): string {
  const nowMs = timeOf(explanation.At);
  const { LeftOut, WouldHelp, Update } = explanation;
  const lines = [
    headline(explanation),
    ...(Update === undefined ? [] : updateLines(Update)),
    ...explanation.Waits.flatMap((wait) => waitLines(wait, nowMs, paint)),
    ...more(LeftOut.Waits, "task waits", "tasks wait"),
    ...explanation.Failures.map((failure) => failureLine(failure, explanation.Name, nowMs)),
    ...more(LeftOut.Failures, "slot fails", "slots fail"),
    ...explanation.Lacking.map(lackingLine),
    ...helpLines(WouldHelp),
  ];
  return `${lines.join("\n")}\n`;
}

function headline({ Name, Mode, Running, Desired, Job, Waits, LeftOut, Failures }: Explanation): string {
  const waiting = Waits.reduce((sum, { TaskCount }) => sum + TaskCount, 0) + LeftOut.Waits;
  const failing = Failures.length + LeftOut.Failures;
  const of = Job?.Total === undefined ? `${Job?.Completed} completed` : `${Job.Completed} of ${Job.Total} completed`;
  const counts =
    Job === undefined
      ? [`${Running} of ${plural(Desired, "task")} ${Running === 1 || Desired === 1 ? "runs" : "run"}`]
      : [`run ${Job.Iteration + 1} of the ${Mode}`, of, `${Running} ${Running === 1 ? "runs" : "run"}`];
  const parts = [
    ...counts,
    ...(waiting === 0 ? [] : [`${waiting} ${waiting === 1 ? "waits" : "wait"}`]),
    ...(failing === 0 ? [] : [`${failing} ${failing === 1 ? "fails" : "fail"}`]),
  ];
  const isWell = waiting + failing === 0 && (Job !== undefined || Running >= Desired);
  return `${Name}: ${parts.join("; ")}.${isWell ? " Nothing waits." : ""}`;
}

function updateLines({ State, Message, Total, Done, Failed, Next }: UpdateExplanation): readonly string[] {
  const counts = Total === 0 ? "" : ` (${Done} of ${Total} done, ${Failed} failed)`;
  return [`${updateWords[State] ?? State}: ${Message}${counts}.`, `  Next: ${Next}.`];
}

const updateWords: Readonly<Record<string, string>> = {
  updating: "Update under way",
  paused: "Update paused",
  rollback_started: "Rollback under way",
  rollback_paused: "Rollback paused",
  rollback_completed: "Rolled back",
};

const places: Readonly<Record<ExplainedWait["Stage"], string>> = {
  allocator: "in the allocator",
  scheduler: "in the scheduler",
  node: "at its node",
  restart: "to be started again",
  predecessor: "for the task it replaces",
};

export function waitLines(wait: ExplainedWait, nowMs: number, paint: Paint): readonly string[] {
  const { Stage, State, Reason, Since, Until, Node, TaskCount } = wait;
  const where = Stage === "node" && Node !== undefined ? `at ${Node} (${State})` : places[Stage];
  const until = Until === undefined ? "" : `, until ${moment(Until, nowMs)} at the latest`;
  return [
    `${namesText(wait.Tasks, TaskCount)} ${TaskCount === 1 ? "waits" : "wait"} ${where} since ${moment(Since, nowMs)}${until}: ${Reason}.`,
    ...nodeTable(wait, paint),
  ];
}

function failureLine(failure: ExplainedFailure, service: string, nowMs: number): string {
  const { Task, Node, State, Error, ExitCode, At, Ended, NextAt, AttemptsLeft, GivenUp } = failure;
  const code = ExitCode === undefined || Error.includes(String(ExitCode)) ? "" : `, exit code ${ExitCode}`;
  const where = Ended === 1 ? `on ${Node}` : `${Ended} times, last on ${Node}`;
  const next = GivenUp
    ? `Its restart policy asks for no other: 'skep service update --force ${service}' starts it anew.`
    : NextAt === undefined
      ? "It was started again."
      : `It is started again at ${moment(NextAt, nowMs)}.`;
  const words = State === "rejected" ? "was rejected" : State;
  const left = AttemptsLeft === undefined || GivenUp ? "" : ` ${plural(AttemptsLeft, "attempt")} left.`;
  return `${Task} ${words} ${where} at ${moment(At, nowMs)}: ${Error}${code}. ${next}${left}`;
}

function lackingLine({ Reason, Nodes, NodeCount }: LackingNodes): string {
  return `No task on ${namesText(Nodes, NodeCount)}: ${Reason}.`;
}

export function helpLines(hints: readonly string[]): readonly string[] {
  const [first, ...others] = hints;
  if (first === undefined) return [];
  return [`Would help: ${[first, ...others.map((hint) => `or ${hint}`)].join(", ")}.`];
}

/** `web.1, web.2 and 7 more` */
function namesText(names: readonly string[], total: number): string {
  const shown = names.slice(0, namesMax);
  const left = total - shown.length;
  return left > 0 ? `${shown.join(", ")} and ${left} more` : shown.join(", ");
}

const namesMax = 10;

function more(amount: number, one: string, many: string): readonly string[] {
  return amount === 0 ? [] : [`… and ${amount} more ${amount === 1 ? one : many}.`];
}

/** `09:14:02 UTC (41 seconds ago)`; the date too when it is another. */
function moment(time: string, nowMs: number): string {
  const atMs = timeOf(time);
  const isToday = new Date(atMs).toISOString().slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10);
  const shown = new Date(atMs)
    .toISOString()
    .slice(isToday ? 11 : 0, 19)
    .replace("T", " ");
  const distance = humanDuration(Math.abs(nowMs - atMs)).toLowerCase();
  return `${shown} UTC (${atMs > nowMs ? `in ${distance}` : `${distance} ago`})`;
}

export function plural(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
