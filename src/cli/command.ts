// What a verb is: its words, flags and arguments, and the function that does it.
import type { Client } from "./client.js";
import type { FlagTable, FlagValues } from "./flags/flag.js";
import type { World } from "./world.js";

export interface Arity {
  readonly min: number;
  /** Undefined: any number. */
  readonly max?: number;
}

/** What a running verb is given. */
export interface Invocation<F extends FlagTable> {
  readonly flags: FlagValues<F>;
  readonly args: readonly string[];
  readonly world: World;
  /** Checked to be Skep unless the verb said it works with any engine. */
  readonly client: Client;
  /** `skep service create` */
  readonly path: string;
  readonly help: HelpText;
}

export interface HelpText {
  readonly page: string;
  readonly usage: string;
}

export interface Verb {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** After the verb's name in its usage line. */
  readonly use: string;
  readonly about: string;
  readonly args: Arity;
  readonly flags: FlagTable;
  readonly stopAtArgument?: boolean;
  /** All spellings of a verb that stands in two places, as the help shows them. */
  readonly helpAliases?: readonly string[];
  /** Works with a plain Docker Engine too. */
  readonly anyEngine?: boolean;
  /** The command line is handed on as it is: no flags, no help, no client of ours. */
  readonly raw?: (argv: readonly string[], world: World) => Promise<number>;
  run(invocation: Invocation<FlagTable>): Promise<number | undefined>;
}

export interface Noun {
  readonly name: string;
  readonly about: string;
  readonly verbs: readonly Verb[];
  /** Not built yet: what to say instead. */
  readonly missing?: string;
}

type Declared<F extends FlagTable> = Omit<Verb, "flags" | "run"> & {
  readonly flags: F;
  /** The exit code; undefined is 0. */
  run(invocation: Invocation<F>): Promise<number | undefined>;
};

/** Ties the types of the flags to what `run` sees of them. */
export function verb<F extends FlagTable>(declared: Declared<F>): Verb {
  return declared as unknown as Verb;
}

export const noArguments: Arity = { min: 0, max: 0 };
export const oneArgument: Arity = { min: 1, max: 1 };
export const someArguments: Arity = { min: 1 };
export const anyArguments: Arity = { min: 0 };
