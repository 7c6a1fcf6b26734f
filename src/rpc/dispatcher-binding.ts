// The Dispatcher service: one stream each way per agent.

import type { ServerDuplexStream } from "@grpc/grpc-js";
import { invariant, type Log } from "../base/index.js";
import type { AgentMessage, ManagerMessage } from "../gen/skep/v1/dispatcher.js";
import { DispatcherService } from "../gen/skep/v1/dispatcher_service.js";
import { members } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import type { LeaderCalls, ManagerCalls } from "./manager-calls.js";
import { NotTheLeader, statusOf } from "./status.js";
import { type StreamCall, serveStream } from "./stream.js";

export function dispatcherBinding(manager: ManagerCalls, log: Log): Binding {
  return defineBinding(
    DispatcherService,
    { session: members },
    {
      session: (call: ServerDuplexStream<AgentMessage, ManagerMessage>) => {
        const leader = manager.leader();
        // Not let in at all: the agent may be dialling the leader at the same time, and goes on with that.
        if (leader === undefined) call.emit("error", statusOf(new NotTheLeader(manager.leaderAddr()), log));
        else void serveStream(call, (stream) => answerSession(stream, leader), log);
      },
    },
  );
}

function answerSession(stream: StreamCall<AgentMessage>, { dispatcher }: LeaderCalls): AsyncIterable<ManagerMessage> {
  const { address, node } = stream.peer;
  invariant(node !== undefined, "a session is of a member (R1)");
  return dispatcher.session({ nodeId: node.nodeId, role: node.role, address }, stream.incoming, stream.signal);
}
