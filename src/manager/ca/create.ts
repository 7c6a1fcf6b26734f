// A new swarm, before there is a store to write to: its root, its tokens and the first manager's certificate.

import { type Clock, newId, type Random, wallTime } from "../../base/index.js";
import type { NodeCertificate, RootCa } from "../../gen/skep/v1/objects.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import type { Pki } from "./pki.js";
import { nodeProfile, rootValidity } from "./profile.js";
import { newTokens } from "./rotate.js";
import { unlockKeyBytes } from "./unlock.js";

export interface CreateClusterOptions {
  /** Validity of node certificates; absent: 90 days. */
  readonly nodeExpiryMs?: number;
  /** Managers are locked from the beginning. */
  readonly autoLock?: boolean | undefined;
}

export interface CreateClusterWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly pki: Pki;
}

export interface NewCluster {
  readonly clusterId: string;
  readonly nodeId: string;
  /** For the cluster row. Holds the root's key: secret. */
  readonly rootCa: RootCa;
  /** For the first node's row. */
  readonly nodeCertificate: NodeCertificate;
  /** For the cluster row, when managers are locked. Secret. */
  readonly unlockKey: Uint8Array | undefined;
  /** For the first node's disk, PEM. The key is secret. */
  readonly credentials: { readonly root: string; readonly certificate: string; readonly key: string };
}

/** Writes nothing: the bootstrap transaction stores the rows, the daemon the files. */
export async function createCluster(options: CreateClusterOptions, world: CreateClusterWorld): Promise<NewCluster> {
  const { clock, random, pki } = world;
  const nowMs = clock.now();
  const [clusterId, nodeId] = [newId(random), newId(random)];
  const root = await pki.createRoot(rootValidity(nowMs));
  const request = await pki.createRequest();
  const profile = nodeProfile({
    nodeId,
    clusterId,
    role: NodeRole.MANAGER,
    nowMs,
    expiryMs: options.nodeExpiryMs ?? 0,
  });
  const issued = await pki.issue(root, request.csr, profile);
  const digest = pki.digest(root.certificate);
  return {
    clusterId,
    nodeId,
    rootCa: { ...root, digest, joinTokens: newTokens(digest, random) },
    nodeCertificate: { fingerprint: issued.fingerprint, notAfter: wallTime(issued.notAfterMs) },
    unlockKey: options.autoLock ? random.bytes(unlockKeyBytes) : undefined,
    credentials: { root: root.certificate, certificate: issued.certificate, key: request.key },
  };
}
