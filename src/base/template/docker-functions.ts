// What Docker adds to Go's functions for `--format`: json split join title lower upper pad truncate.
import { type FunctionTable, fn } from "./functions.js";
import { goJson } from "./json.js";
import { TemplateObject } from "./value.js";

export const dockerFunctions: FunctionTable = {
  json: fn(
    ["any"],
    (value: unknown) => (value instanceof TemplateObject ? value.jsonText() : undefined) ?? goJson(value),
  ),
  split: fn(["string", "string"], (text: string, separator: string) =>
    separator === "" ? Array.from(text) : text.split(separator),
  ),
  join: fn(["strings", "string"], (parts: readonly string[], separator: string) => parts.join(separator)),
  title: fn(["string"], titleCase),
  lower: fn(["string"], (text: string) => text.toLowerCase()),
  upper: fn(["string"], (text: string) => text.toUpperCase()),
  pad: fn(["string", "int", "int"], pad),
  truncate: fn(["string", "int"], (text: string, length: number) => truncate(text, length)),
};

/** In the header row of `table …` a column's name goes through these functions untouched. */
export const dockerHeaderFunctions: FunctionTable = {
  json: fn(["any"], same),
  split: fn(["any", "any"], same),
  join: fn(["any", "any"], same),
  title: fn(["any"], same),
  lower: fn(["any"], same),
  upper: fn(["any"], same),
  pad: fn(["any", "any", "any"], same),
  truncate: fn(["any", "any"], same),
};

function same(value: unknown): unknown {
  return value;
}

function titleCase(text: string): string {
  return text.replace(
    /(^|[^\p{L}\p{Nd}_'])(\p{L})/gu,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

/** An empty text stays empty. */
function pad(text: string, before: number, after: number): string {
  const blanks = (count: number): string => " ".repeat(Math.max(0, Math.min(count, 10_000)));
  return text === "" ? "" : blanks(before) + text + blanks(after);
}

function truncate(text: string, length: number): string {
  return text.length < length ? text : text.slice(0, Math.max(0, length));
}
