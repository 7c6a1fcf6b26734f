// The link to one other member: a line of its own, dialled anew whenever it ends. Messages wait in a bounded queue; what gathers
// while two batches are being written travels in the next.

import { type Clock, type Log, messageOf, type SwarmError, type Timer } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import type { Credentials } from "./credentials.js";
import { RaftDial } from "./raft-dial.js";
import type { Ends } from "./raft-messages.js";
import { probe } from "./raft-probe.js";
import { LinkQueue } from "./raft-queue.js";
import type { Warn } from "./sparse-log.js";

/** Before dialling again: doubles with each failure in a row. */
const backoffFirstMs = 10;
const backoffMaxMs = 500;
/** A link that held this long ends a row of failures; so does one that broke (Unavailable) and was not ended for a reason. */
const steadyMs = 1_000;

export interface RaftLinkModules {
  readonly clock: Clock;
  readonly log: Log;
  /** For what can happen again and again. */
  readonly troubles: { readonly warn: Warn };
  /** The peer's address as it is known now. */
  readonly addr: () => string | undefined;
  readonly credentials: () => Credentials;
  /** Messages were dropped: one call for all of one moment, never from within `send`. */
  readonly dropped: (messages: number) => void;
  readonly sent: (messages: number, bytes: number) => void;
  readonly broken: () => void;
  /** The other side says that this member was removed for good. */
  readonly removed: () => void;
}

export class RaftLink {
  readonly #ends: Ends;
  readonly #modules: RaftLinkModules;
  readonly #queue = new LinkQueue();
  #dial: RaftDial | undefined;
  #redial: Timer | undefined;
  #failures = 0;
  /** It has stood, or may have, since it was reported broken last. */
  #mayBreak = true;
  #isClosed = false;
  /** The last dial was not answered at all. */
  #isSilent = false;
  /** Whether it still is so is being looked at. */
  #isKnocking = false;
  #isKeepAsked = false;
  #lost = 0;
  /** When something was sent last, monotonic. */
  #usedMs: number;

  /** `ends`: this member, and the one the link goes to. */
  constructor(ends: Ends, modules: RaftLinkModules) {
    this.#ends = ends;
    this.#modules = modules;
    this.#usedMs = modules.clock.monotonic();
  }

  get idleMs(): number {
    return this.#modules.clock.monotonic() - this.#usedMs;
  }

  /** Takes a message; nothing is written before `flush`. */
  take(message: Message): void {
    if (this.#isClosed || !this.#queue.push(message)) this.#lost += 1;
  }

  /**
   * Writes what was taken: at once where the connection stands, so that it is on its way before the caller does anything else.
   * What else there is to do (dial, report what was lost) comes after the caller.
   */
  flush(): void {
    this.#usedMs = this.#modules.clock.monotonic();
    if (this.#dial !== undefined && this.#isCurrent(this.#dial) && this.#lost === 0) return this.#flush();
    if (this.#isKeepAsked) return;
    this.#isKeepAsked = true;
    queueMicrotask(() => {
      this.#isKeepAsked = false;
      this.keep();
      this.#flush();
      this.#reportLost();
    });
  }

  /** Dials if there is no connection, and anew if address or certificate are others than when it was made. */
  keep(): void {
    if (this.#isClosed) return;
    if (this.#dial !== undefined && !this.#isCurrent(this.#dial)) void this.#leave(this.#dial);
    if (this.#dial === undefined && this.#redial === undefined && !this.#isKnocking) this.#open();
  }

  /** Ends the link from this side: the other one sees no break. Resolves once what was written has arrived, or after a moment. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#redial?.cancel();
    this.#redial = undefined;
    this.#queue.clear();
    if (this.#dial !== undefined) await this.#leave(this.#dial);
  }

  #isCurrent({ addr, certificate }: RaftDial): boolean {
    const now = this.#modules.addr();
    return (now === undefined || now === addr) && this.#modules.credentials().certificate === certificate;
  }

  /** nothing → dialling; what is written meanwhile goes out as soon as the connection stands. */
  #open(): void {
    const addr = this.#modules.addr();
    if (addr === undefined) {
      this.#lost += this.#queue.clear();
      return;
    }
    try {
      if (this.#isSilent) this.#knock(addr);
      else this.#dialAt(addr);
    } catch (error) {
      this.#failed(addr, messageOf(error));
    }
  }

  /** nothing → dialling, once an address that was silent takes a connection: an attempt there costs a socket for as long as it is waited for. */
  #knock(addr: string): void {
    this.#isKnocking = true;
    const knocked = (failure: string | undefined): void => {
      this.#isKnocking = false;
      if (this.#isClosed) return;
      if (failure !== undefined) return this.#failed(addr, failure);
      this.#isSilent = false;
      this.keep();
      this.#flush();
      this.#reportLost();
    };
    probe(addr, this.#modules.clock).then(
      (outcome) => knocked(outcome === "unknown" ? `${addr} does not answer` : undefined),
      (error: unknown) => knocked(messageOf(error)),
    );
  }

  #dialAt(addr: string): void {
    const { clock, credentials, log } = this.#modules;
    const dial: RaftDial = new RaftDial(
      { ends: this.#ends, addr, credentials: credentials() },
      {
        clock,
        ended: (error) => this.#ended(dial, error),
        opened: () => {
          this.#mayBreak = true;
          log.debug("link to a manager stands", { raftId: this.#ends.to, addr });
        },
      },
    );
    this.#dial = dial;
  }

  #flush(): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    while (!this.#queue.isEmpty && dial.isWritable) {
      const messages = this.#queue.take();
      const bytes = dial.write(messages, () => {
        if (this.#dial === dial) this.#flush();
      });
      this.#modules.sent(messages.length, bytes);
    }
  }

  /** dialling or open → nothing, by the other side or a failure; then dialled again. */
  #ended(dial: RaftDial, error: SwarmError | undefined): void {
    if (this.#dial !== dial) return;
    this.#dial = undefined;
    this.#isSilent = dial.wasSilent;
    const reason = error === undefined ? "ended by the other side" : error.message;
    if (error?.kind === "AlreadyExists") this.#modules.removed();
    const { heldMs } = dial;
    if (heldMs === undefined) {
      this.#lost += dial.early;
      return this.#failed(dial.addr, reason);
    }
    if (heldMs >= steadyMs || error?.kind === "Unavailable") this.#failures = 0;
    this.#broke(dial.addr, reason);
  }

  #broke(addr: string, reason: string): void {
    const { troubles, broken } = this.#modules;
    this.#openLater();
    troubles.warn("link to a manager broke", { raftId: this.#ends.to, addr, reason });
    broken();
  }

  #failed(addr: string, reason: string): void {
    const { troubles, broken } = this.#modules;
    this.#openLater();
    troubles.warn("manager not reached", { raftId: this.#ends.to, addr, reason });
    // After a break once more: a process that was dying may have accepted the probe's connection still.
    if (this.#mayBreak) broken();
    this.#mayBreak = false;
  }

  #openLater(): void {
    this.#lost += this.#queue.clear();
    this.#reportLost();
    this.#failures += 1;
    const delayMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** (this.#failures - 1));
    this.#redial = this.#modules.clock.after(delayMs, () => {
      this.#redial = undefined;
      this.keep();
      this.#flush();
      this.#reportLost();
    });
  }

  /** dialling or open → nothing, by our own will. */
  #leave(dial: RaftDial): Promise<void> {
    this.#dial = undefined;
    return dial.leave();
  }

  #reportLost(): void {
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.#modules.dropped(lost);
  }
}
