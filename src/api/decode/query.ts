// Query strings as Go reads them: repeated keys keep their first value, two kinds of booleans, versions as digits.

import { SwarmError } from "../../base/index.js";
import { printable } from "./body.js";

export class Query {
  readonly #text: string;
  #values: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The first value; "" when there is none. */
  get(name: string): string {
    return this.all(name)[0] ?? "";
  }

  all(name: string): readonly string[] {
    if (this.#text === "") return [];
    this.#values ??= parse(this.#text);
    return this.#values.get(name) ?? [];
  }

  /** Strict: Go's words for true and false; a wrong one is refused (docker-api.md trap 5). */
  flag(name: string): boolean {
    const text = this.get(name);
    if (text === "") return false;
    const value = strictWords.get(text);
    if (value !== undefined) return value;
    const shown = printable(text);
    throw new SwarmError(
      "InvalidArgument",
      `invalid value for ${name}: ${shown}: strconv.ParseBool: parsing ${JSON.stringify(shown)}: invalid syntax`,
    );
  }

  /** Loose: anything but a word for no. */
  looseFlag(name: string): boolean {
    return !looseNo.has(this.get(name).trim().toLowerCase());
  }

  /** `?version=` of an update: the Version.Index the client saw. */
  version(kind: string): number {
    const text = this.get("version");
    if (/^\d{1,20}$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
    const shown = printable(text);
    throw new SwarmError(
      "InvalidArgument",
      `invalid ${kind} version '${shown}': strconv.ParseUint: parsing ${JSON.stringify(shown)}: invalid syntax`,
    );
  }
}

const strictWords = new Map<string, boolean>([
  ...["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false] as const),
]);
const looseNo: ReadonlySet<string> = new Set(["", "0", "no", "false", "none"]);

function parse(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const name = unescape(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? "" : unescape(pair.slice(at + 1));
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
  }
  return values;
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    throw new SwarmError("InvalidArgument", `invalid URL escape in ${JSON.stringify(printable(text))}`);
  }
}
