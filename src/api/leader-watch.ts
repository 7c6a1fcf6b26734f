// Who leads, as calls see it: looked at whenever the node says that it may have changed, and every few milliseconds.

import type { Clock, Timer } from "../base/index.js";
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
  #timer: Timer | undefined;

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
      const stop = (): void => {
        this.#waiting.delete(lookOnce);
        signal.removeEventListener("abort", onAbort);
        if (this.#waiting.size === 0) this.#timer?.cancel();
      };
      const onAbort = (): void => {
        stop();
        reject(signal.reason as Error);
      };
      const lookOnce = (): void => {
        try {
          const found = look();
          if (found === undefined && this.#clock.monotonic() < deadlineMs) return;
          stop();
          resolve(found);
        } catch (error) {
          stop();
          reject(error as Error);
        }
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(lookOnce);
      if (this.#waiting.size === 1) this.#lookLater();
    });
  }

  #lookAll(): void {
    for (const lookOnce of [...this.#waiting]) lookOnce();
  }

  #lookLater(): void {
    this.#timer = this.#clock.after(this.#lookMs, () => {
      this.#lookAll();
      if (this.#waiting.size > 0) this.#lookLater();
    });
  }
}
