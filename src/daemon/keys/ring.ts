// The keys of this node, for its identity and its manager part together: those of a manager, or none on a worker.

import { locked } from "../../api/index.js";
import { SwarmError } from "../../base/index.js";
import type { KeyAtRest } from "../identity/index.js";
import { keyFilePath, NodeKeys, type NodeKeysModules } from "./node-keys.js";

/** The node needs its unlock key before it can be anything of what it was. */
export class NodeLockedError extends SwarmError {
  constructor() {
    super("Unavailable", locked);
  }
}

export class KeyRing implements KeyAtRest {
  readonly #modules: NodeKeysModules;
  #keys: NodeKeys | undefined;

  constructor(keys: NodeKeys | undefined, modules: NodeKeysModules) {
    this.#keys = keys;
    this.#modules = modules;
  }

  /**
   * What is on disk. Rejects with NodeLockedError when that needs an unlock key and none is given, and with Unauthenticated
   * when it is another one.
   */
  static async open(unlockKey: Uint8Array | undefined, modules: NodeKeysModules): Promise<KeyRing> {
    const loaded = await NodeKeys.load(modules);
    if (!loaded?.isLocked) return new KeyRing(loaded, modules);
    if (unlockKey === undefined) throw new NodeLockedError();
    return new KeyRing(loaded.unlock(unlockKey), modules);
  }

  /** Absent on a worker. */
  get keys(): NodeKeys | undefined {
    return this.#keys;
  }

  /** The manager's keys, which its log cannot do without. */
  get managerKeys(): NodeKeys {
    if (this.#keys) return this.#keys;
    throw new SwarmError("FailedPrecondition", `${keyFilePath} is gone: put it back from a backup`);
  }

  /** New keys for a new manager; durable when it resolves, locked from the beginning if there is an unlock key. */
  async create(unlockKey: Uint8Array | undefined): Promise<void> {
    this.#keys = await NodeKeys.create(unlockKey, this.#modules);
  }

  /**
   * The node is to be a manager no more: `storeAgain` writes its TLS key in the open, and then the file of the keys is not
   * needed any more and can be removed.
   */
  async giveUp(storeAgain: () => Promise<void>): Promise<void> {
    const keys = this.#keys;
    if (!keys?.areLockedAtRest) return void (this.#keys = undefined);
    this.#keys = undefined;
    try {
      await storeAgain();
    } catch (error) {
      this.#keys = keys;
      throw error;
    }
  }

  protect(pem: string): string {
    return this.#keys?.protect(pem) ?? pem;
  }

  reveal(pem: string): string {
    return this.#keys?.reveal(pem) ?? pem;
  }

  isAsWanted(pem: string): boolean {
    return this.#keys?.isAsWanted(pem) ?? true;
  }
}
