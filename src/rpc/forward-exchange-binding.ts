// The leader's end of the line of short requests: each is answered when its answer is there, in any order. Events and not
// iterators: what a turn of those costs was a third of what a request handed on took.

import { Ending, type Log, messageOf, SwarmError } from "../base/index.js";
import {
  ForwardedAnswers,
  ForwardedRequests,
  type NumberedAnswer,
  type NumberedRequest,
} from "../gen/skep/v1/forward.js";
import { type ForwardCalls, refuseWorker } from "./forward-calls.js";
import type { ForwardAnswer } from "./forward-message.js";
import {
  answerHead,
  batchBytesMax,
  exchangedMax,
  requestFrom,
  shortAnswerBytesMax,
  shortBody,
  unreadBytesMax,
} from "./forward-pieces.js";
import type { CallContext } from "./gate.js";
import type { Line, LineEvents } from "./line.js";
import { statusOf } from "./status.js";

type What = NonNullable<NumberedAnswer["what"]>;

export function answerExchange(line: Line, context: CallContext, calls: ForwardCalls, log: Log): LineEvents {
  return new AnsweringExchange(line, context, calls, log).start();
}

class AnsweringExchange {
  readonly #line: Line;
  readonly #nodeId: string;
  readonly #calls: ForwardCalls;
  readonly #log: Log;
  readonly #closing: AbortSignal;
  readonly #open = new Map<number, Ending>();
  #ready: NumberedAnswer[] = [];
  /** Of the bodies in them. */
  #readyBytes = 0;
  readonly #onClosing = (): void => this.#fail(this.#closing.reason);
  #isFlushAsked = false;
  #isFull = false;
  #isOver = false;

  constructor(line: Line, { peer, closing }: CallContext, calls: ForwardCalls, log: Log) {
    this.#line = line;
    this.#nodeId = peer.node?.nodeId ?? "";
    this.#calls = calls;
    this.#log = log;
    this.#closing = closing;
  }

  start(): LineEvents {
    this.#closing.addEventListener("abort", this.#onClosing, { once: true });
    try {
      this.#closing.throwIfAborted();
      refuseWorker(this.#nodeId, this.#calls);
      // The other side learns that it was let in before there is anything to say.
      this.#line.open();
    } catch (error) {
      this.#fail(error);
    }
    return {
      message: (bytes) => this.#taken(bytes),
      drained: () => {
        this.#isFull = false;
        this.#flush();
      },
      ended: () => this.#stop(),
    };
  }

  #taken(bytes: Uint8Array): void {
    let requests: readonly NumberedRequest[];
    try {
      ({ requests } = ForwardedRequests.decode(bytes));
    } catch (error) {
      return this.#fail(new SwarmError("InvalidArgument", `malformed requests: ${messageOf(error)}`));
    }
    for (const request of requests) this.#take(request);
  }

  #take({ number, what }: NumberedRequest): void {
    if (what === undefined || this.#isOver) return;
    if (what.$case === "cancelled") {
      return this.#cancel(number);
    }
    // Who asks and does not read does no less than who asks for too much.
    if (this.#open.size + this.#ready.length >= exchangedMax) {
      return this.#fail(new SwarmError("ResourceExhausted", `more than ${exchangedMax} requests at once on one line`));
    }
    if (this.#open.has(number)) {
      return this.#fail(new SwarmError("InvalidArgument", `malformed requests: number ${number} is taken`));
    }
    const over = new Ending();
    this.#open.set(number, over);
    void this.#answerTo(number, what.value, over);
  }

  #cancel(number: number): void {
    const over = this.#open.get(number);
    if (over === undefined) return this.#unsay(number);
    over.end(gone);
    this.#open.delete(number);
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
    // The number may be another request's by now, where this one was cancelled.
    const isWanted = this.#open.get(number) === over && this.#open.delete(number);
    if (this.#readyBytes + bytesOf(answer) > unreadBytesMax) answer = { $case: "needsOwnStream", value: true };
    // Ends what an answer that is not passed on still holds.
    if (answer.$case === "needsOwnStream") over.end(gone);
    if (isWanted) this.#say(number, answer);
  }

  #unsay(number: number): void {
    this.#ready = this.#ready.filter((answer) => {
      if (answer.number !== number) return true;
      this.#readyBytes -= bytesOf(answer.what);
      return false;
    });
  }

  #say(number: number, what: What): void {
    if (this.#isOver) return;
    this.#ready.push({ number, what });
    this.#readyBytes += bytesOf(what);
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
      this.#isFull = !this.#line.write(ForwardedAnswers.encode({ answers: this.#next() }).finish());
    }
  }

  /** Answers for one message. */
  #next(): NumberedAnswer[] {
    let bytesTotal = 0;
    let count = 0;
    for (const { what } of this.#ready) {
      const bytes = bytesOf(what);
      if (count > 0 && bytesTotal + bytes > batchBytesMax) break;
      bytesTotal += bytes;
      count += 1;
    }
    this.#readyBytes -= bytesTotal;
    return this.#ready.splice(0, count);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#stop();
    this.#line.end(statusOf(error, this.#log));
  }

  /** open → over: nobody waits for any answer. */
  #stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closing.removeEventListener("abort", this.#onClosing);
    for (const over of this.#open.values()) over.end(gone);
    this.#open.clear();
    this.#ready = [];
    this.#readyBytes = 0;
  }
}

const gone = new SwarmError("Unavailable", "nobody waits for this answer any more");

function bytesOf(what: NumberedAnswer["what"]): number {
  return what?.$case === "answer" ? what.value.body.length : 0;
}

function answerOf({ status, headers, body }: ForwardAnswer): What {
  const bytes = shortBody(body, shortAnswerBytesMax);
  if (bytes === undefined) return { $case: "needsOwnStream", value: true };
  return { $case: "answer", value: answerHead(status, headers, false, bytes) };
}
