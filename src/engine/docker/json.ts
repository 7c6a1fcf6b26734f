// Reading an engine's JSON without trusting it: what is absent or of another type counts as empty.

export type JsonObject = Readonly<Record<string, unknown>>;

const none: JsonObject = {};

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function object(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : none;
}

export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** Only the entries whose values are strings: labels, attributes. */
export function textMap(value: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, each] of Object.entries(object(value))) if (typeof each === "string") out[key] = each;
  return out;
}
