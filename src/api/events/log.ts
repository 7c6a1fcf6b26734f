// The swarm's events as one store sees them: the last ones for those who ask late, the next ones for those who stay.

import { type Clock, type Log, messageOf, wallTime } from "../../base/index.js";
import type { Control } from "../../manager/control/index.js";
import { eventOf, type SwarmEvent } from "./swarm.js";

/** Docker's ring. */
const keptMax = 256;
/** Events waiting for a reader who is slow; then it loses the oldest. */
const waitingMax = 10_000;

export class SwarmEvents {
  readonly #kept: SwarmEvent[] = [];
  readonly #readers = new Set<Reader>();
  readonly #clock: Clock;
  /** Aborts when the manager, or the leadership, whose events these are is over. */
  readonly signal: AbortSignal;

  constructor(
    _options: Record<string, never>,
    modules: { readonly control: Control; readonly clock: Clock; readonly log: Log },
  ) {
    const { control, clock, log } = modules;
    this.#clock = clock;
    this.signal = control.signal;
    this.#follow(control).catch((error: unknown) => {
      if (!control.signal.aborted) log.error("swarm events stopped", { error: messageOf(error) });
    });
  }

  /** Kept events first, then new ones until `signal` aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<SwarmEvent, void, void> {
    const reader = new Reader(this.#kept);
    this.#readers.add(reader);
    const end = (): void => reader.end();
    signal.addEventListener("abort", end, { once: true });
    this.signal.addEventListener("abort", end, { once: true });
    try {
      if (signal.aborted || this.signal.aborted) reader.end();
      for (let event = await reader.next(); event !== undefined; event = await reader.next()) yield event;
    } finally {
      this.#readers.delete(reader);
      signal.removeEventListener("abort", end);
      this.signal.removeEventListener("abort", end);
    }
  }

  async #follow(control: Control): Promise<void> {
    for await (const { changes, resync } of control.watch(control.signal)) {
      if (resync) this.#missed();
      for (const change of changes) {
        const event = eventOf(change, control.view, wallTime(this.#clock.now()));
        if (event !== undefined) this.#push(event);
      }
    }
  }

  /** A snapshot stands for changes nobody here saw one by one: readers end, and know that they have to look again. */
  #missed(): void {
    this.#kept.length = 0;
    for (const reader of this.#readers) reader.end();
  }

  #push(event: SwarmEvent): void {
    this.#kept.push(event);
    if (this.#kept.length > keptMax) this.#kept.shift();
    for (const reader of this.#readers) reader.push(event);
  }
}

class Reader {
  readonly #waiting: SwarmEvent[];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(kept: readonly SwarmEvent[]) {
    this.#waiting = [...kept];
  }

  push(event: SwarmEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > waitingMax) this.#waiting.shift();
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Undefined at the end. */
  async next(): Promise<SwarmEvent | undefined> {
    while (this.#waiting.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift();
  }
}
