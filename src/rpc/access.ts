// Who may call what: swarm-semantics §8.6. Pure: the verified facts of a connection in, a refusal or nothing out.

import { NodeRole } from "../gen/skep/v1/specs.js";

/** Roles that may call a method; `anyone` includes peers without a certificate. */
export type Access = "anyone" | readonly NodeRole[];

export const members: Access = [NodeRole.WORKER, NodeRole.MANAGER];
export const managersOnly: Access = [NodeRole.MANAGER];

/** The node a verified certificate names. */
export interface PeerNode {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly role: NodeRole;
  /** Wall time. */
  readonly notAfterMs: number;
}

/** The other end of a connection (R2). */
export interface Peer {
  /** IP address. */
  readonly address: string;
  /** Present when the certificate shown chains to our root and was in force at the handshake. */
  readonly node: PeerNode | undefined;
  /** Why the certificate shown does not count, in OpenSSL's code; undefined when none was shown or it counts. */
  readonly problem: string | undefined;
}

export interface AccessWorld {
  readonly clusterId: string;
  /** Wall time. */
  readonly nowMs: number;
  isRemoved(nodeId: string): boolean;
}

/** Why `peer` may not call a method open to `access`; undefined when it may. */
export function refusalFor(peer: Peer, access: Access, world: AccessWorld): string | undefined {
  const { node } = peer;
  if (node === undefined) return access === "anyone" ? undefined : strangerText(peer.problem);
  if (node.clusterId !== world.clusterId) {
    return `Permission denied: the certificate is of swarm ${node.clusterId}, this is swarm ${world.clusterId}`;
  }
  if (world.isRemoved(node.nodeId)) return removedText(node.nodeId);
  if (node.notAfterMs <= world.nowMs) return access === "anyone" ? undefined : expiredText;
  if (access === "anyone" || access.includes(node.role)) return undefined;
  return `Permission denied: this call is for ${access.map(nameOf).join(" or ")} certificates, node ${node.nodeId} has a ${nameOf(node.role)} certificate`;
}

const expiredText = "Permission denied: the certificate has expired";

/** Docker's sentence; the agent stops its containers when it reads it. */
export function removedText(nodeId: string): string {
  return `Permission denied: node ${nodeId} was removed from swarm`;
}

/** Why the certificate shown does not count, or that none was. */
export function strangerText(problem: string | undefined): string {
  if (problem === undefined) return "Permission denied: this call needs a certificate of the swarm";
  if (problem === "CERT_HAS_EXPIRED") return expiredText;
  if (problem === "CERT_NOT_YET_VALID")
    return "Permission denied: the certificate is not valid yet: compare the clocks";
  return `Permission denied: the certificate is not of this swarm (${problem})`;
}

function nameOf(role: NodeRole): string {
  return role === NodeRole.MANAGER ? "manager" : "worker";
}
