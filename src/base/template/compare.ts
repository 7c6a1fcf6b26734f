// eq and lt, with Go's opinion on what may be compared.
import { isMap, TemplateObject } from "./value.js";

type Basic = {
  readonly kind: "bool" | "int" | "float" | "string" | "nil";
  readonly value: boolean | number | bigint | string | null;
};

export function equal(a: unknown, b: unknown): boolean {
  const [left, right] = [basic(a), basic(b)];
  if (left.kind === "nil" || right.kind === "nil") return left.kind === right.kind;
  requireSameKind(left, right);
  return left.value === right.value;
}

/** Negative, zero or positive. */
export function compare(a: unknown, b: unknown): number {
  const [left, right] = [basic(a), basic(b)];
  requireSameKind(left, right);
  if (left.kind === "bool" || left.kind === "nil" || left.value === null || right.value === null) throw badType();
  if (left.value === right.value) return 0;
  return left.value < right.value ? -1 : 1;
}

function requireSameKind(left: Basic, right: Basic): void {
  if (left.kind !== right.kind) throw new Error("incompatible types for comparison");
}

function basic(value: unknown): Basic {
  if (value === undefined || value === null) return { kind: "nil", value: null };
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "string":
      return { kind: "string", value };
    case "bigint":
      return { kind: "int", value: Number(value) };
    case "number":
      return { kind: Number.isInteger(value) ? "int" : "float", value };
    default:
      break;
  }
  if (value instanceof TemplateObject) return ofObject(value);
  if (isMap(value) || Array.isArray(value)) throw badType();
  throw badType();
}

/** A typed scalar (an enum, a duration) compares as what it is made of; a nil pointer as nil. */
function ofObject(object: TemplateObject): Basic {
  const plain = object.toJSON();
  if (plain instanceof TemplateObject || (typeof plain === "object" && plain !== null)) throw badType();
  return basic(plain);
}

function badType(): Error {
  return new Error("invalid type for comparison");
}
