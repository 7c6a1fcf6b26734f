// Whether the embedded engine answers: up, frozen (connections open, not a word) or crashed (no one there). Every wait of a
// call belongs to one life of the engine, so a crash ends it, as a broken connection would.

import { type Clock, SwarmError } from "../../base/index.js";
import { bounds } from "../bounds.js";

/** Starts waiting: calls `resolve` when it is over; gives back how to stop. */
export type Begin<T> = (resolve: (value: T) => void) => () => void;

/** The engine from one start to its crash, as one call sees it. */
export interface Life {
  /** Waits while the engine is frozen; Unavailable when that lasts longer than an answer may take, or when it crashed. */
  answering(signal: AbortSignal): Promise<void>;
  /** Rejects with the signal's reason, or Unavailable at a crash. */
  wait<T>(begin: Begin<T>, signal: AbortSignal): Promise<T>;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export class Power {
  readonly #clock: Clock;
  #mode: "up" | "frozen" | "crashed" = "up";
  #life = 0;
  readonly #crashWaits = new Set<(error: Error) => void>();
  readonly #thawWaits = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isCrashed(): boolean {
    return this.#mode === "crashed";
  }

  crash(): void {
    this.#mode = "crashed";
    this.#life += 1;
    for (const reject of [...this.#crashWaits]) reject(gone());
  }

  freeze(): void {
    if (this.#mode === "up") this.#mode = "frozen";
  }

  /** frozen, crashed → up. */
  up(): void {
    this.#mode = "up";
    for (const thaw of [...this.#thawWaits]) thaw();
  }

  /** The start of a call. */
  async enter(signal: AbortSignal): Promise<Life> {
    signal.throwIfAborted();
    const born = this.#life;
    const life: Life = {
      answering: (each) => this.#answering(born, each),
      wait: (begin, each) => this.#wait(born, begin, each),
      sleep: (ms, each) => this.#sleep(born, ms, each),
    };
    await life.answering(signal);
    return life;
  }

  async #answering(born: number, signal: AbortSignal): Promise<void> {
    this.#check(born);
    if (this.#mode !== "frozen") return;
    const answered = await this.#wait<boolean>(born, (resolve) => this.#onThaw(resolve), signal);
    if (!answered) throw new SwarmError("Unavailable", `the embedded engine did not answer in ${bounds.answerMs} ms`);
  }

  #onThaw(resolve: (answered: boolean) => void): () => void {
    const thaw = (): void => resolve(true);
    const timer = this.#clock.after(bounds.answerMs, () => resolve(false));
    this.#thawWaits.add(thaw);
    return () => {
      timer.cancel();
      this.#thawWaits.delete(thaw);
    };
  }

  async #sleep(born: number, ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0) return;
    await this.#wait<void>(
      born,
      (resolve) => {
        const timer = this.#clock.after(ms, () => resolve());
        return () => timer.cancel();
      },
      signal,
    );
  }

  #wait<T>(born: number, begin: Begin<T>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#check(born);
      signal.throwIfAborted();
      const over = (): void => {
        this.#crashWaits.delete(fail);
        signal.removeEventListener("abort", onAbort);
        stop();
      };
      const fail = (error: Error): void => {
        over();
        reject(error);
      };
      const onAbort = (): void => fail(signal.reason as Error);
      const stop = begin((value) => {
        over();
        resolve(value);
      });
      this.#crashWaits.add(fail);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #check(born: number): void {
    if (this.#mode === "crashed" || born !== this.#life) throw gone();
  }
}

function gone(): SwarmError {
  return new SwarmError("Unavailable", "Cannot connect to the embedded engine. Is it running?");
}
