// The filters of Docker's lists and streams, as far as the embedded engine has something to filter.

import { SwarmError } from "../../base/index.js";
import type { EngineEvent } from "./events.js";
import type { Machine } from "./machine.js";

export type Filters = ReadonlyMap<string, readonly string[]>;

/** Both encodings: `{"k":{"v":true}}` and `{"k":["v"]}`. */
export function parseFilters(text: string | null): Filters {
  if (!text) return new Map();
  const filters = new Map<string, readonly string[]>();
  for (const [key, values] of Object.entries(parsed(text))) {
    if (typeof values !== "object" || values === null) throw invalid();
    filters.set(key, Array.isArray(values) ? values.map(String) : Object.keys(values));
  }
  return filters;
}

type Test<T> = (item: T, values: readonly string[]) => boolean;

export function containerFilter(filters: Filters): (machine: Machine) => boolean {
  return filterOf(filters, {
    id: (machine, values) => values.some((value) => machine.id.startsWith(value)),
    name: (machine, values) => values.some((value) => machine.name.includes(value.replace(/^\//, ""))),
    label: (machine, values) => values.every((value) => hasLabel(machine, value)),
    status: (machine, values) => values.includes(machine.phase.kind),
    ancestor: (machine, values) => values.includes(machine.config.Image),
  });
}

export function eventFilter(filters: Filters): (event: EngineEvent) => boolean {
  return filterOf(filters, {
    type: (_, values) => values.includes("container"),
    scope: (_, values) => values.includes("local"),
    event: ({ action }, values) => values.some((value) => action === value || action.startsWith(`${value}:`)),
    container: ({ machine }, values) => values.some((value) => machine.id.startsWith(value) || machine.name === value),
    image: ({ machine }, values) => values.includes(machine.config.Image),
    label: ({ machine }, values) => values.every((value) => hasLabel(machine, value)),
  });
}

function filterOf<T>(filters: Filters, tests: Readonly<Record<string, Test<T>>>): (item: T) => boolean {
  const chosen = [...filters].map(([key, values]) => {
    const test = Object.hasOwn(tests, key) ? tests[key] : undefined;
    if (!test) throw new SwarmError("InvalidArgument", `invalid filter '${key}'`);
    return (item: T) => values.length === 0 || test(item, values);
  });
  return (item) => chosen.every((test) => test(item));
}

/** `key` or `key=value`. */
function hasLabel({ config }: Machine, wanted: string): boolean {
  const at = wanted.indexOf("=");
  const key = at < 0 ? wanted : wanted.slice(0, at);
  return Object.hasOwn(config.Labels, key) && (at < 0 || config.Labels[key] === wanted.slice(at + 1));
}

function parsed(text: string): object {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // No JSON: the same answer.
  }
  throw invalid();
}

function invalid(): SwarmError {
  return new SwarmError("InvalidArgument", "invalid filter");
}
