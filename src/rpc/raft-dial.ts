// One attempt to reach another member, and the gRPC stream it becomes: on a channel of its own, with the credentials of now.

import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  type ClientWritableStream,
  Metadata,
  makeGenericClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Clock, Timer } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import { Batch, type LinkEnd } from "../gen/skep/raft/v1/transport.js";
import { TransportService } from "../gen/skep/raft/v1/transport_service.js";
import type { Credentials } from "./credentials.js";
import { clientTo } from "./dial.js";
import type { Ends } from "./raft-messages.js";

/** From dialling to being let in. */
const openMs = 1_000;
/** For what was written last to arrive when the stream is left. */
const leaveMs = 500;
/** Batches handed to the connection and not yet written by it. */
const writesMax = 2;
/** A peer that vanished is noticed after the sum of both: TCP alone would try again ever more seldom. */
const keepaliveMs = 2_000;
const keepaliveTimeoutMs = 2_000;

const channelOptions: ChannelOptions = {
  "grpc.keepalive_time_ms": keepaliveMs,
  "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
};

export interface RaftDialOptions {
  readonly ends: Ends;
  readonly addr: string;
  readonly credentials: Credentials;
}

export interface RaftDialModules {
  readonly clock: Clock;
  /** The other side has let us in. */
  readonly opened: () => void;
  /** It is over, by the other side or a failure; undefined: ended in good order. Also after `leave`. */
  readonly ended: (error: ServiceError | undefined) => void;
}

export class RaftDial {
  readonly addr: string;
  readonly certificate: string;
  readonly #ends: Ends;
  readonly #clock: Clock;
  readonly #client: LinkClient;
  readonly #stream: ClientWritableStream<Buffer>;
  readonly #late: Timer;
  #openedMs: number | undefined;
  #early = 0;
  #wasSilent = false;

  /** Throws when address or credentials are no such thing. What is written goes out as soon as the connection stands. */
  constructor({ ends, addr, credentials }: RaftDialOptions, { clock, opened, ended }: RaftDialModules) {
    this.addr = addr;
    this.certificate = credentials.certificate;
    this.#ends = ends;
    this.#clock = clock;
    this.#client = clientTo(LinkClient, addr, { as: credentials }, channelOptions);
    this.#stream = this.#client.link(new Metadata(), {}, (error) => {
      this.#late.cancel();
      this.#client.close();
      ended(error ?? undefined);
    });
    this.#late = clock.after(openMs, () => {
      this.#wasSilent = true;
      this.#stream.cancel();
    });
    // Whatever it is, the callback above hears of it too.
    this.#stream.on("error", () => {});
    this.#stream.once("metadata", () => {
      this.#late.cancel();
      this.#openedMs = clock.monotonic();
      opened();
    });
    this.write([], () => {});
  }

  /** How long the other side has let us in; undefined: it never did. */
  get heldMs(): number | undefined {
    return this.#openedMs === undefined ? undefined : this.#clock.monotonic() - this.#openedMs;
  }

  /** Messages written before it did. */
  get early(): number {
    return this.#early;
  }

  /** It ended because nothing was answered. */
  get wasSilent(): boolean {
    return this.#wasSilent;
  }

  get isWritable(): boolean {
    return this.#stream.writableLength < writesMax;
  }

  /** One gRPC message; says how many bytes. `done`: the connection has taken it, or never will. */
  write(messages: readonly Message[], done: () => void): number {
    if (this.#openedMs === undefined) this.#early += messages.length;
    const bytes = Buffer.from(Batch.encode({ ...this.#ends, messages }).finish());
    this.#stream.write(bytes, done);
    return bytes.length;
  }

  /** Says no more: the other side sees no break. Resolves once what was written has arrived, or after a moment. */
  leave(): Promise<void> {
    this.#late.cancel();
    return new Promise((resolve) => {
      const late = this.#clock.after(leaveMs, () => this.#stream.cancel());
      this.#stream.once("status", () => {
        late.cancel();
        resolve();
      });
      this.#stream.end();
    });
  }
}

/** The generated client, but for batches that are encoded already. */
interface LinkClient extends Client {
  link(
    metadata: Metadata,
    options: Partial<CallOptions>,
    done: (error: ServiceError | null, end?: LinkEnd) => void,
  ): ClientWritableStream<Buffer>;
}

const LinkClient = makeGenericClientConstructor(
  { link: { ...TransportService.link, requestSerialize: (batch: Buffer) => batch } },
  "skep.raft.v1.Transport",
) as unknown as new (
  addr: string,
  credentials: ChannelCredentials,
  options: ChannelOptions,
) => LinkClient;
