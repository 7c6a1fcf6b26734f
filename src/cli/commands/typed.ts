// Docker's JSON with the manners of Go's structs, so that a template sees zero values where the JSON leaves fields out,
// durations and times print as Go prints them, and an unknown field is an error that names the type.
import { noField, TemplateObject } from "../../base/index.js";
import { showDuration } from "../flags/quantities.js";
import { structs } from "./typed-shapes.js";

type Json = Readonly<Record<string, unknown>>;

export function typedValue(type: string, json: unknown): unknown {
  if (type.startsWith("*"))
    return json === undefined || json === null ? new NilPointer(type) : typedValue(type.slice(1), json);
  if (type.startsWith("[]")) return Array.isArray(json) ? json.map((item) => typedValue(type.slice(2), item)) : [];
  switch (type) {
    case "string":
      return json ?? "";
    case "int":
      return json ?? 0;
    case "bool":
      return json ?? false;
    case "map":
      return json ?? {};
    case "any":
      return json ?? null;
    case "time":
      return new GoTime(typeof json === "string" ? json : "0001-01-01T00:00:00Z");
    case "duration":
      return new GoDuration(typeof json === "number" ? json : 0);
    default:
      return new GoStruct(type, isJson(json) ? json : {});
  }
}

export class GoStruct extends TemplateObject {
  readonly typeName: string;
  private readonly json: Json;
  private readonly shape: ReadonlyMap<string, string>;

  constructor(type: string, json: Json) {
    super();
    this.typeName = type;
    this.json = json;
    this.shape = shapeOf(type);
  }

  field(name: string): unknown {
    const direct = this.shape.get(name);
    if (direct !== undefined) return this.member(name, direct);
    for (const [, type] of this.embedded()) {
      const promoted = new GoStruct(type, this.json).field(name);
      if (promoted !== noField) return promoted;
    }
    return this.shape.has("*") && Object.hasOwn(this.json, name) ? this.json[name] : noField;
  }

  toString(): string {
    if (this.typeName === "swarm.Version") return String(this.field("Index"));
    const names = [...this.shape.keys()].filter((name) => name !== "*");
    return `{${names.map((name) => textOf(this.field(name))).join(" ")}}`;
  }

  toJSON(): unknown {
    return this.json;
  }

  /** An embedded struct's fields stand in the JSON of the one around it. */
  private member(name: string, type: string): unknown {
    return type.startsWith("@") ? new GoStruct(type.slice(1), this.json) : typedValue(type, this.json[name]);
  }

  private embedded(): [string, string][] {
    return [...this.shape].flatMap(([name, type]) =>
      type.startsWith("@") ? [[name, type.slice(1)] as [string, string]] : [],
    );
  }
}

class NilPointer extends TemplateObject {
  readonly typeName: string;

  constructor(type: string) {
    super();
    this.typeName = type;
  }

  field(name: string): unknown {
    throw new Error(`nil pointer evaluating ${this.typeName}.${name}`);
  }

  toString(): string {
    return "<nil>";
  }

  toJSON(): unknown {
    return null;
  }

  override get truth(): boolean {
    return false;
  }
}

class GoDuration extends TemplateObject {
  readonly typeName = "time.Duration";
  private readonly nanoseconds: number;

  constructor(nanoseconds: number) {
    super();
    this.nanoseconds = nanoseconds;
  }

  field(name: string): unknown {
    if (name === "String") return this.toString();
    return name === "Seconds" ? this.nanoseconds / 1e9 : noField;
  }

  toString(): string {
    return showDuration(this.nanoseconds);
  }

  toJSON(): unknown {
    return this.nanoseconds;
  }

  override get truth(): boolean {
    return this.nanoseconds !== 0;
  }
}

class GoTime extends TemplateObject {
  readonly typeName = "time.Time";
  private readonly rfc3339: string;

  constructor(rfc3339: string) {
    super();
    this.rfc3339 = rfc3339;
  }

  field(name: string): unknown {
    if (name === "Unix") return Math.floor(Date.parse(this.rfc3339.replace(/(\.\d{3})\d*/, "$1")) / 1000);
    return name === "String" ? this.toString() : noField;
  }

  toString(): string {
    return goTime(this.rfc3339);
  }

  toJSON(): unknown {
    return this.rfc3339;
  }
}

/** `2026-11-20T16:33:00.34Z` to `2026-11-20 16:33:00.34 +0000 UTC`, as time.Time's String does it. */
export function goTime(rfc3339: string): string {
  return rfc3339.replace("T", " ").replace(/Z$/, " +0000 UTC");
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(" ")}]`;
  if (isJson(value) && !(value instanceof TemplateObject)) {
    return `map[${Object.keys(value)
      .sort()
      .map((key) => `${key}:${textOf(value[key])}`)
      .join(" ")}]`;
  }
  return value === null || value === undefined ? "<nil>" : String(value as string);
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const parsedShapes = new Map<string, ReadonlyMap<string, string>>();

function shapeOf(type: string): ReadonlyMap<string, string> {
  const known = parsedShapes.get(type);
  if (known !== undefined) return known;
  const words = (structs[type] ?? "*:any").trim().split(/\s+/);
  const shape = new Map(words.map((word) => [word.slice(0, word.indexOf(":")), word.slice(word.indexOf(":") + 1)]));
  parsedShapes.set(type, shape);
  return shape;
}
