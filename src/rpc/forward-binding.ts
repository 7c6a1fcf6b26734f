// The Forward service: requests other managers were asked and this one, as the leader, answers.

import { setImmediate } from "node:timers/promises";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { type Log, SwarmError } from "../base/index.js";
import type { ForwardedAnswer, ForwardedRequest } from "../gen/skep/v1/forward.js";
import { ForwardService } from "../gen/skep/v1/forward_service.js";
import { managersOnly } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import type { ForwardAnswer, ForwardRequest, NotLeadingAnswer } from "./forward-message.js";
import { answerChunk, answerChunks, answerHead, requestOf } from "./forward-pieces.js";
import { NotTheLeader } from "./status.js";
import { type StreamCall, serveStream } from "./stream.js";

/** Answers one request. Never forwards it again: `notLeading` says that another is to be asked. */
export type ForwardHandler = (
  request: ForwardRequest,
  signal: AbortSignal,
) => Promise<ForwardAnswer | NotLeadingAnswer>;

export interface ForwardCalls {
  readonly handle: ForwardHandler;
  /** host:port of the leader as this manager knows it, "" for none. */
  leaderAddr(): string;
  /** By what this manager knows. The certificate of a node that was demoted says manager until it runs out. */
  isWorker(nodeId: string): boolean;
}

export function forwardBinding(calls: ForwardCalls, log: Log): Binding {
  return defineBinding(
    ForwardService,
    { ask: managersOnly },
    {
      ask: (call: ServerDuplexStream<ForwardedRequest, ForwardedAnswer>) => {
        void serveStream(call, (stream) => answer(stream, calls), log);
      },
    },
  );
}

async function* answer(
  { peer, incoming, signal }: StreamCall<ForwardedRequest>,
  calls: ForwardCalls,
): AsyncGenerator<ForwardedAnswer, void, void> {
  const nodeId = peer.node?.nodeId ?? "";
  if (calls.isWorker(nodeId)) {
    throw new SwarmError("PermissionDenied", `Permission denied: node ${nodeId} is a manager no more`);
  }
  const answered = await calls.handle(await requestOf(incoming), signal);
  if ("notLeading" in answered) throw new NotTheLeader(calls.leaderAddr());
  const { status, headers, body } = answered;
  const live = body.kind === "stream";
  let isFirst = true;
  if (live) {
    yield answerHead(status, headers, live);
    isFirst = false;
  }
  for await (const chunk of answerChunks(body, () => setImmediate(undefined))) {
    yield isFirst ? answerHead(status, headers, live, chunk) : answerChunk(chunk);
    isFirst = false;
  }
  if (isFirst) yield answerHead(status, headers, live);
}
