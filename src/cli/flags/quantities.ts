// Durations, sizes and fractions of a CPU, as Go and Docker write them.
import { goQuote } from "./basic.js";
import { type Flag, flag } from "./flag.js";

type Options = Parameters<typeof flag>[2];

/** Nanoseconds. */
export function duration(usage: string, options: Options = {}): Flag<number> {
  return flag({ label: "duration", parse: parseDuration }, usage, options);
}

/** A duration that must not be shorter than a millisecond unless it is zero, as health checks want it. */
export const positiveDuration = (usage: string, options: Options = {}): Flag<number> =>
  flag({ label: "duration", parse: parsePositiveDuration }, usage, options);

export function bytes(usage: string, options: Options = {}): Flag<number> {
  return flag({ label: "bytes", parse: parseBytes }, usage, options);
}

/** Billionths of a CPU. */
export function decimal(usage: string, options: Options = {}): Flag<number> {
  return flag({ label: "decimal", parse: parseNanoCpus }, usage, options);
}

const nanosecondsOf: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** time.ParseDuration: `1h30m`, `1.5s`, `-2ms`, `0`. Nanoseconds. */
export function parseDuration(value: string): number {
  const invalid = `time: invalid duration ${goQuote(value)}`;
  const negative = value.startsWith("-");
  let rest = value.replace(/^[+-]/, "");
  if (rest === "0") return 0;
  if (rest === "") throw new Error(invalid);
  let total = 0;
  while (rest !== "") {
    const [whole = "", number = "", unit = ""] = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest) ?? [];
    if (number === "") throw new Error(invalid);
    if (unit === "") throw new Error(`time: missing unit in duration ${goQuote(value)}`);
    const factor = nanosecondsOf[unit];
    if (factor === undefined) throw new Error(`time: unknown unit ${goQuote(unit)} in duration ${goQuote(value)}`);
    total += Math.trunc(Number(number) * factor);
    rest = rest.slice(whole.length);
  }
  if (total >= 2 ** 63) throw new Error(invalid);
  return negative ? -total : total;
}

function parsePositiveDuration(value: string): number {
  const parsed = parseDuration(value);
  if (parsed < 0) throw new Error("duration cannot be negative");
  return parsed;
}

/** time.Duration's own way to show itself: `1m30s`, `500ms`, `0s`. */
export function showDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 0) return `-${showDuration(-nanoseconds)}`;
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${trimmed(nanoseconds / 1e3)}µs`;
  if (nanoseconds < 1e9) return `${trimmed(nanoseconds / 1e6)}ms`;
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9);
  const seconds = `${trimmed((nanoseconds % 60e9) / 1e9)}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function trimmed(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/, "");
}

const sizeSuffixes = "kmgtp";

/** go-units RAMInBytes: `64m` is 64 MiB. */
export function parseBytes(value: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d*)?|\.\d+) ?([kmgtp]?)(?:i?b)?$/i.exec(value.trim()) ?? [];
  if (digits === undefined) throw new Error(badSize(value));
  const power = unit === undefined || unit === "" ? 0 : sizeSuffixes.indexOf(unit.toLowerCase()) + 1;
  return Math.trunc(Number(digits) * 1024 ** power);
}

/** `0.5` or `1/2` of a CPU, in billionths. */
export function parseNanoCpus(value: string): number {
  const ratio = ratioOf(value);
  if (ratio === undefined) throw new Error(`failed to parse ${value} as a rational number`);
  const nanos = ratio[0] * 1_000_000_000n;
  if (nanos % ratio[1] !== 0n) throw new Error("value is too precise");
  return Number(nanos / ratio[1]);
}

/** Exponents beyond this ask for a number nobody has. */
const exponentMax = 100;

function ratioOf(value: string): readonly [bigint, bigint] | undefined {
  const fraction = /^([+-]?\d+)\/(\d+)$/.exec(value);
  if (fraction !== null) {
    const below = BigInt(fraction[2] ?? "0");
    return below === 0n ? undefined : [signed(fraction[1] ?? "0"), below];
  }
  const [matched, sign = "", whole = "", part = "", power = "0"] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(value) ?? [];
  if (matched === undefined || whole + part === "" || Math.abs(Number(power)) > exponentMax) return undefined;
  const exponent = BigInt(power) - BigInt(part.length);
  const digits = BigInt(whole + part) * (sign === "-" ? -1n : 1n);
  return exponent >= 0n ? [digits * 10n ** exponent, 1n] : [digits, 10n ** -exponent];
}

function signed(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.replace("+", ""));
}

const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** go-units BytesSize: four significant digits, `23.54GiB`. */
export function showBytes(size: number): string {
  let value = size;
  let unit = 0;
  while (value >= 1024 && unit < binaryUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${String(Number(value.toPrecision(4)))}${binaryUnits[unit]}`;
}

function badSize(value: string): string {
  const [, suffix] = /^\d+(?:\.\d+)? ?([a-z]+)$/i.exec(value) ?? [];
  return suffix === undefined ? `invalid size: '${value}'` : `invalid suffix: '${suffix.toLowerCase()}'`;
}
