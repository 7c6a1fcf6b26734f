// Several addresses, one of which is to answer: dialled in order, the next as soon as one has failed or is slow to answer, so
// that a machine that is gone without a word costs a moment and not its whole bound.

import type { Clock, Timer } from "../base/index.js";

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
  /** Told of each that did not open. */
  readonly failed: (addr: string) => void;
}

/** The first that opens; those dialled besides are dropped. Rejects with the last failure when none does. `addrs` is not empty. */
export function firstOpen<Opened extends Closable>(
  addrs: readonly string[],
  { clock, patienceMs, signal, open, failed }: FirstOpenOptions<Opened>,
): Promise<{ readonly addr: string; readonly opened: Opened }> {
  return new Promise((resolve, reject) => {
    const dials = new Map<string, AbortController>();
    let isOver = false;
    let patience: Timer | undefined;
    const dropOthers = (kept?: string): void => {
      isOver = true;
      patience?.cancel();
      for (const [addr, dial] of dials) if (addr !== kept) dial.abort(new Error("another manager answered first"));
    };
    const onOpen = (addr: string, opened: Opened): void => {
      if (isOver) return void opened.close();
      dropOthers(addr);
      resolve({ addr, opened });
    };
    const onFailure = (addr: string, error: unknown): void => {
      dials.delete(addr);
      if (isOver) return;
      failed(addr);
      if (dials.size === 0 && next >= addrs.length) {
        dropOthers();
        reject(error as Error);
      } else dialNext();
    };
    let next = 0;
    const dialNext = (): void => {
      patience?.cancel();
      const addr = addrs[next];
      if (addr === undefined || isOver) return;
      next += 1;
      const dial = new AbortController();
      dials.set(addr, dial);
      patience = clock.after(patienceMs, dialNext);
      open(addr, AbortSignal.any([signal, dial.signal])).then(
        (opened) => onOpen(addr, opened),
        (error: unknown) => onFailure(addr, error),
      );
    };
    dialNext();
  });
}
