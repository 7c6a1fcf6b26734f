// The unlock key: what every manager locks its keys at rest with (autolock). It is replicated in the cluster row, drawn,
// replaced and dropped by the transaction that changes the setting, and shown in Docker's form.

import { type Random, SwarmError } from "../../base/index.js";
import type { Cluster, UnlockKey } from "../../gen/skep/v1/objects.js";

export const unlockKeyBytes = 32;
const prefix = "SWMKEY-1-";

/** What a transaction gives the cluster row's key. */
export interface UnlockKeyWish {
  /** A new one, if managers are locked at all: Docker ignores the wish otherwise. */
  readonly rotate: boolean;
  /** The revision the transaction will have. */
  readonly revision: number;
  readonly random: Random;
}

/** The row with the key its spec asks for: drawn when locking turns on, emptied when it turns off, replaced on wish. */
export function withUnlockKey(cluster: Cluster, { rotate, revision, random }: UnlockKeyWish): Cluster {
  const isLocked = isKey(cluster.unlockKey);
  const locks = cluster.spec?.encryption?.autoLockManagers ?? false;
  if (locks === isLocked && !(locks && rotate)) return cluster;
  const key = Buffer.from(locks ? random.bytes(unlockKeyBytes) : []);
  return { ...cluster, unlockKey: { key, version: revision } };
}

/** The key managers are to be locked with; undefined: not locked. */
export function unlockKeyOf(cluster: Cluster | undefined): Uint8Array | undefined {
  return isKey(cluster?.unlockKey) ? cluster?.unlockKey?.key : undefined;
}

function isKey(key: UnlockKey | undefined): boolean {
  return key !== undefined && key.key.length > 0;
}

/** As Docker shows it: `SWMKEY-1-` and 43 characters of base 64. Secret. */
export function unlockKeyText(key: Uint8Array): string {
  return prefix + Buffer.from(key).toString("base64").replace(/=+$/, "");
}

/** Reads what a user typed; anything else than exactly that form gets Docker's answer, and is not repeated. */
export function parseUnlockKey(text: string): Uint8Array {
  if (!/^SWMKEY-1-[A-Za-z0-9+/]{43}$/.test(text)) throw new SwarmError("InvalidArgument", "invalid key string");
  return new Uint8Array(Buffer.from(text.slice(prefix.length), "base64"));
}
