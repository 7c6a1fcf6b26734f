// Was a history of calls linearizable: is there an order of them, each at one moment between its call and its return, in
// which a sequential object would have given the same answers (Wing and Gong; memoised as Lowe and Porcupine do)?

export interface Operation<Input, Output> {
  /** Who called; only for the report. */
  readonly client: string | number;
  readonly input: Input;
  /** Any times of one clock, or numbers in order of the events. Equal ones count as at once. */
  readonly calledAt: number;
  /** Undefined: the outcome is unknown. It took effect at any moment after the call, or never. */
  readonly returned: { readonly at: number; readonly output: Output } | undefined;
  /** Where it is believed to stand in the order, if that is known of all that took effect: what is tried first. */
  readonly likelyAt?: number | undefined;
}

/** The sequential object. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  apply(state: State, input: Input): { readonly state: State; readonly output: Output };
  /** Equal texts, equal states. */
  stateKey(state: State): string;
  /** Operations with different keys touch nothing in common, and are checked apart. */
  keyOf?(input: Input): string;
  /** Object.is unless given. */
  isSame?(a: Output, b: Output): boolean;
}

export type Linearizability =
  | { readonly ok: true }
  | { readonly ok: false; readonly explain: string }
  /** Neither an order nor a proof that there is none was found within the bound. */
  | { readonly ok: undefined; readonly explain: string };

/** Configurations looked at for one key: about a second, and some 200 MB. */
export const configurationsMax = 1_000_000;

export function checkLinearizable<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  limits: { readonly configurationsMax?: number } = {},
): Linearizability {
  const byKey = new Map<string, Operation<Input, Output>[]>();
  for (const operation of history) {
    const key = model.keyOf?.(operation.input) ?? "";
    const of = byKey.get(key);
    if (of) of.push(operation);
    else byKey.set(key, [operation]);
  }
  let undecided: Linearizability | undefined;
  for (const [key, operations] of byKey) {
    const found = new Search(operations, model).run(limits.configurationsMax ?? configurationsMax);
    if (found.ok === true) continue;
    const named = key === "" ? found : { ...found, explain: `${key}: ${found.explain}` };
    if (named.ok === false) return named;
    undecided ??= named;
  }
  return undecided ?? { ok: true };
}

/** An operation that was given its place, and where the search goes on when that was wrong. */
interface Placed<State> {
  readonly at: number;
  readonly before: State;
  readonly lastBefore: number;
  readonly withoutBefore: { readonly state: State } | undefined;
  readonly others: readonly number[];
}

/** Depth first: places one of the operations that may come next, until all with a known outcome have a place. */
class Search<State, Input, Output> {
  /** By call; the ones without a place are a list through `#next` and `#previous`, whose ends are `#end`. */
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #model: Model<State, Input, Output>;
  readonly #next: number[];
  readonly #previous: number[];
  readonly #end: number;
  readonly #stack: Placed<State>[] = [];
  readonly #seen = new Set<string>();
  #state: State;
  /** The state if the last one of unknown outcome had never happened; undefined once an answer has shown that it did. */
  #without: { readonly state: State } | undefined;
  /** The latest called of those that have a place. */
  #last = -1;
  #knownLeft: number;
  /** The most that was placed, for the report. */
  #best = { placed: -1, order: [] as number[], stuck: [] as readonly number[], state: "" };

  constructor(operations: readonly Operation<Input, Output>[], model: Model<State, Input, Output>) {
    this.#operations = [...operations].sort((a, b) => a.calledAt - b.calledAt);
    this.#model = model;
    this.#state = model.initial;
    this.#knownLeft = operations.filter(({ returned }) => returned).length;
    const count = (this.#end = operations.length);
    this.#next = Array.from({ length: count + 1 }, (_, at) => (at === count ? 0 : at + 1));
    this.#previous = Array.from({ length: count + 1 }, (_, at) => (at === 0 ? count : at - 1));
  }

  run(configurations: number): Linearizability {
    let candidates = this.#candidates();
    while (this.#knownLeft > 0) {
      if (this.#seen.size > configurations) {
        return { ok: undefined, explain: `undecided after ${configurations} configurations` };
      }
      if (this.#placeFirst(candidates)) {
        candidates = this.#candidates();
        continue;
      }
      this.#remember(candidates);
      const back = this.#stack.pop();
      if (!back) return { ok: false, explain: this.#explain() };
      this.#takeBack(back);
      candidates = back.others;
    }
    return { ok: true };
  }

  /** Who may come next: nobody without a place returned before it was called. The likely ones first, those that may never have happened last. */
  #candidates(): readonly number[] {
    const known: number[] = [];
    const unknown: number[] = [];
    let returnedMin = Number.POSITIVE_INFINITY;
    for (let at = this.#next[this.#end] ?? this.#end; at !== this.#end; at = this.#next[at] ?? this.#end) {
      const operation = this.#operations[at];
      if (!operation || operation.calledAt > returnedMin) break;
      returnedMin = Math.min(returnedMin, operation.returned?.at ?? Number.POSITIVE_INFINITY);
      (operation.returned ? known : unknown).push(at);
    }
    return [...known, ...unknown].sort((a, b) => this.#rankOf(a) - this.#rankOf(b));
  }

  #rankOf(at: number): number {
    const { likelyAt, returned } = this.#operations[at] ?? {};
    return likelyAt ?? returned?.at ?? Number.MAX_VALUE;
  }

  /** Gives the first candidate that fits its place; false when none does. */
  #placeFirst(candidates: readonly number[]): boolean {
    for (const [nth, at] of candidates.entries()) {
      const operation = this.#operations[at];
      if (!operation) continue;
      const { state, output } = this.#model.apply(this.#state, operation.input);
      if (operation.returned && !this.#isSame(operation.returned.output, output)) continue;
      const without = this.#withoutAfter(operation, state, output);
      if (without === "wasted") continue;
      this.#unlink(at);
      const last = Math.max(this.#last, at);
      const configuration = `${this.#leftKey(last)}|${this.#model.stateKey(state)}`;
      if (this.#seen.has(configuration)) {
        this.#relink(at);
        continue;
      }
      this.#seen.add(configuration);
      const others = candidates.slice(nth + 1);
      const [lastBefore, withoutBefore] = [this.#last, this.#without];
      this.#stack.push({ at, before: this.#state, lastBefore, withoutBefore, others });
      this.#state = state;
      this.#without = without;
      this.#last = last;
      if (operation.returned) this.#knownLeft -= 1;
      return true;
    }
    return false;
  }

  /**
   * `#without` after this operation. Wasted: whether the last one of unknown outcome happened makes no difference any more,
   * and nobody saw it, so the order without it is as good; there are far fewer of those to try.
   */
  #withoutAfter(
    { input, returned, likelyAt }: Operation<Input, Output>,
    state: State,
    output: Output,
  ): { readonly state: State } | undefined | "wasted" {
    const model = this.#model;
    const key = model.stateKey(state);
    if (!returned && key === model.stateKey(this.#state)) return "wasted";
    const without = this.#without && model.apply(this.#without.state, input);
    const isSeen = without && returned && !this.#isSame(without.output, output);
    if (without && !isSeen && model.stateKey(without.state) === key) return "wasted";
    if (!returned) return likelyAt === undefined ? { state: this.#state } : undefined;
    return isSeen ? undefined : without;
  }

  #takeBack({ at, before, lastBefore, withoutBefore }: Placed<State>): void {
    this.#relink(at);
    this.#state = before;
    this.#last = lastBefore;
    this.#without = withoutBefore;
    if (this.#operations[at]?.returned) this.#knownLeft += 1;
  }

  #isSame(a: Output, b: Output): boolean {
    return this.#model.isSame ? this.#model.isSame(a, b) : Object.is(a, b);
  }

  /** Who is left: those that were passed over, and all after the last that has a place. */
  #leftKey(last: number): string {
    let key = `${last}`;
    for (let at = this.#next[this.#end] ?? this.#end; at < last; at = this.#next[at] ?? this.#end) key += `,${at}`;
    return key;
  }

  #unlink(at: number): void {
    const [before = 0, after = 0] = [this.#previous[at], this.#next[at]];
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  /** Its own links are as they were: what was placed last is taken back first. */
  #relink(at: number): void {
    const [before = 0, after = 0] = [this.#previous[at], this.#next[at]];
    this.#next[before] = at;
    this.#previous[after] = at;
  }

  #remember(stuck: readonly number[]): void {
    if (this.#stack.length <= this.#best.placed) return;
    const order = this.#stack.map(({ at }) => at);
    this.#best = { placed: order.length, order, stuck, state: this.#model.stateKey(this.#state) };
  }

  #explain(): string {
    const { placed, order, stuck, state } = this.#best;
    const tell = (ats: readonly number[]): string => ats.map((at) => this.#describe(at)).join("; ") || "nothing";
    return (
      `no order fits; ${placed} of ${this.#end} had a place, the last of them ${tell(order.slice(-3))}; ` +
      `in state ${state} none of these fits: ${tell(stuck)}`
    );
  }

  #describe(at: number): string {
    const { client, input, calledAt, returned } = this.#operations[at] ?? {};
    const end = returned ? `${JSON.stringify(returned.output) ?? "nothing"} at ${returned.at}` : "unknown";
    return `client ${client} at ${calledAt}: ${JSON.stringify(input)} → ${end}`;
  }
}
