// Nothing runs unowned: every background activity is a named component of a scope, and a scope has one owner.

import { messageOf } from "./errors.js";
import type { Log } from "./log.js";

/** Runs until `signal` is aborted; returning or throwing before that is a failure of the component. */
export type Run = (signal: AbortSignal) => Promise<void>;

/** A set of named activities that live and die together. The first one that fails stops the others. */
export class Scope {
  readonly #log: Log;
  readonly #abort = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  readonly #onFailure: (name: string, error: Error) => void;

  /** `onFailure` is told once, of the first component that ended before the scope was stopped. */
  constructor(log: Log, onFailure: (name: string, error: Error) => void) {
    this.#log = log;
    this.#onFailure = onFailure;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Starts `run` under this scope. */
  start(name: string, run: Run): void {
    this.#running.set(
      name,
      run(this.signal).then(
        () => this.#ended(name, new Error("ended by itself")),
        (error: unknown) => this.#ended(name, error instanceof Error ? error : new Error(String(error))),
      ),
    );
  }

  /** Asks all to stop and waits until they have. */
  async stop(reason: string): Promise<void> {
    this.#abort.abort(new Error(reason));
    await Promise.all(this.#running.values());
  }

  #ended(name: string, error: Error): void {
    if (this.signal.aborted) return;
    this.#log.error("component failed", { component: name, error: messageOf(error) });
    this.#abort.abort(new Error(`component ${name} failed`, { cause: error }));
    this.#onFailure(name, error);
  }
}
