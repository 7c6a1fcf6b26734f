// Several addresses, one of which is to answer: dialled in order, the next as soon as one has failed or is slow to answer, so
// that a machine that is gone without a word costs a moment and not its whole bound. One that fails may name who is to be asked:
// that one is next, and a dial to it that is under way goes on, for it may have to let many others in first. The others are asked
// again only after a while: somebody else may have been elected.

import type { Clock, Timer } from "../base/index.js";

/** Who was named by another is waited for this many times as long before the others are asked again; then twice that, and so on. */
const namedPatience = 4;
/** One that failed is dialled again when another names it, so often: it may just have been elected. */
const namedMax = 3;

/** What is opened can be thrown away again. */
interface Closable {
  close(): unknown;
}

export interface FirstOpenOptions<Opened extends Closable> {
  readonly clock: Clock;
  /** How long one is waited for before the next is dialled too. */
  readonly patienceMs: number;
  /** Ends what was opened, too. */
  readonly signal: AbortSignal;
  /** Has a bound of its own. */
  readonly open: (addr: string, signal: AbortSignal) => Promise<Opened>;
  /** Told of each that did not open. Returns whom it named, "" when it answered that there is nobody to name. */
  readonly failed: (addr: string, error: unknown) => string | undefined;
}

export interface FirstOpened<Opened> {
  readonly addr: string;
  readonly opened: Opened;
}

/** The first that opens; those dialled besides are dropped. Rejects with the last failure when none does. `addrs` is not empty. */
export function firstOpen<Opened extends Closable>(
  addrs: readonly string[],
  options: FirstOpenOptions<Opened>,
): Promise<FirstOpened<Opened>> {
  return new Promise((resolve, reject) => new Dials(addrs, options, resolve, reject).next());
}

class Dials<Opened extends Closable> {
  readonly #options: FirstOpenOptions<Opened>;
  readonly #resolve: (first: FirstOpened<Opened>) => void;
  readonly #reject: (error: Error) => void;
  readonly #underWay = new Map<string, AbortController>();
  /** Those still to be dialled. */
  #rest: readonly string[];
  /** Those that did not open. */
  #failed: readonly string[] = [];
  #named: string | undefined;
  #namings = 0;
  #asksAgain = 0;
  #patience: Timer | undefined;
  #isOver = false;

  constructor(
    addrs: readonly string[],
    options: FirstOpenOptions<Opened>,
    resolve: (first: FirstOpened<Opened>) => void,
    reject: (error: Error) => void,
  ) {
    this.#rest = addrs;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Dials the next one, if any is left. */
  next(): void {
    const [addr] = this.#rest;
    if (addr !== undefined) this.#dial(addr);
  }

  #dial(addr: string): void {
    const { signal, open } = this.#options;
    this.#rest = this.#rest.filter((each) => each !== addr);
    const own = new AbortController();
    this.#underWay.set(addr, own);
    this.#bePatient();
    open(addr, AbortSignal.any([signal, own.signal])).then(
      (opened) => this.#opened(addr, opened),
      (error: unknown) => this.#didNotOpen(addr, error),
    );
  }

  #opened(addr: string, opened: Opened): void {
    if (this.#isOver) return void opened.close();
    this.#end(addr);
    this.#resolve({ addr, opened });
  }

  #didNotOpen(addr: string, error: unknown): void {
    this.#underWay.delete(addr);
    if (this.#isOver) return;
    this.#failed = [...this.#failed, addr];
    const named = this.#options.failed(addr, error);
    if (named && this.#heed(named)) return;
    if (this.#rest.length > 0) return this.next();
    const isWorthWaiting = this.#underWay.size > 0 && (named !== "" || this.#isNamedUnderWay);
    if (isWorthWaiting) return;
    this.#end();
    this.#reject(error as Error);
  }

  /** Returns whether the one that was named is dialled. */
  #heed(named: string): boolean {
    this.#named = named;
    if (this.#isNamedUnderWay) this.#bePatient();
    else if (this.#namings < namedMax) {
      this.#namings += 1;
      this.#dial(named);
    }
    return this.#isNamedUnderWay;
  }

  get #isNamedUnderWay(): boolean {
    return this.#named !== undefined && this.#underWay.has(this.#named);
  }

  #bePatient(): void {
    const { clock, patienceMs } = this.#options;
    const times = this.#isNamedUnderWay ? namedPatience * 2 ** this.#asksAgain : 1;
    this.#patience?.cancel();
    this.#patience = clock.after(times * patienceMs, () => this.#losePatience());
  }

  #losePatience(): void {
    if (this.#rest.length === 0 && this.#isNamedUnderWay) {
      this.#asksAgain += 1;
      this.#rest = this.#failed;
      this.#failed = [];
    }
    this.next();
  }

  #end(kept?: string): void {
    this.#isOver = true;
    this.#patience?.cancel();
    for (const [addr, dial] of this.#underWay)
      if (addr !== kept) dial.abort(new Error("another manager answered first"));
  }
}
