// A backup of this manager's own store, brought up to date by a leader if there is one.

import { type Clock, type Log, messageOf } from "../base/index.js";
import { unlockKeyOf } from "../manager/ca/index.js";
import { type Manager, makeBackup } from "../manager/index.js";
import { nextTurn } from "../raft/host/index.js";
import { sha256 } from "./digest.js";
import { sealerFor } from "./keys/index.js";
import { settledWithin } from "./within.js";

/** How long a leader is asked what was acknowledged last; without one the backup is of what this manager has. */
const readMs = 3_000;

export interface BackupOptions {
  readonly nodeId: string;
  readonly skepVersion: string;
}

export interface BackupModules {
  readonly manager: Manager;
  readonly clock: Clock;
  readonly log: Log;
}

/** Everything acknowledged before the call is in it, as long as there is a leader. Rejects before the first byte or not at all. */
export async function backupOf(options: BackupOptions, modules: BackupModules): Promise<AsyncIterable<Uint8Array>> {
  const { manager, clock, log } = modules;
  let isCurrent = false;
  const read = manager.readIndex().then(
    () => void (isCurrent = true),
    (error: unknown) => log.debug("no leader for a backup", { reason: messageOf(error) }),
  );
  await settledWithin(clock, readMs, read);
  if (!isCurrent) log.warn("a backup was made without a leader: it may miss the last writes");
  const unlockKey = unlockKeyOf(manager.store.cluster);
  const sealer = unlockKey && sealerFor("backup", unlockKey);
  return makeBackup({ ...options, nowMs: clock.now() }, { store: manager.store, newDigest: sha256, sealer, nextTurn });
}
