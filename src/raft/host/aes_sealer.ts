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

/** `dataKey` is 32 bytes of which no other use is made. */
export function aesSealer(dataKey: Uint8Array): Sealer {
  invariant(dataKey.length === dataKeyBytes, "a data key has 32 bytes", { length: dataKey.length });
  return new AesSealer(dataKey.slice());
}

class AesSealer implements Sealer {
  readonly #dataKey: Uint8Array;
  readonly #salt = randomBytes(saltBytes);
  readonly #key: Buffer;
  readonly #keys = new Map<string, Buffer>();
  #sealed = 0;

  constructor(dataKey: Uint8Array) {
    this.#dataKey = dataKey;
    this.#key = derivedKey(dataKey, this.#salt);
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
    const tagAt = bytes.length - tagBytes;
    const nonce = bytes.subarray(1 + saltBytes, prefixBytes);
    const decipher = createDecipheriv("aes-256-gcm", this.#keyFor(bytes.subarray(1, 1 + saltBytes)), nonce);
    decipher.setAAD(bytes.subarray(0, prefixBytes)).setAuthTag(bytes.subarray(tagAt));
    return Buffer.concat([decipher.update(bytes.subarray(prefixBytes, tagAt)), decipher.final()]);
  }

  #keyFor(salt: Uint8Array): Buffer {
    const name = Buffer.from(salt).toString("base64");
    const known = this.#keys.get(name);
    if (known) return known;
    const key = derivedKey(this.#dataKey, salt);
    if (this.#keys.size >= keysMax) this.#keys.clear();
    this.#keys.set(name, key);
    return key;
  }
}

function derivedKey(dataKey: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", dataKey, salt, "raft log and snapshots at rest", dataKeyBytes));
}
