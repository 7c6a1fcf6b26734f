// A backup read back: verified to its last byte into a store of its own, then made the state of a swarm with one manager.
// Nothing is written anywhere: what comes out is a snapshot for the first manager's log.

import { type Clock, invariant, messageOf, SwarmError, silentMetrics } from "../base/index.js";
import { BackupHeader } from "../gen/skep/v1/backup.js";
import type { Cluster, Node, NodeCertificate } from "../gen/skep/v1/objects.js";
import { NodeRole } from "../gen/skep/v1/specs.js";
import { SnapshotChunk } from "../gen/skep/v1/store.js";
import type { Sealer } from "../raft/index.js";
import { Store, type Transaction } from "../store/index.js";
import { damaged, decodeBackupFile, type Frame, type NewDigest } from "./backup-file.js";
import { openedParts } from "./backup-seal.js";
import { writeOff } from "./roles.js";

/**
 * The store goes on this far above the backup: what happened after the backup was made had versions too, workers may
 * remember them, and none may ever mean something else.
 */
const revisionJump = 1_000_000_000;
/** The chunk that says the revision is two numbers. */
const revisionChunkBytesMax = 64;

export interface ReadBackupModules {
  readonly clock: Clock;
  readonly newDigest: NewDigest;
  /** Opens what is sealed; undefined: nobody gave the unlock key. */
  readonly sealer: Sealer | undefined;
}

export interface ReadBackup {
  readonly header: BackupHeader;
  readonly cluster: Cluster;
  /** Rows as in the backup; changed by `restoredSnapshot`. */
  readonly store: Store;
}

/** The first manager of the restored swarm. */
export interface RestoredManager {
  readonly raftId: number;
  /** host:port */
  readonly addr: string;
  readonly certificate: NodeCertificate;
}

/** Reads all of it; rejects, in words for whoever typed the command, when anything about it is not right. */
export async function readBackup(bytes: AsyncIterable<Uint8Array>, modules: ReadBackupModules): Promise<ReadBackup> {
  const frames = decodeBackupFile(bytes, modules.newDigest);
  const head = await headFrom(frames);
  const header = BackupHeader.decode(head);
  const sealer = header.sealed ? modules.sealer : undefined;
  if (header.sealed && sealer === undefined) {
    throw new SwarmError(
      "FailedPrecondition",
      "the backup is of a locked swarm: its unlock key, of when the backup was made, is needed to restore it",
    );
  }
  const store = scratchStore(modules.clock);
  const chunks = chunksOf(frames);
  await read(store, jumped(sealer ? openedParts(head, chunks, sealer) : chunks));
  const { cluster } = store;
  const isWhole = cluster?.rootCa !== undefined && cluster.id === header.clusterId;
  if (!isWhole || !store.table("node").get(header.nodeId)) throw damaged(0, "it is not of one swarm");
  return { header, cluster, store };
}

/** The backup's state as the one manager's: all other managers are workers, and are asked to join as managers anew. */
export async function restoredSnapshot(
  { header, store }: ReadBackup,
  manager: RestoredManager,
): Promise<Iterable<Uint8Array>> {
  const writer = store.lead(1);
  await writer.update((tx) => makeOnlyManager(tx, header, manager));
  store.unlead();
  return store.snapshot();
}

function makeOnlyManager(tx: Transaction, header: BackupHeader, { raftId, addr, certificate }: RestoredManager): void {
  const nodes = [...tx.table("node").all()];
  writeOff(
    tx,
    nodes.flatMap((node) => node.manager?.raftId ?? []),
  );
  for (const node of nodes) {
    if (node.id === header.nodeId)
      tx.put("node", { ...asRole(node, NodeRole.MANAGER, tx), certificate, manager: { raftId, addr } });
    else if (isManager(node)) tx.put("node", { ...asRole(node, NodeRole.WORKER, tx), manager: undefined });
  }
}

function asRole(node: Node, role: NodeRole, tx: Transaction): Node {
  invariant(node.spec, "a node has a spec", { nodeId: node.id });
  if (node.spec.desiredRole === role) return { ...node, role };
  return { ...node, role, spec: { ...node.spec, desiredRole: role }, specVersion: tx.revision + 1 };
}

function isManager({ role, spec, manager }: Node): boolean {
  return role === NodeRole.MANAGER || spec?.desiredRole === NodeRole.MANAGER || manager !== undefined;
}

async function headFrom(frames: AsyncIterator<Frame>): Promise<Uint8Array> {
  const { done, value } = await frames.next();
  if (done || value.kind !== "header") throw damaged(0, "it does not say whose it is");
  return value.payload;
}

async function read(store: Store, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await store.restore(chunks);
  } catch (error) {
    if (error instanceof SwarmError) throw error;
    // Every checksum was right, so this was written by a Skep that is not this one, or by a bug.
    throw new SwarmError("InvalidArgument", `the backup cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

async function* chunksOf(frames: AsyncIterable<Frame>): AsyncGenerator<Uint8Array> {
  for await (const { kind, payload } of frames) {
    if (kind !== "chunk") throw damaged(0, "it has two headers");
    yield payload;
  }
}

/** The first chunk says the revision. */
async function* jumped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of chunks) yield bytes.length > revisionChunkBytesMax ? bytes : withJump(bytes);
}

function withJump(bytes: Uint8Array): Uint8Array {
  const { chunk } = SnapshotChunk.decode(bytes);
  if (chunk?.$case !== "header") return bytes;
  const value = { ...chunk.value, revision: chunk.value.revision + revisionJump };
  return SnapshotChunk.encode({ chunk: { $case: "header", value } }).finish();
}

/** A store whose log is this process: what is proposed is applied. */
function scratchStore(clock: Clock): Store {
  const store: Store = new Store(
    {},
    { clock, metrics: silentMetrics, log: { propose: async (data, term) => store.apply({ term, data }) } },
  );
  return store;
}
