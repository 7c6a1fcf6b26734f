// What the embedded engine tells of its containers, in Docker's actions.

import type { ContainerEvent } from "../engine.js";
import type { Happening, Machine } from "./machine.js";

export interface EngineEvent {
  readonly wallMs: number;
  /** The container as it was then. */
  readonly machine: Machine;
  /** Docker's: `die`, `health_status: healthy` … */
  readonly action: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export function eventOfHappening(
  happening: Exclude<Happening, { kind: "wrote" }>,
): [action: string, attributes?: Readonly<Record<string, string>>] {
  switch (happening.kind) {
    case "health":
      return [`health_status: ${happening.status}`];
    case "oom":
      return ["oom"];
    case "died":
      return ["die", { exitCode: String(happening.code) }];
    default:
      return happening satisfies never;
  }
}

const plain: readonly string[] = ["create", "start", "die", "destroy", "oom"] satisfies ContainerEvent["action"][];

export function hintOf({ machine, action }: EngineEvent): ContainerEvent {
  const known = plain.includes(action) ? (action as ContainerEvent["action"]) : undefined;
  const labels = machine.config.Labels;
  return {
    containerId: machine.id,
    action: action.startsWith("health_status") ? "health" : (known ?? "other"),
    labels,
  };
}

/** All of `wanted` are there; "" = with any value. */
export function matchesLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(
    ([key, value]) => Object.hasOwn(labels, key) && (value === "" || labels[key] === value),
  );
}
