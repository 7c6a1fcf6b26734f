// Keeps a manager's keys on disk as the cluster row wants them: locks them when locking turns on, follows a new unlock
// key, opens them when it turns off. Tries until it is durable.

import { backoffMs, type Clock, type Log, messageOf, type Random, sleep, Wake } from "../../base/index.js";
import type { UnlockKey } from "../../gen/skep/v1/objects.js";
import type { Store } from "../../store/index.js";
import type { NodeKeys } from "./node-keys.js";

const retry = { firstMs: 100, maxMs: 30_000 };

export interface KeyKeeperModules {
  readonly keys: NodeKeys;
  /** This manager's own. */
  readonly store: Store;
  readonly identity: {
    /** Writes the TLS key as it is to stand now. */
    storeAgain(): Promise<void>;
    renewSoon(): void;
  };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class KeyKeeper {
  readonly #modules: KeyKeeperModules;
  /** The TLS key still stands as it stood before. */
  #isIdentityBehind = false;

  constructor(_options: Record<string, never>, modules: KeyKeeperModules) {
    this.#modules = modules;
  }

  /** Until the signal is aborted; rejects with its reason. */
  async run(signal: AbortSignal): Promise<void> {
    const bell = new Wake();
    const own = new AbortController();
    const both = AbortSignal.any([signal, own.signal]);
    const batches = this.#modules.store.watch({ tables: ["cluster"] }, both);
    bell.ring();
    try {
      await Promise.race([ringOnEach(batches, bell), this.#work(bell, both)]);
    } finally {
      own.abort(new Error("the loop ended"));
    }
  }

  async #work(bell: Wake, signal: AbortSignal): Promise<never> {
    const { clock, random, log } = this.#modules;
    for (let failures = 0; ; ) {
      if (failures === 0) await bell.wait(signal);
      try {
        await this.#settle();
        failures = 0;
      } catch (error) {
        failures += 1;
        log.error("cannot store the node's keys as the swarm wants them", { error: messageOf(error), failures });
        await sleep(clock, backoffMs(retry, failures, random), signal);
      }
    }
  }

  /** The file of the keys first: what it is not locked by yet needs no key to be read. */
  async #settle(): Promise<void> {
    const { keys, identity, log } = this.#modules;
    for (let row = this.#newerRow(); row !== undefined; row = this.#newerRow()) {
      const change = await keys.follow(row);
      this.#isIdentityBehind = true;
      log.info("the node's keys follow the swarm", { change, version: row.version });
      // A key that lay in the open is good for nothing more, as in Docker.
      if (change === "locked") identity.renewSoon();
    }
    if (!this.#isIdentityBehind) return;
    await identity.storeAgain();
    this.#isIdentityBehind = false;
  }

  #newerRow(): UnlockKey | undefined {
    const row = this.#modules.store.cluster?.unlockKey;
    return this.#modules.keys.isBehind(row) ? row : undefined;
  }
}

async function ringOnEach(batches: AsyncIterable<unknown>, bell: Wake): Promise<void> {
  for await (const _ of batches) bell.ring();
}
