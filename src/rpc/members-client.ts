// A manager's side of the Members service: finds the leader by itself, from any manager.

import type { JoinMembersRequest, JoinMembersResponse, LeaveMembersResponse } from "../gen/skep/v1/members.js";
import { MembersClient } from "../gen/skep/v1/members_service.js";
import type { Credentials } from "./credentials.js";
import { clientTo } from "./dial.js";
import { NotTheLeader } from "./status.js";
import { callOnce, type UnaryOptions } from "./unary.js";

/** Joining waits for a commit, leaving for the members to agree that the caller is gone. */
const membersMs = 10_000;
/** A manager that does not lead names the leader; the named one may have lost it since. */
const redirectsMax = 3;

/**
 * Asks to be let into the consensus, or announces another address with the same raft id. Rejects with kind AlreadyExists
 * when the raft id was a member before or is another node's: draw a new one, with an empty log. With FailedPrecondition
 * when this node is not to be a manager.
 */
export function joinMembers(
  addr: string,
  as: Credentials,
  request: JoinMembersRequest,
  signal: AbortSignal,
): Promise<JoinMembersResponse> {
  return callLeader(addr, as, signal, (client, options) =>
    callOnce<JoinMembersResponse>(client, (...call) => client.join(request, ...call), options),
  );
}

/** Leaves the consensus for good; resolves once the others count this node out. */
export async function leaveMembers(addr: string, as: Credentials, signal: AbortSignal): Promise<void> {
  await callLeader(addr, as, signal, (client, options) =>
    callOnce<LeaveMembersResponse>(client, (...call) => client.leave({}, ...call), options),
  );
}

async function callLeader<Response>(
  addr: string,
  as: Credentials,
  signal: AbortSignal,
  call: (client: InstanceType<typeof MembersClient>, options: UnaryOptions) => Promise<Response>,
): Promise<Response> {
  let at = addr;
  for (let redirects = 0; ; redirects += 1) {
    try {
      return await call(clientTo(MembersClient, at, { as }), { addr: at, deadlineMs: membersMs, signal });
    } catch (error) {
      const next = error instanceof NotTheLeader ? error.leaderAddr : "";
      if (next === "" || redirects >= redirectsMax) throw error;
      at = next;
    }
  }
}
