// The log subscriptions a leader wants read against those that are: what is new begins, what is wanted no more ends.

import { type Clock, type Log, messageOf, type Random, sleep } from "../../base/index.js";
import type { Engine } from "../../engine/index.js";
import type { LogBatch, LogSubscription } from "../../gen/skep/v1/logs.js";
import { ownLabels } from "../container/names.js";
import { type Readers, Reading } from "./reading.js";

/** Subscriptions read at once; a leader asks for no more either. */
const readingsMax = 100;
/** Before a way to the manager that broke is tried again. */
const retryMs = 1_000;

/** Sends batches to the leader; resolves when it has them all or wants no more. */
export type Publish = (batches: AsyncIterable<LogBatch>, signal: AbortSignal) => Promise<void>;

export interface LogReadingsOptions {
  readonly nodeId: string;
  readonly clusterId: string;
}

export interface LogReadingsModules {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface Running {
  readonly life: AbortController;
  /** As last said: where to go on is in it. */
  subscription: LogSubscription;
}

export class LogReadings {
  readonly #modules: LogReadingsModules;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #running = new Map<string, Running>();
  readonly #readers: Readers = { count: 0 };

  constructor(options: LogReadingsOptions, modules: LogReadingsModules) {
    this.#modules = modules;
    this.#labels = ownLabels(options);
  }

  /** This and nothing else is wanted. */
  want(subscriptions: readonly LogSubscription[], publish: Publish): void {
    const wanted = new Map(subscriptions.slice(0, readingsMax).map((each) => [each.id, each]));
    for (const id of [...this.#running.keys()]) if (!wanted.has(id)) this.#end(id);
    for (const subscription of wanted.values()) {
      const running = this.#running.get(subscription.id);
      if (running) running.subscription = subscription;
      else this.#begin(subscription, publish);
    }
  }

  /** The session is over. */
  endAll(): void {
    for (const id of [...this.#running.keys()]) this.#end(id);
  }

  #begin(subscription: LogSubscription, publish: Publish): void {
    const running = { life: new AbortController(), subscription };
    this.#running.set(subscription.id, running);
    void this.#run(running, publish);
  }

  #end(id: string): void {
    this.#running.get(id)?.life.abort(new Error("the log subscription is over"));
    this.#running.delete(id);
  }

  /** Never rejects. What has been read to its end stays known, so that it is not begun again. */
  async #run(running: Running, publish: Publish): Promise<void> {
    const { clock, log } = this.#modules;
    const { signal } = running.life;
    while (!signal.aborted) {
      const attempt = new AbortController();
      const stop = (): void => attempt.abort(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      try {
        const own = { labels: this.#labels, readers: this.#readers };
        const reading = new Reading(running.subscription, { ...this.#modules, ...own });
        return await publish(reading.batches(attempt.signal), attempt.signal);
      } catch (error) {
        if (signal.aborted) return;
        log.info("logs could not be sent to the manager", { error: messageOf(error), retryMs });
      } finally {
        signal.removeEventListener("abort", stop);
        attempt.abort(new Error("the log stream has ended"));
      }
      await sleep(clock, retryMs, signal).catch(() => undefined);
    }
  }
}
