// Writes to the node's memory: one batch at a time, the next holds all that came meanwhile, in order.

import type { LocalChange, LocalState } from "./state.js";

interface Pending {
  readonly change: LocalChange;
  /** Called once the change is stored. */
  readonly stored: (() => void) | undefined;
}

export class Journal {
  readonly #state: LocalState;
  readonly #onFailure: (error: unknown) => void;
  #pending: Pending[] = [];
  #isWriting = false;
  #idle: (() => void)[] = [];

  /** `onFailure` is told of a write that failed; nothing is written after it. */
  constructor(state: LocalState, onFailure: (error: unknown) => void) {
    this.#state = state;
    this.#onFailure = onFailure;
  }

  write(change: LocalChange, stored?: () => void): void {
    this.#pending.push({ change, stored });
    if (!this.#isWriting) void this.#pump();
  }

  /** Resolves when everything written so far is stored. */
  flushed(): Promise<void> {
    if (!this.#isWriting) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #pump(): Promise<void> {
    this.#isWriting = true;
    try {
      // A batch gathers what the same turn of the loop says.
      await Promise.resolve();
      while (this.#pending.length > 0) {
        const batch = this.#pending;
        this.#pending = [];
        await this.#state.write(batch.map(({ change }) => change));
        for (const { stored } of batch) stored?.();
      }
    } catch (error) {
      return this.#onFailure(error);
    }
    this.#isWriting = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
