// A manager's keys in force: opened once, then kept on disk as the cluster row wants them, in the open or locked.

import { type Disk, type Random, SwarmError } from "../../base/index.js";
import type { UnlockKey } from "../../gen/skep/v1/objects.js";
import { type AesSealer, aesSealer } from "../../raft/host/index.js";
import type { Sealer } from "../../raft/index.js";
import type { KeyAtRest } from "../identity/index.js";
import { decodeKeyFile, decodeSealed, encodeKeyFile, type KeyFile } from "./file.js";
import { decryptedPem, encryptedPem, isEncryptedPem } from "./pem.js";
import { opened, sealerFor } from "./seal.js";

/** Below the data folder. */
export const keyFilePath = "raft.key";
const keyBytes = 32;
/** Data keys kept: the log may hold entries of each. One is new each time locking turns on, while there is room. */
const dataKeysMax = 8;

export interface NodeKeysModules {
  /** The data folder. */
  readonly disk: Disk;
  readonly random: Random;
}

/** Shut: nothing of the manager can be read before somebody brings the unlock key. */
export interface LockedKeys {
  readonly isLocked: true;
  /** Opens them. Rejects with Unauthenticated, in Docker's words, when it is not the key; nothing is changed then. */
  unlock(unlockKey: Uint8Array): NodeKeys;
}

export class NodeKeys implements KeyAtRest {
  readonly isLocked = false;
  readonly #modules: NodeKeysModules;
  #file: KeyFile;
  /** What the file is sealed with; undefined: it is in the open. */
  #unlockKey: Uint8Array | undefined;
  /** Writes of the file, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  /** Of the manager that runs with these keys. */
  #sealer: AesSealer | undefined;

  private constructor(file: KeyFile, unlockKey: Uint8Array | undefined, modules: NodeKeysModules) {
    this.#file = file;
    this.#unlockKey = unlockKey;
    this.#modules = modules;
  }

  /** New keys, durable when this resolves; locked from the beginning if there is an unlock key. */
  static async create(unlockKey: Uint8Array | undefined, modules: NodeKeysModules): Promise<NodeKeys> {
    const file = { dataKeys: [newKey(modules)], passphrase: newPassphrase(modules), lockVersion: 0 };
    const keys = new NodeKeys(file, unlockKey, modules);
    await keys.#change(() => [file, unlockKey]);
    return keys;
  }

  /** The keys on disk; undefined when there are none: the node is no manager. */
  static async load(modules: NodeKeysModules): Promise<NodeKeys | LockedKeys | undefined> {
    const { disk } = modules;
    // What a crash left half written may hold keys in the open.
    await disk.remove(`${keyFilePath}.tmp`);
    const bytes = await disk.readFile(keyFilePath);
    if (bytes === undefined) return undefined;
    const stored = decodeKeyFile(keyFilePath, bytes);
    switch (stored.kind) {
      case "open":
        return new NodeKeys(stored.keys, undefined, modules);
      case "sealed":
        return { isLocked: true, unlock: (unlockKey) => unlocked(stored.sealed, unlockKey, modules) };
      case "first format": {
        const file = { dataKeys: [stored.dataKey], passphrase: newPassphrase(modules), lockVersion: 0 };
        const keys = new NodeKeys(file, undefined, modules);
        await keys.#change(() => [file, undefined]);
        return keys;
      }
      default:
        return stored satisfies never;
    }
  }

  /** Newest first: the first one seals. */
  get dataKeys(): readonly Uint8Array[] {
    return this.#file.dataKeys;
  }

  /** True while what is on disk needs the unlock key to be read. */
  get areLockedAtRest(): boolean {
    return this.#unlockKey !== undefined;
  }

  /** True when the cluster row says something newer than the file follows. */
  isBehind(row: UnlockKey | undefined): boolean {
    return row !== undefined && row.version > this.#file.lockVersion;
  }

  /** For one start of the manager: it follows a new data key once that is durable. */
  newSealer(): Sealer {
    this.#sealer = aesSealer(...this.dataKeys);
    return this.#sealer;
  }

  /**
   * Makes the file as the row says; durable when it resolves. Turning on brings a new data key: the one that lay in the open
   * must not open what is written from now on. Returns what changed.
   */
  async follow(row: UnlockKey): Promise<"locked" | "rotated" | "opened"> {
    const next = row.key.length > 0 ? new Uint8Array(row.key) : undefined;
    const fresh = newKey(this.#modules);
    const wasLocked = this.areLockedAtRest;
    await this.#change(({ dataKeys, ...file }) => {
      const takesFresh = next !== undefined && !wasLocked && dataKeys.length < dataKeysMax;
      return [{ ...file, dataKeys: takesFresh ? [fresh, ...dataKeys] : dataKeys, lockVersion: row.version }, next];
    });
    if (this.dataKeys[0] === fresh) this.#sealer?.sealWith(fresh);
    if (next === undefined) return "opened";
    return wasLocked ? "rotated" : "locked";
  }

  /** Forgets data keys with which nothing was sealed that the sealer has met: after all that is on disk was read. */
  async forgetUnused(): Promise<void> {
    const used = this.#sealer?.used ?? this.dataKeys;
    if (used.length === this.dataKeys.length) return;
    await this.#change((file) => [{ ...file, dataKeys: used }, this.#unlockKey]);
  }

  /** The TLS key as it is to be written. */
  protect(pem: string): string {
    return this.areLockedAtRest ? encryptedPem(pem, this.#file.passphrase) : pem;
  }

  isAsWanted(pem: string): boolean {
    return isEncryptedPem(pem) === this.areLockedAtRest;
  }

  reveal(pem: string): string {
    return isEncryptedPem(pem) ? decryptedPem(pem, this.#file.passphrase) : pem;
  }

  static opened(file: KeyFile, unlockKey: Uint8Array, modules: NodeKeysModules): NodeKeys {
    return new NodeKeys(file, unlockKey, modules);
  }

  /** On disk first, then in force; one after the other. */
  #change(next: (file: KeyFile) => readonly [KeyFile, unlockKey: Uint8Array | undefined]): Promise<void> {
    const change = async (): Promise<void> => {
      const [file, unlockKey] = next(this.#file);
      const bytes = encodeKeyFile(file, unlockKey && sealerFor("node keys", unlockKey));
      await this.#modules.disk.replaceFile(keyFilePath, bytes);
      this.#file = file;
      this.#unlockKey = unlockKey;
    };
    this.#writing = this.#writing.then(change, change);
    return this.#writing;
  }
}

function unlocked(sealed: Uint8Array, unlockKey: Uint8Array, modules: NodeKeysModules): NodeKeys {
  const content = opened(sealerFor("node keys", unlockKey), sealed);
  if (content === undefined) {
    throw new SwarmError("Unauthenticated", "swarm could not be unlocked: invalid key provided");
  }
  return NodeKeys.opened(decodeSealed(keyFilePath, content), unlockKey, modules);
}

function newKey({ random }: NodeKeysModules): Uint8Array {
  return random.bytes(keyBytes);
}

function newPassphrase({ random }: NodeKeysModules): string {
  return Buffer.from(random.bytes(keyBytes)).toString("base64");
}
