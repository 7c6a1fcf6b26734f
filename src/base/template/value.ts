// What a template sees of a JavaScript value: its Go type's name, whether it is true, how it prints.
// null is Go's nil, undefined "no value", a plain object a map, an array a slice, an integral number an int.

/** Given by `field` where there is no such field. */
export const noField = Symbol("no such field");

/** A value with Go manners of its own: a struct with named fields, a duration, a nil pointer of some type. */
export abstract class TemplateObject {
  /** As in `can't evaluate field X in type T`. */
  abstract readonly typeName: string;
  /** A function here is a method: it is called with the arguments given in the template. */
  abstract field(name: string): unknown;
  abstract toString(): string;
  abstract toJSON(): unknown;
  /** What the `json` function prints; undefined: the JSON of `toJSON()`. */
  jsonText(): string | undefined {
    return undefined;
  }
  get truth(): boolean {
    return true;
  }
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof TemplateObject);
}

export function typeName(value: unknown): string {
  if (value === undefined || value === null) return "interface {}";
  if (value instanceof TemplateObject) return value.typeName;
  if (Array.isArray(value)) return value.every((item) => typeof item === "string") ? "[]string" : "[]interface {}";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "string":
      return "string";
    case "number":
      return Number.isInteger(value) ? "int" : "float64";
    case "bigint":
      return "int";
    case "function":
      return "func()";
    default:
      return isMap(value) && Object.values(value).every((item) => typeof item === "string")
        ? "map[string]string"
        : "map[string]interface {}";
  }
}

/** What `if`, `with`, `and`, `or`, `not` see: false is the zero value and everything empty. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (value instanceof TemplateObject) return value.truth;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object") return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The value as an action prints it. */
export function printed(value: unknown): string {
  return value === undefined || value === null ? "<no value>" : show(value);
}

/** `%v` */
export function show(value: unknown): string {
  if (value === undefined || value === null) return "<nil>";
  if (value instanceof TemplateObject) return value.toString();
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (typeof value === "number") return showNumber(value);
  if (isMap(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, item]) => `${key}:${show(item)}`).join(" ")}]`;
  }
  return typeof value === "symbol" || typeof value === "object" ? "" : String(value as string | boolean | bigint);
}

function showNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  const [mantissa, exponent] = String(value).split("e");
  if (exponent === undefined || mantissa === undefined) return String(value);
  const sign = exponent.startsWith("-") ? "-" : "+";
  return `${mantissa}e${sign}${exponent.replace(/^[+-]/, "").padStart(2, "0")}`;
}
