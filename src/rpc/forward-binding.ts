// The Forward service: requests other managers were asked and this one, as the leader, answers.

import { setImmediate } from "node:timers/promises";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { Ending, type Log } from "../base/index.js";
import type { ForwardedAnswer, ForwardedRequest } from "../gen/skep/v1/forward.js";
import { ForwardService } from "../gen/skep/v1/forward_service.js";
import { managersOnly } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";
import { type ForwardCalls, refuseWorker } from "./forward-calls.js";
import { requestsProtocol } from "./forward-exchange.js";
import { answerExchange } from "./forward-exchange-binding.js";
import { answerChunk, answerChunks, answerHead, requestOf } from "./forward-pieces.js";
import { NotTheLeader } from "./status.js";
import { type StreamCall, serveStream } from "./stream.js";

export function forwardBinding(calls: ForwardCalls, log: Log): Binding {
  return defineBinding(
    ForwardService,
    { ask: managersOnly },
    {
      ask: (call: ServerDuplexStream<ForwardedRequest, ForwardedAnswer>) => {
        void serveStream(call, (stream) => answer(stream, calls), log);
      },
    },
    {
      protocol: requestsProtocol,
      access: managersOnly,
      serve: (line, context) => answerExchange(line, context, calls, log),
    },
  );
}

async function* answer(
  { peer, incoming, signal }: StreamCall<ForwardedRequest>,
  calls: ForwardCalls,
): AsyncGenerator<ForwardedAnswer, void, void> {
  refuseWorker(peer.node?.nodeId ?? "", calls);
  const answered = await calls.handle(await requestOf(incoming), Ending.of(signal));
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
