// JSON as Go's decoder reads it: numbers keep their digits, keys their order, errors their words. JSON.parse would round
// nanoseconds above 2^53 and overflow the stack on a body of brackets.

import { SwarmError } from "../../base/index.js";

export type Json = null | boolean | string | JsonNumber | readonly Json[] | JsonObject;

/** A number as it was written. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An object: keys as written, and by lower case as Go finds a struct's fields; of two, the last counts. */
export class JsonObject {
  readonly entries: readonly (readonly [string, Json])[];
  #fields: Map<string, Json> | undefined;

  constructor(entries: readonly (readonly [string, Json])[]) {
    this.entries = entries;
  }

  field(name: string): Json | undefined {
    this.#fields ??= new Map(this.entries.map(([key, value]) => [key.toLowerCase(), value]));
    return this.#fields.get(name.toLowerCase());
  }
}

/** Nesting; Go's bound is 10,000, no request of ours has ten. */
const depthMax = 200;

/** The one value in `text`. Throws InvalidArgument `invalid JSON: …`. */
export function parseJson(text: string): Json {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

export function invalidJson(what: string): SwarmError {
  return new SwarmError("InvalidArgument", `invalid JSON: ${what}`);
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const [tab, newline, carriageReturn, space, quote, backslash] = [9, 10, 13, 32, 34, 92];
const firstSurrogate = 0xd800;
const numberSyntax = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > depthMax) throw invalidJson("exceeded max depth");
    const first = this.#peek();
    switch (first) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#literal("true", true);
      case "f":
        return this.#literal("false", false);
      case "n":
        return this.#literal("null", null);
      case undefined:
        throw invalidJson(this.#text.trim() === "" ? "got EOF while reading request body" : "unexpected EOF");
      default:
        return this.#number();
    }
  }

  /** Nothing but blanks may follow. */
  end(): void {
    if (this.#peek() !== undefined) throw new SwarmError("InvalidArgument", "unexpected content after JSON");
  }

  #object(depth: number): JsonObject {
    const entries: (readonly [string, Json])[] = [];
    this.#at += 1;
    if (this.#takeIf("}")) return new JsonObject(entries);
    for (;;) {
      if (this.#peek() !== '"') throw this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      if (!this.#takeIf(":")) throw this.#unexpected("after object key");
      entries.push([key, this.value(depth + 1)]);
      if (this.#takeIf("}")) return new JsonObject(entries);
      if (!this.#takeIf(",")) throw this.#unexpected("after object key:value pair");
    }
  }

  #array(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.#at += 1;
    if (this.#takeIf("]")) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.#takeIf("]")) return items;
      if (!this.#takeIf(",")) throw this.#unexpected("after array element");
    }
  }

  #string(): string {
    const text = this.#text;
    this.#at += 1;
    let plainFrom = this.#at;
    let decoded = "";
    let hasSurrogates = false;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === quote) break;
      if (code === backslash) {
        decoded += text.slice(plainFrom, this.#at) + this.#escape();
        hasSurrogates = true;
        plainFrom = this.#at;
        continue;
      }
      if (Number.isNaN(code)) throw invalidJson("unexpected EOF");
      if (code < space) throw this.#unexpected("in string literal");
      if (code >= firstSurrogate) hasSurrogates = true;
      this.#at += 1;
    }
    decoded += text.slice(plainFrom, this.#at);
    this.#at += 1;
    // Half a surrogate pair is no text: as in Go, it becomes the replacement character.
    return hasSurrogates ? decoded.replace(/\p{Surrogate}/gu, "\ufffd") : decoded;
  }

  #escape(): string {
    this.#at += 1;
    const letter = this.#text[this.#at] ?? "";
    const plain = escapes[letter];
    if (plain === undefined && letter !== "u") throw this.#unexpected("in string escape code");
    this.#at += 1;
    if (plain !== undefined) return plain;
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#unexpected("in \\u hexadecimal character escape");
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #literal<Value extends boolean | null>(word: string, value: Value): Value {
    for (const letter of word) {
      if (this.#text[this.#at] !== letter) throw this.#unexpected(`in literal ${word} (expecting '${letter}')`);
      this.#at += 1;
    }
    return value;
  }

  #number(): JsonNumber {
    numberSyntax.lastIndex = this.#at;
    const [digits] = numberSyntax.exec(this.#text) ?? [""];
    this.#at += digits.length;
    if (digits === "") throw this.#unexpected("looking for beginning of value");
    return new JsonNumber(digits);
  }

  /** The next character that is no blank, not taken. */
  #peek(): string | undefined {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== space && code !== newline && code !== tab && code !== carriageReturn) return this.#text[this.#at];
      this.#at += 1;
    }
  }

  #takeIf(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #unexpected(where: string): SwarmError {
    const found = this.#text[this.#at];
    if (found === undefined) return invalidJson("unexpected EOF");
    return invalidJson(`invalid character ${JSON.stringify(found).replace(/^"|"$/g, "'")} ${where}`);
  }
}
