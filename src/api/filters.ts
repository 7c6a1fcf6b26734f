// `?filters=`: two JSON encodings, one meaning. Values of a key are alternatives, labels must all hold, keys must all hold
// (docker-api.md trap 4, §1.12).

import { SwarmError } from "../base/index.js";
import { printable } from "./decode/body.js";

/** Values per key, all keys together: no person gives more. */
const valuesMax = 10_000;

export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** `known` are the keys this list understands; any other is refused. */
  static parse(text: string, known: readonly string[]): Filters {
    if (text === "" || text === "null") return none;
    const values = new Map(Object.entries(parseObject(text)).map(([key, value]) => [key, valuesOf(value)] as const));
    for (const key of values.keys()) {
      if (!known.includes(key)) throw new SwarmError("InvalidArgument", `invalid filter '${printable(key)}'`);
    }
    return new Filters(values);
  }

  /** Undefined when the key does not restrict anything. */
  get(key: string): readonly string[] | undefined {
    const values = this.#values.get(key);
    return values === undefined || values.length === 0 ? undefined : values;
  }

  /** Whether `test` holds for one of the values, or nothing was asked. */
  some(key: string, test: (value: string) => boolean): boolean {
    return this.get(key)?.some(test) ?? true;
  }

  /** Whether every value of a label filter holds: `key` or `key=value`; `key=` is `key`. */
  labels(key: string, labels: Readonly<Record<string, string>> | undefined): boolean {
    return this.get(key)?.every((value) => hasLabel(labels ?? {}, value)) ?? true;
  }

  static readonly empty = new Filters(new Map());
}

const none = Filters.empty;

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  const name = at < 0 ? wanted : wanted.slice(0, at);
  const value = at < 0 ? "" : wanted.slice(at + 1);
  return Object.hasOwn(labels, name) && (value === "" || labels[name] === value);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalidFilter();
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw invalidFilter();
  return parsed as Readonly<Record<string, unknown>>;
}

/** `["v"]` or `{"v": true}`; of the map all keys count, whatever their boolean. */
function valuesOf(value: unknown): readonly string[] {
  if (value === null) return [];
  const values = Array.isArray(value) ? (value as readonly unknown[]) : keysOf(value);
  if (values.length > valuesMax) throw invalidFilter();
  return values.map((each) => {
    if (typeof each !== "string") throw invalidFilter();
    return each;
  });
}

function keysOf(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) throw invalidFilter();
  if (Object.values(value).some((each) => typeof each !== "boolean")) throw invalidFilter();
  return Object.keys(value);
}

function invalidFilter(): SwarmError {
  return new SwarmError("InvalidArgument", "invalid filter");
}
