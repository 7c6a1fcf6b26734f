// Short requests to the leader, many on one line: what a stream of its own costs both ends is paid once.

import { type Clock, type Ending, messageOf, SwarmError, type Timer } from "../base/index.js";
import {
  ForwardedAnswers,
  ForwardedRequests,
  type NumberedAnswer,
  type NumberedRequest,
} from "../gen/skep/v1/forward.js";
import type { Credentials } from "./credentials.js";
import type { ForwardAnswer, ForwardRequest } from "./forward-message.js";
import {
  batchBytesMax,
  exchangedMax,
  headersOf,
  requestBytes,
  shortRequestBytesMax,
  wholeRequest,
} from "./forward-pieces.js";
import type { Line } from "./line.js";
import { dialLine } from "./line-dial.js";
import { NotTheLeader } from "./status.js";

/** Numbered requests one way, their answers the other. */
export const requestsProtocol = "skep-requests/1";
/** From dialling to being let in. */
const openMs = 2_000;
const pingMs = 10_000;
const pongMs = 10_000;

/** Requests gather while one message is unanswered, but no longer than this. */
const gatherMs = 1;

interface Waiting {
  readonly message: NumberedRequest;
  /** As `requestBytes`. */
  readonly bytes: number;
}

interface Open {
  readonly resolve: (answer: ForwardAnswer | undefined) => void;
  readonly reject: (reason: unknown) => void;
  /** Who asked may leave, and is listened to while the request is open. */
  readonly over: Ending;
  readonly left: (reason: unknown) => void;
}

export interface ExchangeOptions {
  /** host:port. */
  readonly addr: string;
  readonly credentials: Credentials;
}

export class Exchange {
  readonly #addr: string;
  readonly #line: Line;
  readonly #late: Timer;
  readonly #open = new Map<number, Open>();
  #queue: Waiting[] = [];
  #lastNumber = 0;
  #isFlushAsked = false;
  #gathering: NodeJS.Timeout | undefined;
  /** Something was sent, and nothing has come back since. */
  #isAwaiting = false;
  #isFull = false;
  #over: SwarmError | undefined;

  constructor({ addr, credentials }: ExchangeOptions, { clock }: { readonly clock: Clock }) {
    this.#addr = addr;
    this.#line = dialLine({ protocol: requestsProtocol, addr, credentials, pingMs, pongMs }, { clock });
    this.#late = clock.after(openMs, () => this.#line.destroy(new Error("ETIMEDOUT: not let in")));
    this.#line.start({
      opened: () => this.#late.cancel(),
      message: (bytes) => this.#take(bytes),
      drained: () => {
        this.#isFull = false;
        this.#flush();
      },
      ended: (error) => this.#end(error ?? new SwarmError("Unavailable", `${addr} ended the line of requests`)),
    });
  }

  /** No request can travel here any more. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Whether it may travel here: it is short, and not too many are open. */
  takes(request: ForwardRequest): boolean {
    if (this.#over !== undefined || this.#open.size >= exchangedMax) return false;
    return requestBytes(request) <= shortRequestBytesMax;
  }

  /**
   * Resolves with the leader's answer, undefined where that needs a stream of its own. Rejects with the reason `over` came
   * with, with NotTheLeader, or with why no answer came.
   */
  ask(request: ForwardRequest, over: Ending): Promise<ForwardAnswer | undefined> {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    return new Promise((resolve, reject) => {
      const left = (reason: unknown): void => {
        this.#open.delete(number);
        this.#cancel(number);
        reject(reason as Error);
      };
      this.#open.set(number, { resolve, reject, over, left });
      over.listen(left);
      this.#send({ number, what: { $case: "request", value: wholeRequest(request) } }, requestBytes(request));
    });
  }

  close(): void {
    this.#end(new SwarmError("Unavailable", "the connection to the leader was closed"));
    this.#line.end();
  }

  #take(bytes: Uint8Array): void {
    let answers: readonly NumberedAnswer[];
    try {
      ({ answers } = ForwardedAnswers.decode(bytes));
    } catch (error) {
      return this.#line.destroy(new Error(`malformed answers: ${messageOf(error)}`));
    }
    for (const answer of answers) this.#answered(answer);
    this.#isAwaiting = false;
    if (this.#queue.length > 0) this.#flushSoon();
  }

  /** One that was not sent yet never is: who does not read must not make what was given up pile up here. */
  #cancel(number: number): void {
    const at = this.#queue.findIndex(({ message }) => message.number === number);
    if (at >= 0) this.#queue.splice(at, 1);
    else this.#send({ number, what: { $case: "cancelled", value: true } }, 0);
  }

  #send(message: NumberedRequest, bytes: number): void {
    if (this.#over) return;
    this.#queue.push({ message, bytes });
    // One alone goes at once. Of many, those that come while others are under way share a message: each costs both ends more
    // than what it carries.
    if (this.#open.size <= 1) this.#flush();
    else if (this.#isAwaiting) this.#gathering ??= setTimeout(() => this.#flush(), gatherMs);
    else this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushAsked) return;
    this.#isFlushAsked = true;
    setImmediate(() => {
      this.#isFlushAsked = false;
      this.#flush();
    });
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    while (!this.#over && !this.#isFull && this.#queue.length > 0) {
      let bytesTotal = 0;
      let count = 0;
      for (const { bytes } of this.#queue) {
        bytesTotal += bytes;
        if (count > 0 && bytesTotal > batchBytesMax) break;
        count += 1;
      }
      const requests = this.#queue.splice(0, count).map(({ message }) => message);
      this.#isFull = !this.#line.write(ForwardedRequests.encode({ requests }).finish());
      this.#isAwaiting = true;
    }
  }

  #answered({ number, what }: NumberedAnswer): void {
    const open = this.#open.get(number);
    if (open === undefined || what === undefined) return;
    this.#open.delete(number);
    open.over.unlisten(open.left);
    switch (what.$case) {
      case "answer": {
        const { status, headers, body } = what.value;
        return open.resolve({ status, headers: headersOf(headers), body: { kind: "bytes", bytes: body } });
      }
      case "needsOwnStream":
        return open.resolve(undefined);
      case "notLeading":
        return open.reject(new NotTheLeader(what.value));
      case "failed":
        return open.reject(new SwarmError("Unavailable", `${this.#addr}: ${what.value}`));
      default:
        return what satisfies never;
    }
  }

  /** open → over: who waits learns that no answer came. */
  #end(error: SwarmError): void {
    this.#over ??= error;
    this.#late.cancel();
    this.#queue = [];
    clearTimeout(this.#gathering);
    for (const [number, open] of [...this.#open]) {
      this.#open.delete(number);
      open.over.unlisten(open.left);
      open.reject(error);
    }
  }
}
