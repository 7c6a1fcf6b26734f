// What a leader does after its loop stood still, when another may lead by now: nothing is read in its name until a majority has
// said that it still leads; and one that stood still for long leaves the lead to another, but not soon after it got it. Where all
// are overloaded together, or beginning to lead is what takes so long, it would go round for ever.

import type { Clock } from "../base/index.js";
import type { Ticks } from "./core/types.js";

/** A leader of fewer election timeouts than this does not step down for a stall. */
export const settledTimeouts = 10;

export type Stall = "none" | "doubt" | "resign";

export class Doubt {
  readonly #clock: Clock;
  #timeoutMs: number;
  /** Undefined while it does not lead, or has yet to begin to. */
  #leadsSinceMs: number | undefined;
  /** Whether this member still leads, asked after the last stall. */
  #answer: Promise<unknown> | undefined;
  #isUnanswered = false;

  constructor(options: Ticks & { readonly tickMs: number }, clock: Clock) {
    this.#clock = clock;
    this.#timeoutMs = options.electionTicks * options.tickMs;
  }

  /** Another election timeout is in force. */
  timeoutIs(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
  }

  get isOpen(): boolean {
    return this.#answer !== undefined;
  }

  /** Nobody answered: to be asked again. */
  get isUnanswered(): boolean {
    return this.#isUnanswered;
  }

  /** not leading → leading. A doubt stays: what made it lead may have been said before a stall. */
  begin(): void {
    this.#leadsSinceMs = this.#clock.monotonic();
  }

  /** leading → not leading. */
  end(): void {
    this.#leadsSinceMs = undefined;
    this.#answer = undefined;
    this.#isUnanswered = false;
  }

  /** What to do about a stall of `ms`: nobody else can lead before half an election timeout, most would stand after a whole one. */
  judge(ms: number): Stall {
    if (ms <= this.#timeoutMs / 2) return "none";
    const ledMs = this.#leadsSinceMs === undefined ? 0 : this.#clock.monotonic() - this.#leadsSinceMs;
    return ms > this.#timeoutMs && ledMs > settledTimeouts * this.#timeoutMs ? "resign" : "doubt";
  }

  /** Until `answer` resolves, or that of a later doubt; `over` is told then. */
  open(answer: Promise<unknown>, over: () => void): void {
    this.#answer = answer;
    this.#isUnanswered = false;
    const isLast = (): boolean => this.#answer === answer;
    answer.then(
      () => {
        if (!isLast()) return;
        this.#answer = undefined;
        over();
      },
      () => {
        if (isLast()) this.#isUnanswered = true;
      },
    );
  }
}
