// The Dispatcher service: one stream each way per agent.

import type { ServerDuplexStream } from "@grpc/grpc-js";
import { invariant, type Log } from "../base/index.js";
import { type AgentMessage, type ManagerMessage, RefusalKind } from "../gen/skep/v1/dispatcher.js";
import { DispatcherService } from "../gen/skep/v1/dispatcher_service.js";
import { members } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import type { ManagerCalls } from "./manager-calls.js";
import { type StreamCall, serveStream } from "./stream.js";

export function dispatcherBinding(manager: ManagerCalls, log: Log): Binding {
  return defineBinding(
    DispatcherService,
    { session: members },
    {
      session: (call: ServerDuplexStream<AgentMessage, ManagerMessage>) => {
        void serveStream(call, (stream) => answerSession(stream, manager), log);
      },
    },
  );
}

function answerSession(stream: StreamCall<AgentMessage>, manager: ManagerCalls): AsyncIterable<ManagerMessage> {
  const { address, node } = stream.peer;
  invariant(node !== undefined, "a session is of a member (R1)");
  const leader = manager.leader();
  if (leader === undefined) return notLeader(manager.leaderAddr());
  return leader.dispatcher.session({ nodeId: node.nodeId, role: node.role, address }, stream.incoming, stream.signal);
}

async function* notLeader(leaderAddr: string): AsyncGenerator<ManagerMessage> {
  const refusal = { kind: RefusalKind.NOT_LEADER, message: "this manager does not lead the swarm", leaderAddr };
  yield { message: { $case: "refusal", value: refusal } };
}
