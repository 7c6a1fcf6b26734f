// A pull as the engine tells it: a stream of progress, where a failure is one of the lines and the status says nothing.

import { type Clock, SwarmError, type Timer } from "../../base/index.js";
import { bounds } from "../bounds.js";
import type { PullProgress } from "../engine.js";
import { pullFailure } from "./errors.js";
import { count, object, text } from "./json.js";
import { jsonValues } from "./json-stream.js";

type PullStep =
  | { readonly kind: "progress"; readonly layer: string; readonly progress: PullProgress; readonly moved: boolean }
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
    layer: text(json["id"]),
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
  const sums = new PullSums();
  for await (const value of jsonValues(chunks)) {
    const step = pullStepOf(value);
    if (step.kind === "failed") throw pullFailure(step.message);
    if (step.moved) moved();
    onProgress(sums.add(step.layer, step.progress));
  }
}

/** The engine tells of each layer by itself; a person waits for all of them. */
class PullSums {
  /** Layers by what is done with them: the latest amounts. */
  readonly #layers = new Map<string, Map<string, PullProgress>>();

  /** The progress of all layers with which the same is done. */
  add(layer: string, progress: PullProgress): PullProgress {
    const { status, totalBytes } = progress;
    if (layer === "" || totalBytes === 0) return progress;
    const layers = this.#layers.get(status) ?? new Map<string, PullProgress>();
    this.#layers.set(status, layers.set(layer, progress));
    return { status, currentBytes: sum(layers, "currentBytes"), totalBytes: sum(layers, "totalBytes") };
  }
}

function sum(layers: ReadonlyMap<string, PullProgress>, field: "currentBytes" | "totalBytes"): number {
  let total = 0;
  for (const progress of layers.values()) total += progress[field];
  return total;
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
