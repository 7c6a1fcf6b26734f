// AES-256-GCM at rest. Each process life derives a key of its own from the data key and a random salt, and counts its
// nonces: no nonce can ever repeat under one key, however long the log is written (SP 800-38D §8.2.1; random nonces
// would be good for 2^32 batches only).

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { invariant } from "../../base/index.js";
import type { Sealer } from "../sealer.js";

const dataKeyBytes = 32;
const version = 1;
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
/** Version, salt, nonce; the tag is at the end. The cipher vouches for all of it. */
const prefixBytes = 1 + saltBytes + nonceBytes;
/** Derived keys of earlier lives kept at hand; deriving one again costs 10 µs. */
const keysMax = 64;
const nonceMax = 2 ** 48;

/** Seals with one data key, opens with that and earlier ones. */
export interface AesSealer extends Sealer {
  /** From now on this data key seals; those before still open. */
  sealWith(dataKey: Uint8Array): void;
  /** Those that seal or have opened something, newest first. */
  readonly used: readonly Uint8Array[];
}

/** Each data key is 32 bytes of which no other use is made; newest first. */
export function aesSealer(...dataKeys: readonly Uint8Array[]): AesSealer {
  return new DataKeySealer(dataKeys);
}

interface Derived {
  readonly dataKey: Uint8Array;
  readonly key: Buffer;
}

class DataKeySealer implements AesSealer {
  #dataKeys: readonly Uint8Array[];
  #salt = randomBytes(saltBytes);
  #key: Buffer;
  #sealed = 0;
  /** By salt. */
  readonly #derived = new Map<string, Derived>();
  readonly #opened = new Set<Uint8Array>();

  constructor(dataKeys: readonly Uint8Array[]) {
    this.#dataKeys = dataKeys.map(checked);
    this.#key = this.#newest(this.#salt);
  }

  get used(): readonly Uint8Array[] {
    return this.#dataKeys.filter((dataKey, at) => at === 0 || this.#opened.has(dataKey));
  }

  sealWith(dataKey: Uint8Array): void {
    this.#dataKeys = [checked(dataKey), ...this.#dataKeys];
    this.#salt = randomBytes(saltBytes);
    this.#key = this.#newest(this.#salt);
    this.#sealed = 0;
  }

  seal(bytes: Uint8Array): Uint8Array {
    this.#sealed += 1;
    invariant(this.#sealed < nonceMax, "nonces are not used up", { sealed: this.#sealed });
    const nonce = Buffer.alloc(nonceBytes);
    nonce.writeUIntBE(this.#sealed, nonceBytes - 6, 6);
    const prefix = Buffer.concat([Buffer.of(version), this.#salt, nonce]);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(prefix);
    return Buffer.concat([prefix, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }

  open(bytes: Uint8Array): Uint8Array {
    if (bytes.length < prefixBytes + tagBytes) throw new Error("sealed data is too short");
    if (bytes[0] !== version) throw new Error(`data is sealed in the unknown way ${bytes[0]}`);
    const salt = bytes.subarray(1, 1 + saltBytes);
    const name = Buffer.from(salt).toString("base64");
    const known = this.#derived.get(name);
    return known ? openWith(known.key, bytes) : this.#openWithAny(name, salt, bytes);
  }

  /** A life that was not met yet: the data key it sealed with is the one that fits. */
  #openWithAny(name: string, salt: Uint8Array, bytes: Uint8Array): Uint8Array {
    let failure: unknown;
    for (const dataKey of this.#dataKeys) {
      const key = derivedKey(dataKey, salt);
      try {
        const opened = openWith(key, bytes);
        this.#remember(name, { dataKey, key });
        return opened;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #remember(name: string, derived: Derived): void {
    this.#opened.add(derived.dataKey);
    if (this.#derived.size >= keysMax) this.#derived.clear();
    this.#derived.set(name, derived);
  }

  #newest(salt: Uint8Array): Buffer {
    const dataKey = this.#dataKeys[0];
    invariant(dataKey !== undefined, "there is a data key to seal with");
    return derivedKey(dataKey, salt);
  }
}

function openWith(key: Buffer, bytes: Uint8Array): Uint8Array {
  const tagAt = bytes.length - tagBytes;
  const nonce = bytes.subarray(1 + saltBytes, prefixBytes);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAAD(bytes.subarray(0, prefixBytes)).setAuthTag(bytes.subarray(tagAt));
  return Buffer.concat([decipher.update(bytes.subarray(prefixBytes, tagAt)), decipher.final()]);
}

function checked(dataKey: Uint8Array): Uint8Array {
  invariant(dataKey.length === dataKeyBytes, "a data key has 32 bytes", { length: dataKey.length });
  return dataKey;
}

function derivedKey(dataKey: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", dataKey, salt, "raft log and snapshots at rest", dataKeyBytes));
}
