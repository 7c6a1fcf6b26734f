// What the engine says of itself in its ping: its version bounds ours, and its headers stand on our answers.

import type { Clock } from "../base/index.js";
import type { EngineHttp } from "./modules.js";
import { type ApiVersion, earlier, versionMax, versionOfSilence } from "./version.js";
import { within } from "./within.js";

/** An answer is good for this long; then the next request asks again in the background. */
const freshMs = 5_000;
/** The very first request waits this long for the engine, no other does. */
const firstWaitMs = 1_000;

export interface EngineFacts {
  readonly apiVersion: ApiVersion;
  /** Headers of the engine that go on every answer of ours. */
  readonly headers: Readonly<Record<string, string>>;
  readonly builderVersion: string | undefined;
}

const silentHeaders = { "Docker-Experimental": "false", Ostype: "linux", Server: "Skep (linux)" } as const;
const silence: EngineFacts = { apiVersion: versionOfSilence, headers: silentHeaders, builderVersion: undefined };

export class EngineProbe {
  readonly #engine: EngineHttp;
  readonly #clock: Clock;
  #facts: EngineFacts = silence;
  #askedAt: number | undefined;
  #asking: Promise<void> | undefined;

  constructor(_options: Record<string, never>, modules: { readonly engine: EngineHttp; readonly clock: Clock }) {
    this.#engine = modules.engine;
    this.#clock = modules.clock;
  }

  /** What is known now; asks again when that is old. */
  get facts(): EngineFacts {
    this.#refresh();
    return this.#facts;
  }

  /** The version to advertise: never above what passed-through calls can keep. */
  get advertised(): ApiVersion {
    return earlier(versionMax, this.#facts.apiVersion);
  }

  /** Resolves once something is known: at once but for the first caller of a process. */
  async known(): Promise<EngineFacts> {
    if (this.#askedAt === undefined) this.#refresh();
    if (this.#asking !== undefined && this.#facts === silence) await this.#asking;
    return this.facts;
  }

  #refresh(): void {
    const now = this.#clock.monotonic();
    const isFresh = this.#askedAt !== undefined && now - this.#askedAt < freshMs;
    if (isFresh || this.#asking !== undefined) return;
    this.#askedAt = now;
    this.#asking = this.#ask().finally(() => {
      this.#asking = undefined;
    });
  }

  /** Never rejects: an engine that does not answer is a fact too. */
  async #ask(): Promise<void> {
    this.#facts = await within(this.#clock, firstWaitMs, async (signal) => {
      const { status, headers } = await this.#engine.fetch({ method: "HEAD", path: "/_ping", query: "", signal });
      return status === 200 ? factsOf(headers) : silence;
    }).catch(() => silence);
  }
}

function factsOf(headers: Readonly<Record<string, string>>): EngineFacts {
  return {
    apiVersion: headers["api-version"] ?? versionMax,
    headers: {
      "Docker-Experimental": headers["docker-experimental"] ?? silentHeaders["Docker-Experimental"],
      Ostype: headers["ostype"] ?? silentHeaders.Ostype,
      Server: headers["server"] ?? silentHeaders.Server,
    },
    builderVersion: headers["builder-version"],
  };
}
