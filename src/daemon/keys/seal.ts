// Sealing with the unlock key: a key is derived from it for each purpose, so that no two uses share one.

import { hkdfSync } from "node:crypto";
import { aesSealer } from "../../raft/host/index.js";
import type { Sealer } from "../../raft/index.js";

export type SealPurpose = "node keys" | "backup";

/** `unlockKey` is 32 bytes. */
export function sealerFor(purpose: SealPurpose, unlockKey: Uint8Array): Sealer {
  return aesSealer(new Uint8Array(hkdfSync("sha256", unlockKey, new Uint8Array(0), `skep ${purpose}`, 32)));
}

/** What was sealed; undefined when it was sealed with another key, or is not what it was. */
export function opened(sealer: Sealer, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return sealer.open(sealed);
  } catch {
    return undefined;
  }
}
