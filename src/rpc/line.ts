// Messages of bytes over one TLS connection, each behind its kind and its length. For the two streams on whose every message a
// user waits, the consensus and requests to the leader: HTTP/2 took longer there than the disk (docs/decisions/lines.md).

import type { Duplex } from "node:stream";
import { status } from "@grpc/grpc-js";
import type { Clock, SwarmError, Timer } from "../base/index.js";
import { LineEnd } from "../gen/skep/v1/line.js";
import { lineFailure } from "./dial-error.js";
import { type CallStatus, errorOf, removedTrailer } from "./status.js";

/** A frame: one byte for its kind, four for the length of what follows, most significant first. */
const headerBytes = 5;
const frames = { message: 0, opened: 1, ended: 2, ping: 3, pong: 4 } as const;
type Frame = (typeof frames)[keyof typeof frames];

/** A longer message ends the line. */
export const lineMessageBytesMax = 4 * 1024 * 1024;
/** Chunks of one message kept apart: many tiny ones cost far more than the bytes in them. */
const partsMax = 1_024;
/** For what was written last to arrive when a line is ended. */
const lateMs = 500;

export interface LineOptions {
  readonly socket: Duplex;
  /** The other end, as errors name it. */
  readonly addr: string;
  /** Heard of nothing for so long, it asks for a sign of life. */
  readonly pingMs: number;
  /** And without one for so long after that, the line is broken. */
  readonly pongMs: number;
}

export interface LineEvents {
  message(bytes: Uint8Array): void;
  /** The other side has let us in. */
  opened?(): void;
  /** There is room again after a `write` that said there was none. */
  drained?(): void;
  /** It is over, said once: without an error if either side ended it in good order. */
  ended(error: SwarmError | undefined): void;
}

export class Line {
  readonly #options: LineOptions;
  readonly #clock: Clock;
  #events: LineEvents | undefined;
  /** What has come of a frame that is not whole yet, and how much it takes to go on. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #neededBytes = headerBytes;
  #heardMs: number;
  #timer: Timer | undefined;
  #phase: "open" | "leaving" | "over" = "open";
  #failure: Error | undefined;

  constructor(options: LineOptions, modules: { readonly clock: Clock }) {
    this.#options = options;
    this.#clock = modules.clock;
    this.#heardMs = modules.clock.monotonic();
  }

  /** Nothing is read before. */
  start(events: LineEvents): void {
    const { socket } = this.#options;
    this.#events = events;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("error", (error) => this.#fail(error));
    socket.once("close", () => this.#close(this.#phase === "leaving" ? undefined : this.#why()));
    if (this.#phase === "open") this.#listen(this.#options.pingMs);
  }

  /** Lets the other side in. */
  open(): void {
    this.#send(frames.opened, nothing);
  }

  /** False: no room until `drained`. `done`: the connection has taken it, or never will. */
  write(message: Uint8Array, done?: () => void): boolean {
    return this.#send(frames.message, message, done);
  }

  /** open → leaving → over: the other side learns why, by default that all is in order. What was written before arrives, or is late. */
  end(reason: CallStatus = inOrder): void {
    if (this.#phase !== "open") return;
    const { code, details, metadata } = reason;
    const removed = metadata?.get(removedTrailer)[0] !== undefined;
    this.#send(frames.ended, LineEnd.encode({ code, details, removed }).finish());
    this.#phase = "leaving";
    this.#hangUp();
  }

  /** open → over, at once: as a failure. */
  destroy(error: Error): void {
    this.#fail(error);
    this.#options.socket.destroy();
  }

  #send(kind: Frame, payload: Uint8Array, done?: () => void): boolean {
    if (this.#phase !== "open") {
      done?.();
      return true;
    }
    const frame = Buffer.allocUnsafe(headerBytes + payload.length);
    frame[0] = kind;
    frame.writeUInt32BE(payload.length, 1);
    frame.set(payload, headerBytes);
    return this.#options.socket.write(frame, done && (() => done()));
  }

  /** What waited has gone, so the other side takes: behind megabytes on a slow way its answer to a ping may be late. */
  #drained(): void {
    this.#heardMs = this.#clock.monotonic();
    this.#events?.drained?.();
  }

  /** Who leaves reads no more. */
  get #isReading(): boolean {
    return this.#phase === "open" && !this.#options.socket.destroyed;
  }

  #take(chunk: Buffer): void {
    if (!this.#isReading) return;
    this.#heardMs = this.#clock.monotonic();
    this.#parts.push(chunk);
    this.#partsBytes += chunk.length;
    if (this.#partsBytes < this.#neededBytes) {
      if (this.#parts.length >= partsMax) this.#parts = [Buffer.concat(this.#parts, this.#partsBytes)];
      return;
    }
    let rest = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#partsBytes);
    this.#neededBytes = headerBytes;
    while (this.#isReading && rest.length >= headerBytes) {
      const length = rest.readUInt32BE(1);
      if (length > lineMessageBytesMax) return this.destroy(new Error(`a message of ${length} bytes is too long`));
      if (rest.length < headerBytes + length) {
        this.#neededBytes = headerBytes + length;
        break;
      }
      const kind = rest[0];
      const payload = rest.subarray(headerBytes, headerBytes + length);
      rest = rest.subarray(headerBytes + length);
      this.#took(kind, payload);
    }
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#partsBytes = rest.length;
  }

  #took(kind: number | undefined, payload: Buffer): void {
    switch (kind) {
      case frames.message:
        return this.#events?.message(payload);
      case frames.opened:
        return this.#events?.opened?.();
      case frames.ended:
        return this.#ended(payload);
      case frames.ping:
        return this.#answerPing();
      case frames.pong:
        return;
      default:
        this.destroy(new Error(`a frame of kind ${kind} is none of this version`));
    }
  }

  /** Who asks without end and reads nothing is not answered without end; what waits to be read says as much. */
  #answerPing(): void {
    if (!this.#options.socket.writableNeedDrain) this.#send(frames.pong, nothing);
  }

  #ended(payload: Buffer): void {
    let end: LineEnd;
    try {
      end = LineEnd.decode(payload);
    } catch (error) {
      return this.destroy(error as Error);
    }
    this.#close(end.code === status.OK ? undefined : errorOf(end));
    this.#hangUp();
  }

  /** open or leaving → over. */
  #close(error: SwarmError | undefined): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#parts = [];
    this.#timer?.cancel();
    this.#events?.ended(error);
  }

  #hangUp(): void {
    const { socket } = this.#options;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(lateMs, () => socket.destroy());
    socket.once("close", () => this.#timer?.cancel());
    socket.end();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }

  #why(): SwarmError {
    return lineFailure(this.#failure, this.#options.addr);
  }

  /** Looks again after `ms` whether anything was heard. */
  #listen(ms: number): void {
    const { pingMs, pongMs } = this.#options;
    this.#timer = this.#clock.after(ms, () => {
      const silentMs = this.#clock.monotonic() - this.#heardMs;
      if (silentMs < pingMs) return this.#listen(pingMs - silentMs);
      this.#send(frames.ping, nothing);
      const askedMs = this.#clock.monotonic();
      this.#timer = this.#clock.after(pongMs, () => this.#judge(askedMs));
    });
  }

  /** After a stall of this process the answer may have come and wait to be read. */
  #judge(askedMs: number): void {
    setImmediate(() => {
      if (this.#phase !== "open") return;
      if (this.#heardMs >= askedMs) return this.#listen(this.#options.pingMs);
      this.destroy(new Error("ETIMEDOUT: no sign of life"));
    });
  }
}

const nothing = new Uint8Array(0);
const inOrder: CallStatus = { code: status.OK, details: "" };
