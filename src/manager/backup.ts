// A backup: the store as it is at one moment, behind a header that says whose it is. Made while everything goes on: the rows
// are collected at once, and encoded one chunk a turn of the loop.

import { SwarmError, wallTime } from "../base/index.js";
import { BackupHeader } from "../gen/skep/v1/backup.js";
import type { Sealer } from "../raft/index.js";
import type { Store } from "../store/index.js";
import { encodeBackupFile, type Frame, type NewDigest } from "./backup-file.js";
import { sealedParts } from "./backup-seal.js";

export interface BackupOptions {
  /** The manager it is made on. */
  readonly nodeId: string;
  readonly skepVersion: string;
  /** Wall time. */
  readonly nowMs: number;
}

export interface BackupModules {
  readonly store: Store;
  readonly newDigest: NewDigest;
  /** Present on a locked swarm: seals what is secret, which is everything but the header. */
  readonly sealer: Sealer | undefined;
  readonly nextTurn: (fn: () => void) => void;
}

/** Holds the root's key and all secrets: whoever keeps it must let nobody read it. Throws before the first byte or not at all. */
export function makeBackup(options: BackupOptions, modules: BackupModules): AsyncIterable<Uint8Array> {
  const header = headerOf(options, modules);
  const chunks = modules.store.snapshot();
  return encodeBackupFile(framesOf(header, chunks, modules), modules.newDigest);
}

function headerOf({ nodeId, skepVersion, nowMs }: BackupOptions, { store, sealer }: BackupModules): BackupHeader {
  const { cluster, revision } = store;
  if (cluster === undefined) throw new SwarmError("Unavailable", "this manager has nothing of its swarm yet");
  const members = [...store.table("node").all()].flatMap(({ id, manager }) =>
    manager ? [{ raftId: manager.raftId, nodeId: id, addr: manager.addr }] : [],
  );
  const sealed = sealer !== undefined;
  return { clusterId: cluster.id, nodeId, revision, madeAt: wallTime(nowMs), skepVersion, members, sealed };
}

async function* framesOf(
  header: BackupHeader,
  chunks: Iterable<Uint8Array>,
  { sealer, nextTurn }: BackupModules,
): AsyncGenerator<Frame> {
  const head = BackupHeader.encode(header).finish();
  yield { kind: "header", payload: head };
  for (const payload of sealer ? sealedParts(head, chunks, sealer) : chunks) {
    yield { kind: "chunk", payload };
    await new Promise<void>((resolve) => nextTurn(resolve));
  }
}
