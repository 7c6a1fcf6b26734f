// One renewal: a new key, a request, and a certificate from whoever can give one (I1, I3).

import { messageOf, SwarmError } from "../../base/index.js";
import { IssueRequest, type IssueResponse } from "../../gen/skep/v1/ca.js";
import type { Pki } from "../../manager/ca/index.js";
import { issueCertificate } from "../../rpc/index.js";
import { type Held, heldFrom, type IdentityModules } from "./credentials.js";

/** Who may be asked. */
export interface Issuers {
  /** This node's own CA while it leads: no call, and no certificate in force needed. */
  local(): { issueLocal(nodeId: string, csr: string): Promise<IssueResponse> } | undefined;
  /** host:port of managers, the likeliest first. */
  managers(): readonly string[];
}

/** New credentials for the same node; not stored yet. Rejects when nobody gave any. */
export async function renewed(
  held: Held,
  issuers: Issuers,
  { pki, clock }: IdentityModules,
  signal: AbortSignal,
): Promise<Held> {
  const { csr, key } = await pki.createRequest();
  const isExpired = held.notAfterMs <= clock.now();
  const request = IssueRequest.fromPartial({ csr, ...(isExpired ? proofOf(held, csr, pki) : {}) });
  const local = issuers.local();
  const response = local
    ? await local.issueLocal(held.nodeId, csr)
    : await askManagers(isExpired ? { root: held.root } : { as: held }, request, issuers.managers(), signal);
  // The trusted root stays the one the node joined with: rotating it is not built yet.
  const pems = { root: held.root, certificate: response.certificate, key };
  return heldFrom(pems, pki, "the renewed certificate", held);
}

async function askManagers(
  trust: Parameters<typeof issueCertificate>[1],
  request: IssueRequest,
  managers: readonly string[],
  signal: AbortSignal,
): Promise<IssueResponse> {
  const failures: string[] = [];
  for (const addr of managers) {
    try {
      return await issueCertificate(addr, trust, request, signal);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(messageOf(error));
    }
  }
  throw new SwarmError("Unavailable", failures.join("; ") || "no manager is known");
}

/** What a node shows whose certificate nobody accepts any more. */
function proofOf({ certificate, key }: Held, csr: string, pki: Pki): Partial<IssueRequest> {
  return { expiredCertificate: certificate, expiredProof: Buffer.from(pki.prove(key, csr)) };
}
