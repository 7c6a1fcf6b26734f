// When what was asked for "the next turn" runs: in the loop's next one, unless that has its fill already.

/** Milliseconds of a turn of the loop after which what else was asked for it waits for the one after: each brings work of its own. */
export const turnMs = 5;

/** After what runs now, before anything else of this process. */
export function atOnce(fn: () => void): void {
  queueMicrotask(fn);
}

/** After everything that can run now, I/O callbacks at hand included: one flush of the log a turn. */
export const nextTurn = inTurns({ nowMs: () => performance.now(), soon: setImmediate });

interface Loop {
  readonly nowMs: () => number;
  /** Calls `fn` later in this turn of the loop, or, from within such a call, in the next one; in the order they were asked. */
  readonly soon: (fn: () => void) => void;
}

/** Runs what it is given in order, each by itself, so much a turn as begins within `turnMs`. */
export function inTurns({ nowMs, soon }: Loop): (fn: () => void) => void {
  const due: (() => void)[] = [];
  let beganMs: number | undefined;
  const endTurn = (): void => {
    beganMs = undefined;
  };
  const run = (): void => {
    if (beganMs === undefined) {
      beganMs = nowMs();
      soon(endTurn);
    } else if (nowMs() - beganMs >= turnMs) return soon(run);
    due.shift()?.();
  };
  return (fn) => {
    due.push(fn);
    soon(run);
  };
}
