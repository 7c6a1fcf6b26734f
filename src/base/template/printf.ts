// Go's fmt verbs: printf, print.
import { quote } from "./quote.js";
import { show, TemplateObject, typeName } from "./value.js";

interface Spec {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly verb: string;
}

/** Wider than any terminal; a template must not be able to ask for gigabytes. */
const widthMax = 10_000;

const directive = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?([\s\S]?)/gu;

/** printf: what is wrong shows in the text (`%!d(string=x)`), as in Go. */
export function formatGo(format: string, ...args: readonly unknown[]): string {
  let used = 0;
  const take = (): unknown => args[used++];
  const text = format.replace(directive, (_, flags: string, width?: string, precision?: string, verb?: string) => {
    if (verb === undefined || verb === "") return "%!(NOVERB)";
    if (verb === "%") return "%";
    const spec: Spec = {
      flags,
      width: sizeOf(width, take),
      precision: precision === "" ? 0 : sizeOf(precision, take),
      verb,
    };
    if (used >= args.length) return `%!${verb}(MISSING)`;
    return formatOne(spec, take());
  });
  return used < args.length ? text + extra(args.slice(used)) : text;
}

/** print: blanks only between two operands that are both not text. */
export function printGo(...args: readonly unknown[]): string {
  return args
    .map((arg, index) => {
      const spaced = index > 0 && typeof arg !== "string" && typeof args[index - 1] !== "string";
      return (spaced ? " " : "") + show(arg);
    })
    .join("");
}

function sizeOf(text: string | undefined, take: () => unknown): number | undefined {
  if (text === undefined) return undefined;
  const size = text === "*" ? Number(take()) : Number(text);
  return Math.min(Math.abs(size), widthMax);
}

function extra(args: readonly unknown[]): string {
  return `%!(EXTRA ${args.map((arg) => `${goKind(arg)}=${show(arg)}`).join(", ")})`;
}

function goKind(value: unknown): string {
  return value === undefined || value === null ? "<nil>" : typeName(value);
}

function formatOne(spec: Spec, value: unknown): string {
  const plain = value instanceof TemplateObject && spec.verb !== "v" && spec.verb !== "s" ? value.toJSON() : value;
  const body = verbText(spec, plain);
  return body === undefined ? badVerb(spec, value) : padded(spec, body, plain);
}

function badVerb({ verb }: Spec, value: unknown): string {
  if (value === undefined || value === null) return `%!${verb}(<nil>)`;
  return `%!${verb}(${goKind(value)}=${show(value)})`;
}

/** undefined: the verb does not fit the value. */
function verbText(spec: Spec, value: unknown): string | undefined {
  if (spec.verb === "v") return show(value);
  if (spec.verb === "T") return goKind(value);
  if (Array.isArray(value)) return arrayText(spec, value);
  if (value instanceof TemplateObject) return value.toString();
  switch (typeof value) {
    case "string":
      return stringText(spec, value);
    case "boolean":
      return spec.verb === "t" ? String(value) : undefined;
    case "bigint":
      return integerText(spec, Number(value));
    case "number":
      return Number.isInteger(value) ? integerText(spec, value) : floatText(spec, value);
    default:
      return undefined;
  }
}

function arrayText(spec: Spec, values: readonly unknown[]): string {
  return `[${values.map((value) => verbText(spec, value) ?? badVerb(spec, value)).join(" ")}]`;
}

function stringText({ verb, precision, flags }: Spec, value: string): string | undefined {
  const cut = precision === undefined ? value : Array.from(value).slice(0, precision).join("");
  if (verb === "s") return cut;
  if (verb === "q") return flags.includes("#") && !cut.includes("`") ? `\`${cut}\`` : quote(cut);
  if (verb === "x") return hexOf(cut);
  if (verb === "X") return hexOf(cut).toUpperCase();
  return undefined;
}

function integerText({ verb, flags }: Spec, value: number): string | undefined {
  const digits = integerDigits(verb, Math.abs(value), flags.includes("#"));
  if (digits === undefined) return undefined;
  if (value < 0) return `-${digits}`;
  if (flags.includes("+") && verb !== "c" && verb !== "q" && verb !== "U") return `+${digits}`;
  return flags.includes(" ") ? ` ${digits}` : digits;
}

function integerDigits(verb: string, value: number, alternate: boolean): string | undefined {
  switch (verb) {
    case "d":
      return String(value);
    case "x":
      return (alternate ? "0x" : "") + value.toString(16);
    case "X":
      return (alternate ? "0X" : "") + value.toString(16).toUpperCase();
    case "o":
      return (alternate ? "0" : "") + value.toString(8);
    case "O":
      return `0o${value.toString(8)}`;
    case "b":
      return (alternate ? "0b" : "") + value.toString(2);
    case "c":
      return String.fromCodePoint(value);
    case "q":
      return `'${String.fromCodePoint(value)}'`;
    case "U":
      return `U+${value.toString(16).toUpperCase().padStart(4, "0")}`;
    default:
      return undefined;
  }
}

function floatText({ verb, precision, flags }: Spec, value: number): string | undefined {
  const digits = floatDigits(verb, value, precision);
  return digits !== undefined && flags.includes("+") && value >= 0 ? `+${digits}` : digits;
}

function floatDigits(verb: string, value: number, precision: number | undefined): string | undefined {
  switch (verb) {
    case "f":
    case "F":
      return value.toFixed(Math.min(precision ?? 6, 100));
    case "e":
    case "E": {
      const text = value.toExponential(Math.min(precision ?? 6, 100)).replace(/e([+-])(\d)$/, "e$10$2");
      return verb === "E" ? text.toUpperCase() : text;
    }
    case "g":
    case "G":
      return precision === undefined
        ? show(value)
        : String(Number(value.toPrecision(Math.max(1, Math.min(precision, 100)))));
    default:
      return undefined;
  }
}

function padded({ flags, width, verb }: Spec, body: string, value: unknown): string {
  const missing = (width ?? 0) - Array.from(body).length;
  if (missing <= 0) return body;
  if (flags.includes("-")) return body + " ".repeat(missing);
  const zeros = flags.includes("0") && (typeof value === "number" || typeof value === "bigint") && verb !== "v";
  if (!zeros) return " ".repeat(missing) + body;
  const sign = /^[+-]/.test(body) ? body.charAt(0) : "";
  return sign + "0".repeat(missing) + body.slice(sign.length);
}

function hexOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
