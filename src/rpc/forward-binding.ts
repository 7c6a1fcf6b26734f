// The Forward service: requests other managers were asked and this one, as the leader, answers.

import { setImmediate } from "node:timers/promises";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Log } from "../base/index.js";
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

/** `leaderAddr`: host:port of the leader as this manager knows it, "" for none. */
export function forwardBinding(handle: ForwardHandler, log: Log, leaderAddr: () => string = () => ""): Binding {
  return defineBinding(
    ForwardService,
    { ask: managersOnly },
    {
      ask: (call: ServerDuplexStream<ForwardedRequest, ForwardedAnswer>) => {
        void serveStream(call, (stream) => answer(stream, handle, leaderAddr), log);
      },
    },
  );
}

async function* answer(
  { incoming, signal }: StreamCall<ForwardedRequest>,
  handle: ForwardHandler,
  leaderAddr: () => string,
): AsyncGenerator<ForwardedAnswer, void, void> {
  const answered = await handle(await requestOf(incoming), signal);
  if ("notLeading" in answered) throw new NotTheLeader(leaderAddr());
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
