// Getting the image of a task (swarm-semantics §10.5 "Prepare"): a pull is always tried unless the reference is an image id
// or a digest that is here already, and its failure counts only if the image is not here. Unlike Docker nobody waits long
// for a registry that does not answer while the image is here.

import { type Clock, type Log, messageOf } from "../base/index.js";
import type { Engine, PullProgress } from "../engine/index.js";
import type { TaskAssignment } from "../gen/skep/v1/dispatcher.js";
import { Gate } from "./gate.js";
import type { Life } from "./life.js";

/** How long a registry may take to say its first word while the image is here. */
const answerMs = 2_000;
/** A pull that ended this recently counts for the other tasks of the same update. */
const reuseMs = 10_000;
/** A registry that did not answer is not waited for again this long, while the image is here. */
const silenceMs = 60_000;
/** Ended pulls remembered. */
const endedMax = 1_000;
/** Images pulled at once: more share the same line and disk. */
const pullsMax = 3;

interface Pull {
  readonly startedMs: number;
  /** The registry's words, or undefined once the pull succeeded. Never rejects. */
  readonly ended: Promise<Error | undefined>;
  readonly watchers: Set<(progress: PullProgress) => void>;
  hasAnswered: boolean;
  endedMs: number | undefined;
}

export interface ImagesModules {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
}

export class Images {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pulls = new Map<string, Pull>();
  readonly #silentUntilMs = new Map<string, number>();
  readonly #gate = new Gate(() => pullsMax);
  /** Pulls outlive the task that asked, not the daemon. */
  readonly #life: Life;

  constructor(life: Life, modules: ImagesModules) {
    this.#life = life;
    this.#engine = modules.engine;
    this.#clock = modules.clock;
    this.#log = modules.log;
  }

  /** Resolves when the task may use its image; rejects in the registry's words. `signal` ends the wait, not the pull. */
  async ensure(
    task: TaskAssignment,
    order: number,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const image = task.spec?.container?.image ?? "";
    if (isImageId(image)) return;
    const isHere = await this.#engine.hasImage(image, signal);
    if (isHere && image.includes("@sha256:")) return;
    const registry = registryOf(image);
    if (isHere && (this.#silentUntilMs.get(registry) ?? 0) > this.#clock.monotonic()) return;
    const pull = this.#pullOf(task, image, order, isHere);
    pull.watchers.add(onProgress);
    try {
      if (isHere) await this.#waitBriefly(pull, registry, signal);
      else await this.#waitFor(pull, signal);
    } finally {
      pull.watchers.delete(onProgress);
    }
  }

  async #waitFor(pull: Pull, signal: AbortSignal): Promise<void> {
    const error = await orAborted(pull.ended, signal);
    if (error) throw error;
  }

  /** A registry that answers is waited for to the end, so that a new image is used; its failure does not matter. */
  async #waitBriefly(pull: Pull, registry: string, signal: AbortSignal): Promise<void> {
    const leftMs = pull.startedMs + answerMs - this.#clock.monotonic();
    const isSilent = await orAborted(this.#firstWord(pull, leftMs), signal);
    if (isSilent) {
      this.#silentUntilMs.set(registry, this.#clock.monotonic() + silenceMs);
      this.#log.warn("registry does not answer; the image that is here is used", { registry });
      return;
    }
    await orAborted(pull.ended, signal);
  }

  /** True when neither a word nor the end came within `leftMs`. */
  #firstWord(pull: Pull, leftMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const heard = (): void => {
        timer.cancel();
        pull.watchers.delete(heard);
        resolve(false);
      };
      const timer = this.#clock.after(Math.max(0, leftMs), () => {
        pull.watchers.delete(heard);
        resolve(true);
      });
      if (pull.hasAnswered) return heard();
      pull.watchers.add(heard);
      void pull.ended.then(heard);
    });
  }

  /** The pull under way or just ended for the same update of the same service, else a new one. */
  #pullOf(task: TaskAssignment, image: string, order: number, isHere: boolean): Pull {
    const auth = task.spec?.container?.registryAuth ?? "";
    const key = JSON.stringify([task.serviceId, task.spec?.forceUpdate ?? 0, image, auth]);
    const known = this.#pulls.get(key);
    if (known && this.#isFresh(known, isHere)) return known;
    const pull = this.#begin(image, auth, order);
    this.#pulls.delete(key);
    this.#pulls.set(key, pull);
    this.#forgetOldest();
    return pull;
  }

  /** A failure counts for others only while they can do without: a user who repairs it is not made to wait. */
  #isFresh(pull: Pull, isHere: boolean): boolean {
    return pull.endedMs === undefined || (isHere && this.#clock.monotonic() - pull.endedMs < reuseMs);
  }

  #begin(image: string, auth: string, order: number): Pull {
    const startedMs = this.#clock.monotonic();
    let end: (error: Error | undefined) => void = () => {};
    const ended = new Promise<Error | undefined>((resolve) => {
      end = resolve;
    });
    const pull: Pull = { startedMs, ended, watchers: new Set(), hasAnswered: false, endedMs: undefined };
    const settle = (error: Error | undefined): void => {
      pull.endedMs = this.#clock.monotonic();
      end(error);
    };
    this.#life
      .lend((signal) => this.#run(pull, image, auth, order, signal))
      .then(
        () => settle(undefined),
        (error: unknown) => {
          this.#log.warn("pull failed", { image, error: messageOf(error) });
          settle(error instanceof Error ? error : new Error(String(error)));
        },
      );
    return pull;
  }

  #run(pull: Pull, image: string, auth: string, order: number, signal: AbortSignal): Promise<void> {
    const onProgress = (progress: PullProgress): void => told(pull, progress);
    return this.#gate.run(order, () => this.#engine.pull(image, auth, onProgress, signal), signal);
  }

  #forgetOldest(): void {
    for (const [key, pull] of this.#pulls) {
      if (this.#pulls.size <= endedMax) return;
      if (pull.endedMs !== undefined) this.#pulls.delete(key);
    }
  }
}

function told(pull: Pull, progress: PullProgress): void {
  pull.hasAnswered = true;
  for (const watcher of [...pull.watchers]) watcher(progress);
}

/** `sha256:…` or its bare digits: nothing a registry could give. */
function isImageId(image: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(image);
}

/** The host part of a reference; Docker's own registry where there is none. */
function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? first : "docker.io";
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
