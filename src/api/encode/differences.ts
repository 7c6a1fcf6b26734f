// Two JSON values → the fields that differ, by path. Lists are compared whole: what moved in them is for eyes to see.

import type { PlannedChange } from "../types.js";

/** Listed at most; a spec of a person's never differs in as many. */
export const differencesMax = 200;

export function differences(before: unknown, after: unknown): readonly PlannedChange[] {
  return walk(before, after, "").slice(0, differencesMax);
}

function walk(before: unknown, after: unknown, path: string): readonly PlannedChange[] {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => walk(before[name], after[name], path === "" ? name : `${path}.${name}`));
  }
  // A part that comes or goes is told field by field, so that nobody reads a whole object to find one number.
  if (isObject(before) && after === undefined) return walk(before, {}, path);
  if (isObject(after) && before === undefined) return walk({}, after, path);
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [
    { Field: path, ...(before === undefined ? {} : { Old: before }), ...(after === undefined ? {} : { New: after }) },
  ];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
