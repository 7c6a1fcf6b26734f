// The functions every Go template has.
import { compare, equal } from "./compare.js";
import { formatGo, printGo } from "./printf.js";
import { isMap, isTrue, show, typeName } from "./value.js";

/** `strings` is []string. */
export type Parameter = "any" | "string" | "int" | "strings";

export interface TemplateFunction {
  readonly params: readonly Parameter[];
  /** Type of any further arguments; without it there are none. */
  readonly variadic?: Parameter;
  /** Arguments are looked at from the left until one has this truth. */
  readonly shortCircuit?: boolean;
  /** A thrown error shows as `error calling NAME: …`. */
  call(...args: readonly unknown[]): unknown;
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

/** A function whose arguments were checked against `params` before it is called. */
export function fn<A extends readonly unknown[]>(
  params: readonly Parameter[],
  call: (...args: A) => unknown,
  variadic?: Parameter,
): TemplateFunction {
  const checked = call as unknown as (...args: readonly unknown[]) => unknown;
  return variadic === undefined ? { params, call: checked } : { params, call: checked, variadic };
}

export const builtins: FunctionTable = {
  and: { params: ["any"], variadic: "any", shortCircuit: false, call: () => undefined },
  or: { params: ["any"], variadic: "any", shortCircuit: true, call: () => undefined },
  not: fn(["any"], (value: unknown) => !isTrue(value)),
  len: fn(["any"], lengthOf),
  index: fn(["any"], indexInto, "any"),
  slice: fn(["any"], sliceOf, "any"),
  call: fn(["any"], callValue, "any"),
  print: fn([], printGo, "any"),
  println: fn([], (...args: readonly unknown[]) => `${args.map(show).join(" ")}\n`, "any"),
  printf: fn(["string"], formatGo, "any"),
  html: fn([], (...args: readonly unknown[]) => escapeHtml(printGo(...args)), "any"),
  js: fn([], (...args: readonly unknown[]) => escapeJs(printGo(...args)), "any"),
  urlquery: fn(
    [],
    (...args: readonly unknown[]) => new URLSearchParams({ q: printGo(...args) }).toString().slice(2),
    "any",
  ),
  eq: fn(["any"], (first: unknown, ...rest: readonly unknown[]) => equalToAny(first, rest), "any"),
  ne: fn(["any", "any"], (a: unknown, b: unknown) => !equal(a, b)),
  lt: fn(["any", "any"], (a: unknown, b: unknown) => compare(a, b) < 0),
  le: fn(["any", "any"], (a: unknown, b: unknown) => compare(a, b) <= 0),
  gt: fn(["any", "any"], (a: unknown, b: unknown) => compare(a, b) > 0),
  ge: fn(["any", "any"], (a: unknown, b: unknown) => compare(a, b) >= 0),
};

function equalToAny(first: unknown, rest: readonly unknown[]): boolean {
  if (rest.length === 0) throw new Error("missing argument for comparison");
  return rest.some((other) => equal(first, other));
}

function lengthOf(value: unknown): number {
  if (typeof value === "string") return bytesOf(value).length;
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  if (value === undefined || value === null) throw new Error("len of nil pointer");
  throw new Error(`len of type ${typeName(value)}`);
}

function indexInto(value: unknown, ...keys: readonly unknown[]): unknown {
  return keys.reduce(indexOnce, value);
}

function indexOnce(value: unknown, key: unknown): unknown {
  if (value === undefined || value === null) throw new Error("index of untyped nil");
  if (typeof value === "string") return bytesOf(value)[position(key, bytesOf(value).length)];
  if (Array.isArray(value)) return value[position(key, value.length)] as unknown;
  if (!isMap(value)) throw new Error(`can't index item of type ${typeName(value)}`);
  if (typeof key !== "string") throw new Error(`value has type ${typeName(key)}; should be string`);
  return Object.hasOwn(value, key) ? value[key] : zeroEntry(value);
}

/** What a Go map of texts gives for a key it does not have. */
function zeroEntry(map: Readonly<Record<string, unknown>>): unknown {
  return typeName(map) === "map[string]string" ? "" : undefined;
}

function position(key: unknown, length: number): number {
  if (typeof key !== "number" || !Number.isInteger(key))
    throw new Error(`cannot index slice/array with type ${typeName(key)}`);
  if (key < 0 || key >= length) throw new Error(`index out of range: ${key}`);
  return key;
}

function sliceOf(value: unknown, ...bounds: readonly unknown[]): unknown {
  if (typeof value !== "string" && !Array.isArray(value))
    throw new Error(`can't slice item of type ${typeName(value)}`);
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`);
  const length = value.length;
  const [from = 0, to = length] = bounds.map((bound) => position(bound, length + 1));
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return value.slice(from, to);
}

function callValue(callee: unknown, ...args: readonly unknown[]): unknown {
  if (typeof callee !== "function") throw new Error(`non-function of type ${typeName(callee)}`);
  return (callee as (...values: readonly unknown[]) => unknown)(...args);
}

const htmlEntities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
  "\0": "\uFFFD",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'\0]/g, (character) => htmlEntities[character] ?? character);
}

function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=\n\r\t]/g, (character) =>
    /[\\'"]/.test(character)
      ? `\\${character}`
      : `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
  );
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
