// The way to the leader for requests asked of another manager: short ones share a line, others have a gRPC stream each.

import { type ClientDuplexStream, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type Clock, type Ending, type Log, SwarmError } from "../base/index.js";
import type { ForwardedAnswer, ForwardedRequest } from "../gen/skep/v1/forward.js";
import { ForwardClient } from "../gen/skep/v1/forward_service.js";
import type { Credentials } from "./credentials.js";
import { clientTo } from "./dial.js";
import { dialError } from "./dial-error.js";
import { Exchange } from "./forward-exchange.js";
import { type ForwardAnswer, type ForwardRequest, gatheredBytesMax } from "./forward-message.js";
import { headersOf, requestMessages } from "./forward-pieces.js";
import { NotTheLeader } from "./status.js";
import { readAll, write } from "./stream.js";

export interface LeaderLinkModules {
  /** Those in force: a change makes a new connection for the calls after it. */
  readonly credentials: () => Credentials;
  readonly clock: Clock;
  readonly log: Log;
}

type Stream = ClientDuplexStream<ForwardedRequest, ForwardedAnswer>;

export class LeaderLink {
  readonly #modules: LeaderLinkModules;
  #channel: Channel | undefined;

  constructor(_options: Record<string, never>, modules: LeaderLinkModules) {
    this.#modules = modules;
  }

  /** Connects ahead of the first request: called when a new leader becomes known. */
  prepare(addr: string): void {
    this.#channelTo(addr).prepare();
  }

  /**
   * Resolves with the leader's answer, a refusal being one; a short one is whole by then, so that a leader that dies while
   * it sends is a failure and not half an answer. Rejects with the reason `over` came with, with NotTheLeader, or with a
   * SwarmError that says why no answer came. An `over` that comes later ends a streamed body.
   */
  async forward(addr: string, request: ForwardRequest, over: Ending): Promise<ForwardAnswer> {
    over.throwIfCome();
    const channel = this.#channelTo(addr);
    return (await this.#exchanged(channel, request, over)) ?? (await this.#askAlone(channel, request, over.signal));
  }

  /** Lets calls under way end; a later call connects anew. */
  close(): void {
    if (this.#channel) this.#drop(this.#channel);
  }

  /** On the line that short requests share; undefined where that is not its way. */
  async #exchanged(channel: Channel, request: ForwardRequest, over: Ending): Promise<ForwardAnswer | undefined> {
    const { exchange } = channel;
    if (!exchange.takes(request)) return undefined;
    channel.callBegan();
    try {
      return await exchange.ask(request, over);
    } catch (error) {
      if (exchange.isOver) this.#drop(channel);
      throw error instanceof SwarmError && !over.hasCome ? asUnanswered(error) : error;
    } finally {
      channel.callEnded();
    }
  }

  async #askAlone(channel: Channel, request: ForwardRequest, signal: AbortSignal): Promise<ForwardAnswer> {
    const { addr } = channel;
    const stream: Stream = channel.client.ask(new Metadata());
    channel.callBegan();
    const over = new AbortController();
    const end = (reason: unknown): void => {
      over.abort(reason);
      stream.cancel();
    };
    const onAbort = (): void => end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    stream.on("error", (error: ServiceError) => {
      const reason = asUnanswered(dialError(error, addr));
      if (!over.signal.aborted && !(reason instanceof NotTheLeader)) this.#drop(channel);
      over.abort(reason);
    });
    stream.once("status", () => {
      signal.removeEventListener("abort", onAbort);
      channel.callEnded();
    });
    // What goes wrong in sending is seen in receiving.
    send(stream, request, over.signal).catch(() => undefined);
    const messages = readAll<ForwardedAnswer>(stream, over.signal);
    try {
      return await receive(messages, addr, end);
    } catch (error) {
      end(error);
      throw error;
    }
  }

  #channelTo(addr: string): Channel {
    const credentials = this.#modules.credentials();
    const known = this.#channel;
    if (known?.addr === addr && known.credentials === credentials) return known;
    if (known) this.#drop(known);
    this.#modules.log.debug("connecting to the leader", { addr });
    this.#channel = new Channel(addr, credentials, this.#modules.clock);
    return this.#channel;
  }

  /** A connection that failed is not waited for: the next call makes its own. */
  #drop(channel: Channel): void {
    if (this.#channel === channel) this.#channel = undefined;
    channel.closeWhenIdle();
  }
}

/** The connections to one manager, closed once they are not wanted and their last call has ended. */
class Channel {
  readonly addr: string;
  readonly credentials: Credentials;
  /** For what has a stream of its own; connects with the first. */
  readonly client: ForwardClient;
  #exchange: Exchange | undefined;
  #calls = 0;
  #unwanted = false;

  readonly #clock: Clock;

  constructor(addr: string, credentials: Credentials, clock: Clock) {
    this.addr = addr;
    this.credentials = credentials;
    this.#clock = clock;
    this.client = clientTo(ForwardClient, addr, { as: credentials });
  }

  /** The line that short requests share; anew after one that ended. */
  get exchange(): Exchange {
    if (this.#exchange === undefined || this.#exchange.isOver)
      this.#exchange = new Exchange(this, { clock: this.#clock });
    return this.#exchange;
  }

  /** Connects for short requests: most are. */
  prepare(): void {
    void this.exchange;
  }

  callBegan(): void {
    this.#calls += 1;
  }

  callEnded(): void {
    this.#calls -= 1;
    this.#closeIfDone();
  }

  closeWhenIdle(): void {
    this.#unwanted = true;
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (!this.#unwanted || this.#calls > 0) return;
    this.#exchange?.close();
    this.client.close();
  }
}

async function send(stream: Stream, request: ForwardRequest, over: AbortSignal): Promise<void> {
  for (const message of requestMessages(request)) await write(stream, message, over);
  stream.end();
}

async function receive(
  messages: AsyncGenerator<ForwardedAnswer, void, void>,
  addr: string,
  end: (reason: unknown) => void,
): Promise<ForwardAnswer> {
  const first = await messages.next();
  if (first.done) throw new SwarmError("Unavailable", `${addr} ended the call without an answer`);
  const { status, headers, body, live } = first.value;
  const head = { status, headers: headersOf(headers) };
  if (live) return { ...head, body: { kind: "stream", stream: rest([body], messages, end) } };
  const gathered = [body];
  let bytesTotal = body.length;
  while (bytesTotal <= gatheredBytesMax) {
    const next = await messages.next();
    if (next.done) return { ...head, body: { kind: "bytes", bytes: joined(gathered) } };
    gathered.push(next.value.body);
    bytesTotal += next.value.body.length;
  }
  return { ...head, body: { kind: "stream", stream: rest(gathered, messages, end) } };
}

/** What has come, then what comes; a reader that stops ends the call. */
async function* rest(
  gathered: readonly Uint8Array[],
  messages: AsyncGenerator<ForwardedAnswer, void, void>,
  end: (reason: unknown) => void,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    for (const chunk of gathered) if (chunk.length > 0) yield chunk;
    for await (const { body } of messages) yield body;
  } finally {
    end(new SwarmError("Unavailable", "nobody reads the answer any more"));
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** The leader's refusals are answers, so whatever a call fails with means that there was none. */
function asUnanswered(error: SwarmError): SwarmError {
  const isSaid =
    error instanceof NotTheLeader || error.kind === "PermissionDenied" || error.kind === "ResourceExhausted";
  return isSaid || error.kind === "Unavailable"
    ? error
    : new SwarmError("Unavailable", error.message, { cause: error });
}
