// The Members service: managers ask the leader to be let into the consensus, or out of it.

import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { invariant, type Log } from "../base/index.js";
import type {
  JoinMembersRequest,
  JoinMembersResponse,
  LeaveMembersRequest,
  LeaveMembersResponse,
} from "../gen/skep/v1/members.js";
import { MembersService } from "../gen/skep/v1/members_service.js";
import { managersOnly } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import { contextOf, type GatedCall } from "./gate.js";
import type { ManagerCalls, MembersCalls } from "./manager-calls.js";
import { NotTheLeader, statusOf } from "./status.js";

export function membersBinding(manager: ManagerCalls, log: Log): Binding {
  return defineBinding(
    MembersService,
    { join: managersOnly, leave: managersOnly },
    {
      join: (
        call: ServerUnaryCall<JoinMembersRequest, JoinMembersResponse>,
        answer: sendUnaryData<JoinMembersResponse>,
      ) => {
        leaderOf(manager)
          .then((members) => members.join(callerOf(call), call.request))
          .then(
            (response) => answer(null, response),
            (error: unknown) => answer(statusOf(error, log)),
          );
      },
      leave: (
        call: ServerUnaryCall<LeaveMembersRequest, LeaveMembersResponse>,
        answer: sendUnaryData<LeaveMembersResponse>,
      ) => {
        leaderOf(manager)
          .then((members) => members.leave(callerOf(call)))
          .then(
            () => answer(null, {}),
            (error: unknown) => answer(statusOf(error, log)),
          );
      },
    },
  );
}

async function leaderOf(manager: ManagerCalls): Promise<MembersCalls> {
  const leader = manager.leader();
  if (leader === undefined) throw new NotTheLeader(manager.leaderAddr());
  return leader.members;
}

/** R2: who asks is what the certificate says. */
function callerOf(call: GatedCall): string {
  const { node } = contextOf(call).peer;
  invariant(node !== undefined, "this call is of a member (R1)");
  return node.nodeId;
}
