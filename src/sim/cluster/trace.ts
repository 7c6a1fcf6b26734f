// A transcript of what happened, stage by stage with virtual times: who wrote which field in which revision, what went over
// which line, what each engine was asked.

import { TaskState } from "../../gen/skep/v1/objects.js";
import type { RowChange, View } from "../../store/index.js";
import { describe, nameOf, statusText } from "./describe.js";
import type { AgentSays, ManagerSays } from "./link.js";
import { Names } from "./names.js";
import type { Written } from "./recorder.js";

/** Lines kept; a run of hours keeps its last ones. */
const linesMax = 20_000;

export class Trace {
  readonly names = new Names();
  readonly #nowMs: () => number;
  readonly #isSilent: boolean;
  readonly #lines: string[] = [];
  /** Transactions by revision, until they are seen committed. */
  readonly #written = new Map<number, Written>();
  #startMs = 0;

  /** A silent one keeps nothing. */
  constructor(nowMs: () => number, isSilent = false) {
    this.#nowMs = nowMs;
    this.#isSilent = isSilent;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Forgets what was; times count from here. */
  begin(): void {
    this.#lines.length = 0;
    this.#startMs = this.#nowMs();
  }

  say(who: string, what: string): void {
    if (this.#isSilent) return;
    const ms = (this.#nowMs() - this.#startMs).toFixed(1).padStart(8);
    this.#lines.push(`${ms} ms  ${who.padEnd(14)}${this.names.in(what)}`.trimEnd());
    if (this.#lines.length > linesMax) this.#lines.shift();
  }

  wrote(written: Written): void {
    if (!this.#isSilent) this.#written.set(written.revision, written);
  }

  /** Everything up to `revision` is committed. */
  committed(changes: readonly RowChange[], revision: number, view: View): void {
    if (this.#isSilent) return;
    this.names.learn(changes, view);
    const due = [...this.#written.keys()].filter((each) => each <= revision).sort((a, b) => a - b);
    for (const each of due) {
      const written = this.#written.get(each);
      this.#written.delete(each);
      if (written) this.#sayWritten(written);
    }
  }

  agentSaid(host: string, message: AgentSays): void {
    if (this.#isSilent) return;
    const text = agentText(message);
    if (text !== undefined) this.say(`${host} says`, text);
  }

  managerSaid(host: string, message: ManagerSays): void {
    if (this.#isSilent) return;
    const text = managerText(message);
    if (text !== undefined) this.say(`${host} hears`, text);
  }

  #sayWritten({ part, revision, changes }: Written): void {
    changes.forEach((change, at) => {
      this.say(at === 0 ? part : "", `${at === 0 ? `r${revision}` : ""}`.padEnd(5) + describe(change));
    });
  }
}

/** Beats and their answers are left out: they are always there. */
function agentText(message: AgentSays): string | undefined {
  switch (message.$case) {
    case "heartbeat":
      return undefined;
    case "open":
      return `session opened, holding ${message.value.tasks.length} tasks`;
    case "statuses": {
      const tasks = message.value.tasks.map(({ taskId, status }) => `${taskId} ${statusText(status)}`);
      return `report ${message.value.number}: ${tasks.join("; ")}`;
    }
    case "description":
      return "its description";
    case "goodbye":
      return "goodbye";
    case "engine":
      return message.value.silentFor ? `its engine is silent: ${message.value.error}` : "its engine answers";
    default:
      return message satisfies never;
  }
}

function managerText(message: ManagerSays): string | undefined {
  switch (message.$case) {
    case "heartbeat":
      return undefined;
    case "welcome":
      return "welcome";
    case "assignments": {
      const { number, update, remove, firstSetComplete } = message.value;
      const updates = update.map(({ id, desiredState }) => `${id} desired ${nameOf(TaskState, desiredState)}`);
      const parts = [...updates, ...remove.map((id) => `${id} removed`), ...(firstSetComplete ? ["that is all"] : [])];
      return `assignments ${number}: ${parts.join("; ")}`;
    }
    case "statuses":
      return `report ${message.value.number} is committed`;
    case "state":
      return "the cluster's state";
    case "logs":
      return `logs wanted: ${message.value.subscriptions.map(({ id }) => id).join(", ")}`;
    case "refusal":
      return `refused: ${message.value.message}`;
    default:
      return message satisfies never;
  }
}
