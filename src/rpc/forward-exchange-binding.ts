// The leader's end of the stream of short requests: each is answered when its answer is there, in any order.

import { type Log, SwarmError, Wake } from "../base/index.js";
import type { ForwardedAnswers, ForwardedRequests, NumberedAnswer, NumberedRequest } from "../gen/skep/v1/forward.js";
import { type ForwardCalls, refuseWorker } from "./forward-calls.js";
import type { ForwardAnswer } from "./forward-message.js";
import {
  answerHead,
  batchBytesMax,
  exchangedMax,
  requestFrom,
  shortAnswerBytesMax,
  shortBody,
} from "./forward-pieces.js";
import { statusOf } from "./status.js";
import type { StreamCall } from "./stream.js";

type What = NonNullable<NumberedAnswer["what"]>;

export async function* answerExchange(
  { peer, incoming, signal }: StreamCall<ForwardedRequests>,
  calls: ForwardCalls,
  log: Log,
): AsyncGenerator<ForwardedAnswers, void, void> {
  const nodeId = peer.node?.nodeId ?? "";
  refuseWorker(nodeId, calls);
  const exchange = new AnsweringExchange(nodeId, calls, log);
  try {
    void exchange.read(incoming);
    for (;;) {
      await exchange.bell.wait(signal);
      // What else became ready in this turn travels along.
      await new Promise<void>((resolve) => setImmediate(resolve));
      for (let answers = exchange.next(); answers.length > 0; answers = exchange.next()) yield { answers };
      if (exchange.isDone) return;
    }
  } finally {
    exchange.stop();
  }
}

class AnsweringExchange {
  readonly bell = new Wake();
  readonly #nodeId: string;
  readonly #calls: ForwardCalls;
  readonly #log: Log;
  readonly #open = new Map<number, AbortController>();
  readonly #ready: NumberedAnswer[] = [];
  #hasEnded = false;

  constructor(nodeId: string, calls: ForwardCalls, log: Log) {
    this.#nodeId = nodeId;
    this.#calls = calls;
    this.#log = log;
  }

  get isDone(): boolean {
    return this.#hasEnded && this.#open.size === 0 && this.#ready.length === 0;
  }

  /** Takes what comes until the other side says no more or is gone. Never rejects. */
  async read(incoming: AsyncIterable<ForwardedRequests>): Promise<void> {
    try {
      for await (const { requests } of incoming) for (const request of requests) this.#take(request);
    } catch {
      // The stream's own signal says so too.
    }
    this.#hasEnded = true;
    this.bell.ring();
  }

  /** Answers for one message. */
  next(): NumberedAnswer[] {
    let bytesTotal = 0;
    let count = 0;
    for (const { what } of this.#ready) {
      bytesTotal += what?.$case === "answer" ? what.value.body.length : 0;
      if (count > 0 && bytesTotal > batchBytesMax) break;
      count += 1;
    }
    return this.#ready.splice(0, count);
  }

  stop(): void {
    for (const abort of this.#open.values()) abort.abort(gone);
    this.#open.clear();
  }

  #take({ number, what }: NumberedRequest): void {
    if (what === undefined) return;
    if (what.$case === "cancelled") {
      this.#open.get(number)?.abort(gone);
      this.#open.delete(number);
      return;
    }
    if (this.#open.size >= exchangedMax || this.#open.has(number)) {
      return this.#say(number, { $case: "failed", value: `more than ${exchangedMax} requests at once on one stream` });
    }
    const abort = new AbortController();
    this.#open.set(number, abort);
    void this.#answerTo(what.value, abort.signal).then((answer) => {
      const isWanted = this.#open.delete(number);
      // Ends what an answer that is not passed on still holds.
      if (answer.$case === "needsOwnStream") abort.abort(gone);
      if (isWanted) this.#say(number, answer);
    });
  }

  /** Never rejects. */
  async #answerTo(request: Parameters<typeof requestFrom>[0], signal: AbortSignal): Promise<What> {
    try {
      refuseWorker(this.#nodeId, this.#calls);
      const answered = await this.#calls.handle(requestFrom(request, []), signal);
      if ("notLeading" in answered) return { $case: "notLeading", value: this.#calls.leaderAddr() };
      return answerOf(answered);
    } catch (error) {
      return { $case: "failed", value: statusOf(error, this.#log).details };
    }
  }

  #say(number: number, what: What): void {
    this.#ready.push({ number, what });
    this.bell.ring();
  }
}

const gone = new SwarmError("Unavailable", "nobody waits for this answer any more");

function answerOf({ status, headers, body }: ForwardAnswer): What {
  const bytes = shortBody(body, shortAnswerBytesMax);
  if (bytes === undefined) return { $case: "needsOwnStream", value: true };
  return { $case: "answer", value: answerHead(status, headers, false, bytes) };
}
