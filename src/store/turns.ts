// Long work beside everything else this process does: in turns, a short while each. What is asked for the next turn of the loop
// shares it only as far as it has room (`nextTurn`), so what many parts have to look at when a manager begins to lead holds the
// loop no longer than what one of them has.

import type { Clock } from "../base/index.js";

/** Own time of one turn: with what else is due then it stays far below what nothing may take (architecture, principle 8). */
const turnMs = 3;
/** Steps of one turn, however quick: a step is a row looked at, or what costs as much. */
const turnSteps = 2_000;
/** Steps between two looks at the clock. */
const clockSteps = 16;

export interface TurnsModules {
  readonly clock: Clock;
  /** Runs `fn` once the loop has done what else is due; absent: nothing is given way to. */
  readonly nextTurn?: ((fn: () => void) => void) | undefined;
}

/** In tests: turns that are over after fewer steps. */
export interface TurnsOptions {
  readonly turnSteps?: number;
}

export class Turns {
  readonly #steps: number;
  readonly #clock: Clock;
  readonly #nextTurn: (fn: () => void) => void;

  constructor(options: TurnsOptions, { clock, nextTurn = queueMicrotask }: TurnsModules) {
    this.#steps = options.turnSteps ?? turnSteps;
    this.#clock = clock;
    this.#nextTurn = nextTurn;
  }

  /** Resolves once others had their turn; then rejects with the signal's reason, if it was aborted. */
  async next(signal: AbortSignal): Promise<Turn> {
    await new Promise<void>((resolve) => this.#nextTurn(resolve));
    signal.throwIfAborted();
    return new Turn(this.#clock, this.#steps);
  }

  /** Takes `steps` to their end, some in each turn, the first in the next. Rejects with the signal's reason between two turns. */
  async run(steps: Iterable<unknown>, signal: AbortSignal): Promise<void> {
    let turn = await this.next(signal);
    for (const _ of steps) if (turn.isOver()) turn = await this.next(signal);
  }
}

/** One turn: whoever has it asks after each step whether it is over, and then for the next. */
export class Turn {
  readonly #clock: Clock;
  readonly #endMs: number;
  #left: number;
  #toClock = clockSteps;

  constructor(clock: Clock, steps: number) {
    this.#clock = clock;
    this.#endMs = clock.monotonic() + turnMs;
    this.#left = steps;
  }

  /** Counts `steps`. */
  isOver(steps = 1): boolean {
    this.#left -= steps;
    this.#toClock -= steps;
    if (this.#left <= 0) return true;
    if (this.#toClock > 0) return false;
    this.#toClock = clockSteps;
    return this.#clock.monotonic() >= this.#endMs;
  }
}
