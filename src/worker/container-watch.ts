// What happens to this node's containers: the engine's events as hints, lists as the truth — after every connection to the
// engine, and now and then because events get lost.

import { backoffMs, type Clock, type Log, messageOf, type Random, sleep, Wake } from "../base/index.js";
import type { ContainerEvent, ContainerSummary, Engine } from "../engine/index.js";

/** Between two lists of all containers. */
const sweepMs = 30_000;
/** What happens while a stream of events opens may be missed by it: one more list, this much later. */
const settleMs = 1_000;
const reconnect = { firstMs: 100, maxMs: 5_000 };

export interface ContainerWatchModules {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onEvent: (event: ContainerEvent) => void;
  readonly onList: (containers: readonly ContainerSummary[]) => void;
  /** The engine gave no answer. */
  readonly onSilence: () => void;
}

export class ContainerWatch {
  readonly #labels: Readonly<Record<string, string>>;
  readonly #modules: ContainerWatchModules;
  readonly #wanted = new Wake();

  /** `labels`: those by which this node's containers are known. */
  constructor(labels: Readonly<Record<string, string>>, modules: ContainerWatchModules) {
    this.#labels = labels;
    this.#modules = modules;
  }

  /** List again at once. */
  refresh(): void {
    this.#wanted.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow(signal), this.#sweep(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { engine, clock, random, log, onSilence } = this.#modules;
    for (let failures = 0; ; ) {
      const openedMs = clock.monotonic();
      const settled = clock.after(settleMs, () => this.refresh());
      try {
        this.refresh();
        for await (const event of engine.events(this.#labels, signal)) this.#modules.onEvent(event);
      } catch (error) {
        signal.throwIfAborted();
        log.warn("events of the engine broke off", { error: messageOf(error) });
      } finally {
        settled.cancel();
      }
      onSilence();
      failures = clock.monotonic() - openedMs > reconnect.maxMs ? 1 : failures + 1;
      await sleep(clock, backoffMs(reconnect, failures, random), signal);
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { engine, clock, onList, onSilence } = this.#modules;
    for (;;) {
      await this.#wanted.waitAtMost(clock, sweepMs, signal);
      try {
        onList(await engine.list(this.#labels, signal));
      } catch {
        signal.throwIfAborted();
        onSilence();
      }
    }
  }
}
