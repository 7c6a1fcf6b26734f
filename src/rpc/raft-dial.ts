// One attempt to reach another member, and the line it becomes: a connection of its own, with the credentials of now.

import type { Clock, SwarmError, Timer } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import { Batch } from "../gen/skep/raft/v1/transport.js";
import type { Credentials } from "./credentials.js";
import type { Line } from "./line.js";
import { dialLine } from "./line-dial.js";
import type { Ends } from "./raft-messages.js";

/** Batches of messages, from one member to another. */
export const raftProtocol = "skep-raft/1";
/** From dialling to being let in. */
const openMs = 1_000;
/** Batches handed to the connection and not yet written by it. */
const writesMax = 2;
/** A peer that vanished is noticed after the sum of both: TCP alone would try again ever more seldom. */
const pingMs = 2_000;
const pongMs = 2_000;

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
  readonly ended: (error: SwarmError | undefined) => void;
}

export class RaftDial {
  readonly addr: string;
  readonly certificate: string;
  readonly #ends: Ends;
  readonly #clock: Clock;
  readonly #line: Line;
  readonly #late: Timer;
  #openedMs: number | undefined;
  #early = 0;
  #wasSilent = false;
  #writes = 0;
  #left = (): void => {};

  /** Throws when address or credentials are no such thing. What is written goes out as soon as the connection stands. */
  constructor({ ends, addr, credentials }: RaftDialOptions, { clock, opened, ended }: RaftDialModules) {
    this.addr = addr;
    this.certificate = credentials.certificate;
    this.#ends = ends;
    this.#clock = clock;
    this.#line = dialLine({ protocol: raftProtocol, addr, credentials, pingMs, pongMs }, { clock });
    this.#late = clock.after(openMs, () => {
      this.#wasSilent = true;
      this.#line.destroy(new Error("ETIMEDOUT: not let in"));
    });
    this.#line.start({
      message: () => {},
      opened: () => {
        this.#late.cancel();
        this.#openedMs = clock.monotonic();
        opened();
      },
      ended: (error) => {
        this.#late.cancel();
        this.#left();
        ended(error);
      },
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
    return this.#writes < writesMax;
  }

  /** One message of the line; says how many bytes. `done`: the connection has taken it, or never will. */
  write(messages: readonly Message[], done: () => void): number {
    if (this.#openedMs === undefined) this.#early += messages.length;
    const bytes = Batch.encode({ ...this.#ends, messages }).finish();
    this.#writes += 1;
    this.#line.write(bytes, () => {
      this.#writes -= 1;
      done();
    });
    return bytes.length;
  }

  /** Says no more: the other side sees no break. Resolves once what was written has arrived, or after a moment. */
  leave(): Promise<void> {
    this.#late.cancel();
    return new Promise((resolve) => {
      this.#left = resolve;
      this.#line.end();
    });
  }
}
