import { describe, expect, test } from "vitest";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { type Access, managersOnly, members, type Peer, type PeerNode, refusalFor } from "../../src/rpc/index.js";

const nowMs = 1_000_000;
const world = { clusterId: "ours", nowMs, isRemoved: (id: string) => id === "removed" };

const worker: PeerNode = { nodeId: "w", clusterId: "ours", role: NodeRole.WORKER, notAfterMs: nowMs + 1 };
const manager: PeerNode = { ...worker, nodeId: "m", role: NodeRole.MANAGER };

const peerOf = (node: PeerNode | undefined, problem?: string): Peer => ({ address: "10.0.0.9", node, problem });

describe("who may call what", () => {
  const rows: readonly { title: string; peer: Peer; access: Access; says: string | undefined }[] = [
    { title: "a stranger, open to anyone", peer: peerOf(undefined), access: "anyone", says: undefined },
    {
      title: "an invalid certificate, open to anyone",
      peer: peerOf(undefined, "X"),
      access: "anyone",
      says: undefined,
    },
    { title: "a worker, open to anyone", peer: peerOf(worker), access: "anyone", says: undefined },
    { title: "a worker, for members", peer: peerOf(worker), access: members, says: undefined },
    { title: "a manager, for members", peer: peerOf(manager), access: members, says: undefined },
    { title: "a manager, for managers", peer: peerOf(manager), access: managersOnly, says: undefined },
    {
      title: "a worker, for managers",
      peer: peerOf(worker),
      access: managersOnly,
      says: "Permission denied: this call is for manager certificates, node w has a worker certificate",
    },
    {
      title: "a stranger, for members",
      peer: peerOf(undefined),
      access: members,
      says: "Permission denied: this call needs a certificate of the swarm",
    },
    {
      title: "an expired certificate",
      peer: peerOf(undefined, "CERT_HAS_EXPIRED"),
      access: members,
      says: "Permission denied: the certificate has expired",
    },
    {
      title: "a certificate that expired while its connection lasted",
      peer: peerOf({ ...worker, notAfterMs: nowMs }),
      access: members,
      says: "Permission denied: the certificate has expired",
    },
    {
      title: "the same, open to anyone: it renews",
      peer: peerOf({ ...worker, notAfterMs: nowMs }),
      access: "anyone",
      says: undefined,
    },
    {
      title: "a certificate not valid yet",
      peer: peerOf(undefined, "CERT_NOT_YET_VALID"),
      access: members,
      says: "Permission denied: the certificate is not valid yet: compare the clocks",
    },
    {
      title: "a certificate of another authority",
      peer: peerOf(undefined, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
      access: members,
      says: "Permission denied: the certificate is not of this swarm (UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
    },
    {
      title: "a certificate for another swarm",
      peer: peerOf({ ...manager, clusterId: "theirs" }),
      access: "anyone",
      says: "Permission denied: the certificate is of swarm theirs, this is swarm ours",
    },
    {
      title: "a removed node, even open to anyone",
      peer: peerOf({ ...worker, nodeId: "removed" }),
      access: "anyone",
      says: "Permission denied: node removed was removed from swarm",
    },
    {
      title: "a removed manager",
      peer: peerOf({ ...manager, nodeId: "removed" }),
      access: managersOnly,
      says: "Permission denied: node removed was removed from swarm",
    },
  ];

  test.each(rows)("$title", ({ peer, access, says }) => {
    expect(refusalFor(peer, access, world)).toBe(says);
  });
});
