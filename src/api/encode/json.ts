// Values → JSON text as Go writes it: zero fields left out where Docker leaves them out, maps sorted, long numbers whole.

import type { Duration } from "../../gen/google/protobuf/duration.js";
import type { Timestamp } from "../../gen/google/protobuf/timestamp.js";
import { nanosecondsOf } from "../../model/index.js";
import type { Nanoseconds } from "../types.js";

/** Every field of `T`, each of which may be undefined. */
export type AllFields<T> = { readonly [Key in keyof Required<T>]: T[Key] | undefined };

/** "omitempty": drops what is undefined, "", 0, false or an empty list. Structs and null stay. */
export function compact<T extends object>(fields: AllFields<T>): T {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (!isZero(value)) kept[name] = value;
  return kept as T;
}

/** A map with its keys in order; undefined when empty. */
export function sortedMap(map: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  const keys = Object.keys(map ?? {});
  return keys.length === 0 ? undefined : allOfMap(map);
}

/** A map that is shown empty rather than left out. */
export function allOfMap(map: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Integer nanoseconds; a bigint above 2^53, which `toJson` writes as digits, whatever the type says. */
export function nanoseconds(duration: Duration): Nanoseconds {
  const exact = nanosecondsOf(duration);
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : (exact as unknown as Nanoseconds);
}

export function optionalNanoseconds(duration: Duration | undefined): Nanoseconds | undefined {
  return duration && nanoseconds(duration);
}

/** Go's zero time. */
const zeroTime = "0001-01-01T00:00:00Z";

/** RFC3339 in UTC, as many digits of the second as there are. */
export function timeText(time: Timestamp | undefined): string {
  if (time === undefined) return zeroTime;
  const whole = wholeSecond(time.seconds);
  if (time.nanos === 0) return `${whole}Z`;
  return `${whole}.${String(time.nanos).padStart(9, "0").replace(/0+$/, "")}Z`;
}

/** The seconds met last: rows are made and changed in few of them. */
const secondTexts = new Map<number, string>();
const secondTextsMax = 1_000;

function wholeSecond(seconds: number): string {
  const known = secondTexts.get(seconds);
  if (known !== undefined) return known;
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  if (secondTexts.size >= secondTextsMax) secondTexts.clear();
  secondTexts.set(seconds, text);
  return text;
}

/** JSON.stringify, and digits for numbers it cannot hold. */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError) return withDigits(value);
    throw error;
  }
}

function withDigits(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(withDigits).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${withDigits(field)}`).join(",")}}`;
}

function isZero(value: unknown): boolean {
  return (
    value === undefined ||
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  );
}
