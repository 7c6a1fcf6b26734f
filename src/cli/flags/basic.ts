// The flag types every command line has: text, switch, numbers, lists; errors in the words of Go's strconv.
import { type Flag, type FlagType, flag } from "./flag.js";

type Options = Parameters<typeof flag>[2];

export function text(usage: string, options: Options = {}): Flag<string> {
  return flag({ label: "string", parse: (value) => value }, usage, options);
}

export function toggle(usage: string, options: Options = {}): Flag<boolean> {
  return flag({ label: "", bare: "true", parse: parseBool }, usage, options);
}

export function uint(usage: string, options: Options = {}): Flag<number> {
  return flag({ label: "uint", parse: (value) => parseUint(value, 64) }, usage, options);
}

export function uint32(usage: string, options: Options = {}): Flag<number> {
  return flag({ label: "uint32", parse: (value) => parseUint(value, 32) }, usage, options);
}

export function int(usage: string, options: Options = {}): Flag<number> {
  return flag({ label: "int", parse: (value) => parseInt64(value) }, usage, options);
}

export function float(usage: string, options: Options = {}): Flag<number> {
  return flag({ label: "float", parse: parseFloat64 }, usage, options);
}

/** Each occurrence adds one entry; `check` may refuse or rewrite it. */
export function list(
  usage: string,
  options: Options = {},
  check: (value: string) => string = (value) => value,
): Flag<readonly string[]> {
  return flag(listOf("list", check), usage, options);
}

export function listOf<T>(label: string, parse: (value: string) => T): FlagType<readonly T[]> {
  return { label, parse: (value, before = []) => [...before, parse(value)] };
}

const trueWords = ["1", "t", "T", "true", "TRUE", "True"];
const falseWords = ["0", "f", "F", "false", "FALSE", "False"];

export function parseBool(value: string): boolean {
  if (trueWords.includes(value)) return true;
  if (falseWords.includes(value)) return false;
  throw new Error(`strconv.ParseBool: parsing ${goQuote(value)}: invalid syntax`);
}

const integer = /^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9]\d*)$/;

/** As strconv.ParseUint with base 0 (`0x10` is 16) or 10. */
export function parseUint(value: string, bits: 16 | 32 | 64, base: 0 | 10 = 0): number {
  const parsed = digitsOf(value, base);
  if (parsed === undefined) throw new Error(`strconv.ParseUint: parsing ${goQuote(value)}: invalid syntax`);
  if (parsed >= 1n << BigInt(bits)) throw new Error(`strconv.ParseUint: parsing ${goQuote(value)}: value out of range`);
  return Number(parsed);
}

export function parseInt64(value: string, name = "ParseInt", base: 0 | 10 = 0): number {
  const negative = value.startsWith("-");
  const parsed = digitsOf(value.replace(/^[+-]/, ""), base);
  if (parsed === undefined) throw new Error(`strconv.${name}: parsing ${goQuote(value)}: invalid syntax`);
  if (parsed > (1n << 63n) - (negative ? 0n : 1n)) {
    throw new Error(`strconv.${name}: parsing ${goQuote(value)}: value out of range`);
  }
  return Number(negative ? -parsed : parsed);
}

function digitsOf(value: string, base: 0 | 10): bigint | undefined {
  if (base === 10) return /^\d+$/.test(value) ? BigInt(value) : undefined;
  const plain = value.replace(/(?<=[\da-fA-F])_(?=[\da-fA-F])/g, "");
  if (!integer.test(plain)) return undefined;
  return BigInt(/^0[0-7]+$/.test(plain) ? `0o${plain.slice(1)}` : plain);
}

function parseFloat64(value: string): number {
  const parsed = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(parsed)) throw new Error(`strconv.ParseFloat: parsing ${goQuote(value)}: invalid syntax`);
  return parsed;
}

/** strconv.Quote of what a shell can pass. */
export function goQuote(value: string): string {
  return JSON.stringify(value).replace(/\\u00([01][0-9a-f])/g, "\\x$1");
}
