// Whether the engine answers, judged by asking it who it is: regularly, and at once when somebody found it silent.

import { type Clock, type Log, messageOf, Wake, wallTime } from "../base/index.js";
import type { Engine, EngineInfo } from "../engine/index.js";
import type { EngineHealth } from "../gen/skep/v1/dispatcher.js";

/** Between two questions to an engine that answers. */
const checkMs = 5_000;
/** Between two questions to a silent one. */
const recheckMs = 500;

const inSwarmError = "this engine is itself a member of a Docker swarm; it leaves with: docker swarm leave --force";

export interface EngineWatchModules {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  /** The engine fell silent, came back, or describes itself differently. */
  readonly onChange: (watch: EngineWatch) => void;
}

export class EngineWatch {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onChange: (watch: EngineWatch) => void;
  readonly #suspected = new Wake();
  #info: EngineInfo | undefined;
  #silence: { readonly sinceMs: number; readonly error: string } | undefined;
  #judged: () => void = () => {};
  /** Resolves once the engine was asked for the first time, whatever it said. */
  readonly judged = new Promise<void>((resolve) => {
    this.#judged = resolve;
  });

  constructor(modules: EngineWatchModules) {
    this.#engine = modules.engine;
    this.#clock = modules.clock;
    this.#log = modules.log;
    this.#onChange = (watch) => modules.onChange(watch);
  }

  /** What the engine last said of itself; undefined while it never answered. */
  get info(): EngineInfo | undefined {
    return this.#info;
  }

  get isSilent(): boolean {
    return this.#silence !== undefined;
  }

  /** As the leader is told. */
  get health(): EngineHealth {
    if (!this.#silence) return { silentFor: undefined, error: "" };
    const silentMs = this.#clock.monotonic() - this.#silence.sinceMs;
    return { silentFor: wallTime(silentMs), error: this.#silence.error };
  }

  /** Somebody got no answer: ask at once. */
  suspect(): void {
    this.#suspected.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#ask(signal);
      this.#judged();
      await this.#suspected.waitAtMost(this.#clock, this.#silence ? recheckMs : checkMs, signal);
      // A storm of suspicions is one question per round trip, not one each.
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const askedMs = this.#clock.monotonic();
    try {
      const info = await this.#engine.info(signal);
      if (info.inSwarm) this.#fallSilent(askedMs, inSwarmError);
      else this.#answer(info);
    } catch (error) {
      signal.throwIfAborted();
      this.#fallSilent(askedMs, messageOf(error));
    }
  }

  /** answers → silent, since the question that got no answer was asked. */
  #fallSilent(sinceMs: number, error: string): void {
    if (this.#silence) return;
    this.#silence = { sinceMs, error };
    this.#log.warn("engine does not answer", { error });
    this.#onChange(this);
  }

  /** silent → answers. */
  #answer(info: EngineInfo): void {
    const wasSilent = this.#silence !== undefined;
    const isNew = JSON.stringify(info) !== JSON.stringify(this.#info);
    this.#silence = undefined;
    this.#info = info;
    if (wasSilent) this.#log.info("engine answers again", { version: info.version });
    if (wasSilent || isNew) this.#onChange(this);
  }
}
