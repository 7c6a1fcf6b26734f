// The Ca service: the root for anybody, certificates for whoever shows the leader something.

import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { type Log, SwarmError } from "../base/index.js";
import type { GetRootRequest, GetRootResponse, IssueRequest, IssueResponse } from "../gen/skep/v1/ca.js";
import { CaService } from "../gen/skep/v1/ca_service.js";
import { strangerText } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import { contextOf } from "./gate.js";
import type { ManagerCalls } from "./manager-calls.js";
import { NotTheLeader, statusOf } from "./status.js";

export function caBinding(manager: ManagerCalls, log: Log): Binding {
  return defineBinding(
    CaService,
    { getRoot: "anyone", issue: "anyone" },
    {
      getRoot: (_call: ServerUnaryCall<GetRootRequest, GetRootResponse>, answer: sendUnaryData<GetRootResponse>) =>
        answer(null, { certificate: manager.root() }),
      issue: (call: ServerUnaryCall<IssueRequest, IssueResponse>, answer: sendUnaryData<IssueResponse>) => {
        issue(call, manager).then(
          (response) => answer(null, response),
          (error: unknown) => answer(statusOf(error, log)),
        );
      },
    },
  );
}

async function issue(
  call: ServerUnaryCall<IssueRequest, IssueResponse>,
  manager: ManagerCalls,
): Promise<IssueResponse> {
  const { peer } = contextOf(call);
  const leader = manager.leader();
  if (leader === undefined) throw new NotTheLeader(manager.leaderAddr());
  if (peer.node === undefined && peer.problem !== undefined && call.request.expiredCertificate === "") {
    throw new SwarmError("PermissionDenied", strangerText(peer.problem));
  }
  return leader.ca.issue({ address: peer.address, nodeId: peer.node?.nodeId }, call.request);
}
