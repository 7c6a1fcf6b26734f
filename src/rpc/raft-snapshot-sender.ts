// Sends a snapshot to another member, on a connection of its own, as fast as the other side takes it. After a break it goes
// on where the other side had come.

import { randomInt } from "node:crypto";
import { type ClientDuplexStream, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type Clock, type ErrorKind, SwarmError, sleep, type Timer } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { SnapshotAnswer, SnapshotPart } from "../gen/skep/raft/v1/transport.js";
import { TransportClient } from "../gen/skep/raft/v1/transport_service.js";
import type { Credentials } from "./credentials.js";
import { clientTo } from "./dial.js";
import { dialError } from "./dial-error.js";
import { PieceSource } from "./raft-pieces.js";
import { readAll, write } from "./stream.js";

/** The other side takes nothing for so long: dialled anew, as after a break. */
const stallMs = 30_000;
/** Breaks in a row with nothing taken between them. */
const breaksMax = 5;
const retryMs = 200;

type Stream = ClientDuplexStream<SnapshotPart, SnapshotAnswer>;

export interface SnapshotSenderModules {
  readonly clock: Clock;
  readonly credentials: () => Credentials;
  addr(): string | undefined;
}

interface Offer {
  readonly message: Message;
  readonly transfer: number;
}

/** Resolves once the other side has it whole and durable, or does not need it. */
export async function sendSnapshot(
  message: Message,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  modules: SnapshotSenderModules,
): Promise<void> {
  const source = new PieceSource(chunks);
  const offer = { message, transfer: randomInt(1, 2 ** 48 - 1) };
  try {
    for (let breaks = 0; ; breaks += 1) {
      const before = source.confirmed;
      const end = await new Connection(offer, source, modules).run(signal);
      if (end === "taken") return;
      if (source.confirmed > before) breaks = 0;
      if (breaks >= breaksMax) throw end;
      await sleep(modules.clock, retryMs, signal);
    }
  } finally {
    await source.close();
  }
}

/** The transfer from one break to the next. */
class Connection {
  readonly #offer: Offer;
  readonly #source: PieceSource;
  readonly #modules: SnapshotSenderModules;
  readonly #over = new AbortController();
  #stall: Timer | undefined;
  #wake = (): void => {};

  constructor(offer: Offer, source: PieceSource, modules: SnapshotSenderModules) {
    this.#offer = offer;
    this.#source = source;
    this.#modules = modules;
  }

  /** Says that it was taken, or with which error it broke; throws what no other connection would change. */
  async run(signal: AbortSignal): Promise<"taken" | SwarmError> {
    signal.throwIfAborted();
    const addr = this.#modules.addr();
    if (addr === undefined) return new SwarmError("Unavailable", "the member's address is not known");
    const client = clientTo(TransportClient, addr, { as: this.#modules.credentials() });
    const stream: Stream = client.snapshot(new Metadata());
    const end = (reason: unknown): void => {
      this.#over.abort(reason);
      this.#wake();
    };
    const onAbort = (): void => end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    stream.on("error", (error: ServiceError) => end(dialError(error, addr)));
    this.#progressed();
    try {
      await this.#transfer(stream);
      return "taken";
    } catch (error) {
      if (error === this.#over.signal.reason && !signal.aborted && isBreak(error)) return error;
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#stall?.cancel();
      stream.cancel();
      client.close();
    }
  }

  async #transfer(stream: Stream): Promise<void> {
    const { signal } = this.#over;
    await write(stream, { part: { $case: "offer", value: this.#offer } }, signal);
    const answers = readAll<SnapshotAnswer>(stream, signal);
    const first = await answers.next();
    if (first.done) throw this.#breakOff("the other side ended the transfer");
    this.#source.goOnAfter(first.value.pieces);
    const taken = this.#readAnswers(answers);
    const sent = this.#sendPieces(stream);
    try {
      await Promise.race([taken, sent.then(() => taken)]);
    } finally {
      this.#breakOff("the transfer is over");
      // The next connection reads on where this one stopped.
      await Promise.allSettled([sent, taken]);
    }
  }

  async #sendPieces(stream: Stream): Promise<void> {
    const { signal } = this.#over;
    for (;;) {
      while (!this.#source.mayGoOn && !signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      signal.throwIfAborted();
      const piece = await this.#source.next();
      if (piece === undefined) break;
      await write(stream, { part: { $case: "piece", value: piece } }, signal);
    }
    await write(stream, { part: { $case: "end", value: { pieces: this.#source.cut } } }, signal);
  }

  async #readAnswers(answers: AsyncIterable<SnapshotAnswer>): Promise<void> {
    for await (const { pieces, isTaken } of answers) {
      if (isTaken) return;
      this.#source.confirm(pieces);
      this.#progressed();
      this.#wake();
    }
    throw this.#breakOff("the other side ended the transfer");
  }

  /** Another moment of patience. */
  #progressed(): void {
    this.#stall?.cancel();
    this.#stall = this.#modules.clock.after(stallMs, () => this.#breakOff("nothing was taken for a while"));
  }

  /** Ends what still runs; why it ended is what was said first. */
  #breakOff(reason: string): Error {
    this.#over.abort(new SwarmError("Unavailable", reason));
    this.#wake();
    return this.#over.signal.reason as Error;
  }
}

/** A refusal is of another kind: the binding answers it with Aborted, the gate with PermissionDenied. */
function isBreak(error: unknown): error is SwarmError {
  return error instanceof SwarmError && breakKinds.includes(error.kind);
}

const breakKinds: readonly ErrorKind[] = ["Unavailable", "DeadlineExceeded", "Unknown", "Internal"];
