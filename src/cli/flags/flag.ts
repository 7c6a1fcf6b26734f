// What a flag is, and the table of them that a verb declares; values are typed by the table.

export interface FlagType<T> {
  /** Shown in the help after the flag's name: `uint`, `list`; empty for a switch. */
  readonly label: string;
  /** A value for the flag given alone (`--detach`), which then never takes the next argument. */
  readonly bare?: string;
  /** Reads one occurrence; `before` is what earlier occurrences made. Throws an Error saying what is wrong. */
  parse(text: string, before: T | undefined): T;
}

export interface Flag<T> {
  readonly type: FlagType<T>;
  readonly usage: string;
  readonly short?: string;
  /** The default as the help shows it, quotes included where docker has them. */
  readonly shown?: string;
  /** Not in the help; still understood. */
  readonly hidden?: boolean;
  /** The lowest API version of a daemon that knows what this flag asks for. */
  readonly since?: string;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** Only what was given on the command line is there; defaults belong to the verb. */
export type FlagValues<F extends FlagTable> = {
  readonly [K in keyof F]?: F[K] extends Flag<infer T> ? T : never;
};

type Options = Omit<Flag<unknown>, "type" | "usage">;

export function flag<T>(type: FlagType<T>, usage: string, options: Options = {}): Flag<T> {
  return { type, usage, ...options };
}
