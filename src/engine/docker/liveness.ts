// A call that may rightly take long is watched: while one is under way the engine is pinged, one ping for all of them,
// and when a ping goes unanswered every watched call ends with Unavailable. So a frozen engine hangs nobody.

import type { Clock, Timer } from "../../base/index.js";
import { bounds } from "../bounds.js";
import type { Watch } from "./http.js";

export class Liveness implements Watch {
  readonly #clock: Clock;
  readonly #ping: () => Promise<void>;
  readonly #watched = new Set<AbortController>();
  #timer: Timer | undefined;

  /** `ping` rejects with Unavailable when the engine does not answer within its own bound. */
  constructor(modules: { readonly clock: Clock; readonly ping: () => Promise<void> }) {
    this.#clock = modules.clock;
    this.#ping = modules.ping;
  }

  watch(end: AbortController): () => void {
    this.#watched.add(end);
    if (this.#watched.size === 1) this.#arm();
    return () => {
      this.#watched.delete(end);
      if (this.#watched.size === 0) this.#disarm();
    };
  }

  #arm(): void {
    this.#disarm();
    this.#timer = this.#clock.after(bounds.livenessPeriodMs, () => {
      const asked = [...this.#watched];
      this.#ping().then(
        () => {
          if (this.#watched.size > 0) this.#arm();
        },
        (error: unknown) => {
          for (const end of asked) end.abort(error);
          if (this.#watched.size > 0) this.#arm();
        },
      );
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
