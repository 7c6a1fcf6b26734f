// What a certificate says: swarm-semantics §8.2.

import { NodeRole } from "../../gen/skep/v1/specs.js";

/** Certificates start an hour in the past, so that a node whose clock is behind can use its own at once. */
const backdateMs = 3_600_000;

/** Docker's least and default validity of a node's certificate. */
export const nodeExpiryMinMs = 3_600_000;
export const nodeExpiryDefaultMs = 90 * 24 * 3_600_000;
/** The root lives 20 years of 365 days. */
const rootExpiryMs = 630_720_000_000;

export interface CertificateProfile {
  readonly organization: string;
  readonly organizationalUnit: "swarm-manager" | "swarm-worker";
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface NodeProfileOptions {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly role: NodeRole;
  /** Wall time. */
  readonly nowMs: number;
  /** How long from now; shorter than an hour counts as an hour, 0 as the default. */
  readonly expiryMs: number;
}

/** The certificate of one node: who it is, in which cluster, as what, until when. */
export function nodeProfile(options: NodeProfileOptions): CertificateProfile {
  const { nodeId, clusterId, role, nowMs } = options;
  const organizationalUnit = role === NodeRole.MANAGER ? "swarm-manager" : "swarm-worker";
  const authority = role === NodeRole.MANAGER ? ["swarm-ca"] : [];
  return {
    organization: clusterId,
    organizationalUnit,
    commonName: nodeId,
    dnsNames: [organizationalUnit, nodeId, ...authority],
    notBeforeMs: wholeSeconds(nowMs - backdateMs),
    notAfterMs: wholeSeconds(nowMs + expiryOf(options.expiryMs)),
  };
}

/** From when to when a new root is valid. */
export function rootValidity(nowMs: number): { readonly notBeforeMs: number; readonly notAfterMs: number } {
  return { notBeforeMs: wholeSeconds(nowMs - backdateMs), notAfterMs: wholeSeconds(nowMs + rootExpiryMs) };
}

function expiryOf(expiryMs: number): number {
  return expiryMs === 0 ? nodeExpiryDefaultMs : Math.max(nodeExpiryMinMs, expiryMs);
}

/** X.509 knows seconds only. */
function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000;
}
