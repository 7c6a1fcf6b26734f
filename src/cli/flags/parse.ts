// A command line into flags and arguments, by the rules of Go's pflag: `--a=b`, `--a b`, `-ab`, `-p80`, `--`.
import { FlagError } from "../errors.js";
import type { Flag, FlagTable, FlagValues } from "./flag.js";

export interface ParsedLine<F extends FlagTable> {
  readonly values: FlagValues<F>;
  readonly args: readonly string[];
  /** `--help` or `-h` stood among the flags. */
  readonly help: boolean;
}

export interface ParseOptions {
  /** Flags end at the first argument: what follows belongs to the container. */
  readonly stopAtArgument?: boolean;
}

/** @throws FlagError in docker's words */
export function parseLine<F extends FlagTable>(
  table: F,
  argv: readonly string[],
  options: ParseOptions = {},
): ParsedLine<F> {
  return new LineParser(table, argv, options.stopAtArgument ?? false).parse() as ParsedLine<F>;
}

class LineParser {
  private readonly table: FlagTable;
  private readonly rest: string[];
  private readonly stopAtArgument: boolean;
  private readonly values: Record<string, unknown> = {};
  private readonly args: string[] = [];
  private help = false;

  constructor(table: FlagTable, argv: readonly string[], stopAtArgument: boolean) {
    this.table = table;
    this.rest = [...argv];
    this.stopAtArgument = stopAtArgument;
  }

  parse(): ParsedLine<FlagTable> {
    for (let word = this.rest.shift(); word !== undefined; word = this.rest.shift()) {
      if (word === "--") break;
      if (word.startsWith("--")) this.readLong(word.slice(2));
      else if (word.startsWith("-") && word !== "-") this.readShort(word.slice(1), word);
      else {
        this.args.push(word);
        if (this.stopAtArgument) break;
      }
    }
    this.args.push(...this.rest);
    return { values: this.values, args: this.args, help: this.help };
  }

  private readLong(word: string): void {
    const [name = "", ...after] = word.split("=");
    if (name === "" || name.startsWith("-")) throw new FlagError(`bad flag syntax: --${word}`);
    const found = Object.hasOwn(this.table, name) ? this.table[name] : undefined;
    if (found === undefined) {
      if (name !== "help") throw new FlagError(`unknown flag: --${name}`);
      this.help = true;
    } else if (after.length > 0) this.set(name, found, after.join("="));
    else this.set(name, found, found.type.bare ?? this.next(`flag needs an argument: --${name}`));
  }

  /** `-dq`, `-p80:80`, `-p=80:80`, `-p 80:80` */
  private readShort(letters: string, word: string): void {
    const letter = letters.charAt(0);
    const after = letters.slice(1);
    const [name, found] = Object.entries(this.table).find(([, { short }]) => short === letter) ?? [];
    if (name === undefined || found === undefined) {
      if (letter !== "h") throw new FlagError(`unknown shorthand flag: '${letter}' in ${word}`);
      this.help = true;
      return;
    }
    if (after.startsWith("=")) this.set(name, found, after.slice(1));
    else if (found.type.bare !== undefined) {
      this.set(name, found, found.type.bare);
      if (after !== "") this.readShort(after, `-${after}`);
    } else this.set(name, found, after === "" ? this.next(`flag needs an argument: '${letter}' in ${word}`) : after);
  }

  private next(why: string): string {
    const value = this.rest.shift();
    if (value === undefined) throw new FlagError(why);
    return value;
  }

  private set(name: string, { type, short }: Flag<unknown>, text: string): void {
    try {
      this.values[name] = type.parse(text, this.values[name]);
    } catch (error) {
      const shown = short === undefined ? `--${name}` : `-${short}, --${name}`;
      const why = error instanceof Error ? error.message : String(error);
      throw new FlagError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${why}`);
    }
  }
}
