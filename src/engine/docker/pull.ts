// A pull as the engine tells it: a stream of progress, where a failure is one of the lines and the status says nothing.

import { type Clock, SwarmError, type Timer } from "../../base/index.js";
import { bounds } from "../bounds.js";
import type { PullProgress } from "../engine.js";
import { pullFailure } from "./errors.js";
import { count, object, text } from "./json.js";
import { jsonValues } from "./json-stream.js";

type PullStep =
  | { readonly kind: "progress"; readonly progress: PullProgress; readonly moved: boolean }
  | { readonly kind: "failed"; readonly message: string };

/** One line of the stream. A line that announces a retry is told, and counts as no movement. */
export function pullStepOf(value: unknown): PullStep {
  const json = object(value);
  const message = text(object(json["errorDetail"])["message"]) || text(json["error"]);
  if (message !== "") return { kind: "failed", message };
  const detail = object(json["progressDetail"]);
  const status = text(json["status"]);
  return {
    kind: "progress",
    progress: { status, currentBytes: count(detail["current"]), totalBytes: count(detail["total"]) },
    moved: !status.startsWith("Retrying"),
  };
}

/** Reads a pull to its end. Fails in the registry's words. `moved` is called at every sign of life. */
export async function followPull(
  chunks: AsyncIterable<Uint8Array>,
  onProgress: (progress: PullProgress) => void,
  moved: () => void,
): Promise<void> {
  for await (const value of jsonValues(chunks)) {
    const step = pullStepOf(value);
    if (step.kind === "failed") throw pullFailure(step.message);
    if (step.moved) moved();
    onProgress(step.progress);
  }
}

/** Ends a pull that does not move for `bounds.pullStallMs`. */
export class StallGuard {
  readonly #clock: Clock;
  readonly #image: string;
  readonly #end = new AbortController();
  #timer: Timer | undefined;

  constructor(image: string, clock: Clock) {
    this.#image = image;
    this.#clock = clock;
    this.moved();
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  moved(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(bounds.pullStallMs, () => {
      const text = `pulling ${this.#image} made no progress for ${bounds.pullStallMs / 1000} s`;
      this.#end.abort(new SwarmError("DeadlineExceeded", text));
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
