// Reading an object's fields by Docker's names and types; what does not fit is refused with the path of the field.

import type { Duration } from "../../gen/google/protobuf/duration.js";
import { durationOf, nanosecondsMax } from "../../model/index.js";
import { invalidJson, type Json, JsonNumber, JsonObject } from "./json.js";

/** Entries of one list or map: more than any request of a person's, fewer than would hold the loop. */
const entriesMax = 100_000;

/** Fields that are missing or null are zero: "", 0, false, empty, or undefined where Docker has a pointer. */
export class Reader {
  readonly #object: JsonObject;
  readonly #path: string;

  constructor(object: JsonObject, path = "") {
    this.#object = object;
    this.#path = path;
  }

  /** A request's body, which must be an object; null and nothing are one without fields. */
  static of(value: Json | undefined, what: string): Reader {
    if (value === undefined || value === null) return new Reader(new JsonObject([]));
    if (!(value instanceof JsonObject)) throw mismatch(value, what, "object");
    return new Reader(value);
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  text(name: string): string {
    const value = this.#value(name);
    return value === undefined ? "" : textOf(value, this.#at(name));
  }

  flag(name: string): boolean {
    return this.optionalFlag(name) ?? false;
  }

  optionalFlag(name: string): boolean | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw mismatch(value, this.#at(name), "bool");
  }

  /** An integer, negative ones too. */
  int(name: string): number {
    return this.optionalInt(name) ?? 0;
  }

  optionalInt(name: string): number | undefined {
    return this.#integer(name, "int64", -(2n ** 63n), nanosecondsMax);
  }

  count(name: string): number {
    return this.optionalCount(name) ?? 0;
  }

  optionalCount(name: string): number | undefined {
    return this.#integer(name, "uint64", 0n, 2n ** 64n - 1n);
  }

  /** 32 bits: modes, ports, subnet sizes. */
  smallCount(name: string): number {
    return this.#integer(name, "uint32", 0n, 2n ** 32n - 1n) ?? 0;
  }

  smallInt(name: string): number {
    return this.#integer(name, "int", -(2n ** 31n), 2n ** 31n - 1n) ?? 0;
  }

  /** Held in 32 bits, so that every member of the cluster has the same number. */
  ratio(name: string): number {
    const value = this.#value(name);
    if (value === undefined) return 0;
    if (!(value instanceof JsonNumber)) throw mismatch(value, this.#at(name), "float32");
    const ratio = Math.fround(Number(value.text));
    if (!Number.isFinite(ratio)) throw mismatch(value, this.#at(name), "float32");
    return ratio;
  }

  /** Nanoseconds, exactly. */
  optionalDuration(name: string): Duration | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    return durationOf(bigOf(value, this.#at(name), "time.Duration", -nanosecondsMax - 1n, nanosecondsMax));
  }

  /** Where zero and nothing mean the same. */
  duration(name: string): Duration | undefined {
    const duration = this.optionalDuration(name);
    return duration?.seconds === 0 && duration.nanos === 0 ? undefined : duration;
  }

  texts(name: string): readonly string[] {
    return this.#items(name, "[]string").map((item) => (item === null ? "" : textOf(item, this.#at(name))));
  }

  textMap(name: string): Readonly<Record<string, string>> {
    const value = this.#value(name);
    if (value === undefined) return {};
    if (!(value instanceof JsonObject)) throw mismatch(value, this.#at(name), "map[string]string");
    if (value.entries.length > entriesMax) throw tooMany(this.#at(name));
    return Object.fromEntries(value.entries.map(([key, item]) => [this.#key(name, key), this.#mapText(name, item)]));
  }

  object(name: string): Reader | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : this.#child(value, name);
  }

  objects(name: string): readonly Reader[] {
    return this.#items(name, "[]object").map((item) => this.#child(item ?? new JsonObject([]), name));
  }

  /** Lists of lists of text: mount options. */
  textLists(name: string): readonly (readonly string[])[] {
    return this.#items(name, "[][]string").map((item) => {
      if (!Array.isArray(item)) throw mismatch(item, this.#at(name), "[]string");
      return item.map((text: Json) => textOf(text, this.#at(name)));
    });
  }

  #value(name: string): Json | undefined {
    return this.#object.field(name) ?? undefined;
  }

  #items(name: string, type: string): readonly Json[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw mismatch(value, this.#at(name), type);
    if (value.length > entriesMax) throw tooMany(this.#at(name));
    return value;
  }

  #child(value: Json, name: string): Reader {
    if (!(value instanceof JsonObject)) throw mismatch(value, this.#at(name), "object");
    return new Reader(value, this.#at(name));
  }

  #integer(name: string, type: string, min: bigint, max: bigint): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const number = Number(bigOf(value, this.#at(name), type, min, max));
    if (Number.isSafeInteger(number)) return number;
    throw invalidJson(
      `json: field ${this.#at(name)}: ${(value as JsonNumber).text} is beyond ${Number.MAX_SAFE_INTEGER}`,
    );
  }

  /** The one key that a plain object cannot hold. */
  #key(name: string, key: string): string {
    if (key === "__proto__") throw invalidJson(`json: field ${this.#at(name)}: the key "__proto__" cannot be used`);
    return key;
  }

  #mapText(name: string, item: Json): string {
    return item === null ? "" : textOf(item, this.#at(name));
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

function textOf(value: Json, at: string): string {
  if (typeof value !== "string") throw mismatch(value, at, "string");
  return value;
}

function bigOf(value: Json, at: string, type: string, min: bigint, max: bigint): bigint {
  if (!(value instanceof JsonNumber) || !/^-?[0-9]{1,20}$/.test(value.text)) throw mismatch(value, at, type);
  const number = BigInt(value.text);
  if (number < min || number > max) throw mismatch(value, at, type);
  return number;
}

function mismatch(value: Json, at: string, type: string): Error {
  return invalidJson(`json: cannot unmarshal ${kindOf(value)} into field ${at} of type ${type}`);
}

function tooMany(at: string): Error {
  return invalidJson(`json: field ${at} has more than ${entriesMax} entries`);
}

function kindOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof JsonNumber) return `number ${value.text.slice(0, 40)}`;
  return value instanceof JsonObject ? "object" : value === true || value === false ? "bool" : "string";
}
