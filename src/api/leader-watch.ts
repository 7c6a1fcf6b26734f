// Who leads, as calls see it: looked at whenever the node says that it may have changed, and every few milliseconds.

import type { Clock } from "../base/index.js";
import type { Control } from "../manager/control/index.js";
import type { Leader, Node } from "./modules.js";

export type Reached =
  | { readonly at: "here"; readonly control: Control }
  | { readonly at: "elsewhere"; readonly leader: Leader };

export function reach(node: Node): Reached | undefined {
  const control = node.control();
  if (control !== undefined) return { at: "here", control };
  const leader = node.leader();
  return leader && { at: "elsewhere", leader };
}

/** Whether both are the same leadership. */
export function isSame(one: Reached, other: Reached): boolean {
  if (one.at === "here") return other.at === "here" && one.control === other.control;
  return other.at === "elsewhere" && one.leader.key === other.leader.key;
}

export interface LeaderWatchOptions {
  /** Between two looks while a call waits, where nobody told us to look. */
  readonly lookMs: number;
}

export class LeaderWatch {
  readonly #lookMs: number;
  readonly #clock: Clock;
  /** Each looks once when called. */
  readonly #waiting = new Set<() => void>();
  #isTicking = false;

  constructor({ lookMs }: LeaderWatchOptions, { node, clock }: { readonly node: Node; readonly clock: Clock }) {
    this.#lookMs = lookMs;
    this.#clock = clock;
    node.onLeaderChange?.(() => this.#lookAll());
  }

  /**
   * Resolves with the first thing `look` finds, undefined when the clock shows `deadlineMs` (monotonic). Rejects with the
   * signal's reason, or with what `look` throws.
   */
  until<T>(look: () => T | undefined, deadlineMs: number, signal: AbortSignal): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => {
        stop();
        reject(signal.reason as Error);
      };
      const lookOnce = (): void => {
        try {
          const found = look();
          if (found === undefined && this.#clock.monotonic() < deadlineMs) return;
          resolve(found);
        } catch (error) {
          reject(error as Error);
        }
        stop();
        signal.removeEventListener("abort", onAbort);
      };
      const stop = this.keepLooking(lookOnce);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Calls `lookOnce` from now on whenever there may be something to see; returns how to stop that. */
  keepLooking(lookOnce: () => void): () => void {
    this.#waiting.add(lookOnce);
    if (!this.#isTicking) this.#lookLater();
    return () => this.#waiting.delete(lookOnce);
  }

  #lookAll(): void {
    for (const lookOnce of [...this.#waiting]) lookOnce();
  }

  /** Goes on for one look after the last has gone: most calls are over long before it. */
  #lookLater(): void {
    this.#isTicking = true;
    this.#clock.after(this.#lookMs, () => {
      this.#lookAll();
      if (this.#waiting.size > 0) this.#lookLater();
      else this.#isTicking = false;
    });
  }
}
