// The Logs service: a node publishes what it read for one subscription, a stream each.

import type { ServerDuplexStream } from "@grpc/grpc-js";
import { invariant, type Log, Queue } from "../base/index.js";
import type { LogBatch, LogPublished } from "../gen/skep/v1/logs.js";
import { LogsService } from "../gen/skep/v1/logs_service.js";
import { members } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import type { ManagerCalls } from "./manager-calls.js";
import { NotTheLeader } from "./status.js";
import { type StreamCall, serveStream } from "./stream.js";

/** Batches a node may have under way without an answer: one is read while the other goes out. */
export const batchesUnderWayMax = 2;
/** Answers that may wait for a node that does not read them: it is told one per batch it sent. */
const answersMax = 100;

export function logsBinding(manager: ManagerCalls, log: Log): Binding {
  return defineBinding(
    LogsService,
    { publish: members },
    {
      publish: (call: ServerDuplexStream<LogBatch, LogPublished>) => {
        void serveStream(call, (stream) => answer(stream, manager), log);
      },
    },
  );
}

async function* answer(stream: StreamCall<LogBatch>, manager: ManagerCalls): AsyncGenerator<LogPublished, void, void> {
  const { node } = stream.peer;
  invariant(node !== undefined, "a publisher is a member (R1)");
  const leader = manager.leader();
  if (leader === undefined) throw new NotTheLeader(manager.leaderAddr());
  const answers = new Queue<LogPublished>("answers to a node that publishes logs", answersMax);
  const batches = answered(stream.incoming, () => answers.push({}));
  leader.logs.publish(node.nodeId, batches, stream.signal).then(
    () => answers.end(),
    (error: unknown) => answers.end(error instanceof Error ? error : new Error(String(error))),
  );
  yield* answers;
}

/** Who asks for the next batch has done with the one before. */
async function* answered(batches: AsyncIterable<LogBatch>, onDone: () => void): AsyncGenerator<LogBatch, void, void> {
  for await (const batch of batches) {
    yield batch;
    onDone();
  }
}
