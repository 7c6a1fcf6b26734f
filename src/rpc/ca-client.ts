// The joiner's and the renewing node's side of the Ca service.

import type { GetRootResponse, IssueRequest, IssueResponse } from "../gen/skep/v1/ca.js";
import { CaClient } from "../gen/skep/v1/ca_service.js";
import { clientTo, type Trust } from "./dial.js";
import { NotTheLeader } from "./status.js";
import { callOnce } from "./unary.js";

/** swarm-semantics §8.1: 5 s for each try. */
const rootMs = 5_000;
/** Signing waits for a commit. */
const issueMs = 10_000;
/** A manager that does not lead names the leader; the named one may have lost it since. */
const redirectsMax = 3;

/** The root certificate the manager shows, PEM, over a connection nobody verified: compare it with the token's digest. */
export async function fetchRoot(addr: string, signal: AbortSignal): Promise<string> {
  const client = clientTo(CaClient, addr, "unverified");
  const options = { addr, deadlineMs: rootMs, signal };
  const response = await callOnce<GetRootResponse>(client, (...call) => client.getRoot({}, ...call), options);
  return response.certificate;
}

/** Asks for a certificate, of the leader if `addr` is another manager and knows it. */
export async function issueCertificate(
  addr: string,
  trust: Exclude<Trust, "unverified">,
  request: IssueRequest,
  signal: AbortSignal,
): Promise<IssueResponse> {
  let at = addr;
  for (let redirects = 0; ; redirects += 1) {
    try {
      const client = clientTo(CaClient, at, trust);
      const options = { addr: at, deadlineMs: issueMs, signal };
      return await callOnce<IssueResponse>(client, (...call) => client.issue(request, ...call), options);
    } catch (error) {
      const next = error instanceof NotTheLeader ? error.leaderAddr : "";
      if (next === "" || redirects >= redirectsMax) throw error;
      at = next;
    }
  }
}
