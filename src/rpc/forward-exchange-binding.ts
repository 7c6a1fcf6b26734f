// The leader's end of the stream of short requests: each is answered when its answer is there, in any order. Events and not
// iterators: what a turn of those costs was a third of what a request handed on took.

import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";
import { Ending, type Log, SwarmError } from "../base/index.js";
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
import { contextOf } from "./gate.js";
import { statusOf } from "./status.js";

type Call = ServerDuplexStream<ForwardedRequests, ForwardedAnswers>;
type What = NonNullable<NumberedAnswer["what"]>;

export function answerExchange(call: Call, calls: ForwardCalls, log: Log): void {
  new AnsweringExchange(call, calls, log).start();
}

class AnsweringExchange {
  readonly #call: Call;
  readonly #nodeId: string;
  readonly #calls: ForwardCalls;
  readonly #log: Log;
  readonly #closing: AbortSignal;
  readonly #open = new Map<number, Ending>();
  readonly #ready: NumberedAnswer[] = [];
  readonly #onClosing = (): void => this.#fail(this.#closing.reason);
  #isFlushAsked = false;
  #isFull = false;
  /** The other side says no more. */
  #hasEnded = false;
  #isOver = false;

  constructor(call: Call, calls: ForwardCalls, log: Log) {
    const { peer, closing } = contextOf(call);
    this.#call = call;
    this.#nodeId = peer.node?.nodeId ?? "";
    this.#calls = calls;
    this.#log = log;
    this.#closing = closing;
  }

  start(): void {
    const call = this.#call;
    call.once("cancelled", () => this.#stop());
    call.on("error", () => this.#stop());
    call.on("drain", () => {
      this.#isFull = false;
      this.#flush();
    });
    call.once("end", () => {
      this.#hasEnded = true;
      this.#flushSoon();
    });
    this.#closing.addEventListener("abort", this.#onClosing, { once: true });
    try {
      this.#closing.throwIfAborted();
      refuseWorker(this.#nodeId, this.#calls);
    } catch (error) {
      return this.#fail(error);
    }
    // The other side learns that it was let in before there is anything to say.
    call.sendMetadata(new Metadata());
    call.on("data", ({ requests }: ForwardedRequests) => {
      for (const request of requests) this.#take(request);
    });
  }

  #take({ number, what }: NumberedRequest): void {
    if (what === undefined || this.#isOver) return;
    if (what.$case === "cancelled") {
      this.#open.get(number)?.end(gone);
      this.#open.delete(number);
      return;
    }
    if (this.#open.size >= exchangedMax || this.#open.has(number)) {
      return this.#say(number, { $case: "failed", value: `more than ${exchangedMax} requests at once on one stream` });
    }
    const over = new Ending();
    this.#open.set(number, over);
    void this.#answerTo(number, what.value, over);
  }

  /** Never rejects. */
  async #answerTo(number: number, request: Parameters<typeof requestFrom>[0], over: Ending): Promise<void> {
    let answer: What;
    try {
      refuseWorker(this.#nodeId, this.#calls);
      const answered = await this.#calls.handle(requestFrom(request, []), over);
      answer = "notLeading" in answered ? { $case: "notLeading", value: this.#calls.leaderAddr() } : answerOf(answered);
    } catch (error) {
      answer = { $case: "failed", value: statusOf(error, this.#log).details };
    }
    const isWanted = this.#open.delete(number);
    // Ends what an answer that is not passed on still holds.
    if (answer.$case === "needsOwnStream") over.end(gone);
    if (isWanted) this.#say(number, answer);
  }

  #say(number: number, what: What): void {
    this.#ready.push({ number, what });
    if (this.#open.size === 0) this.#flush();
    else this.#flushSoon();
  }

  /** Of many: what else becomes ready in this turn travels along. */
  #flushSoon(): void {
    if (this.#isFlushAsked || this.#isOver) return;
    this.#isFlushAsked = true;
    setImmediate(() => {
      this.#isFlushAsked = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#isOver && !this.#isFull && this.#ready.length > 0) {
      this.#isFull = !this.#call.write({ answers: this.#next() });
    }
    if (!this.#isOver && this.#hasEnded && this.#open.size === 0 && this.#ready.length === 0) {
      this.#stop();
      this.#call.end();
    }
  }

  /** Answers for one message. */
  #next(): NumberedAnswer[] {
    let bytesTotal = 0;
    let count = 0;
    for (const { what } of this.#ready) {
      bytesTotal += what?.$case === "answer" ? what.value.body.length : 0;
      if (count > 0 && bytesTotal > batchBytesMax) break;
      count += 1;
    }
    return this.#ready.splice(0, count);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#stop();
    if (!this.#call.cancelled) this.#call.emit("error", statusOf(error, this.#log));
  }

  /** open → over: nobody waits for any answer. */
  #stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closing.removeEventListener("abort", this.#onClosing);
    for (const over of this.#open.values()) over.end(gone);
    this.#open.clear();
  }
}

const gone = new SwarmError("Unavailable", "nobody waits for this answer any more");

function answerOf({ status, headers, body }: ForwardAnswer): What {
  const bytes = shortBody(body, shortAnswerBytesMax);
  if (bytes === undefined) return { $case: "needsOwnStream", value: true };
  return { $case: "answer", value: answerHead(status, headers, false, bytes) };
}
