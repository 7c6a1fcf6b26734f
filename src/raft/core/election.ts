// The timer that starts elections, and what an election needs to remember: the ballot of who stands, and the requests of
// others that say this member's leader is gone while this member has not noticed. Such a request waits for a probe.

import type { Random } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import { none } from "./types.js";

/** Why somebody stands, and what the others said. */
export interface Ballot {
  readonly votes: Map<number, boolean>;
  /** The leader asked for it. */
  readonly isTransfer: boolean;
  /** The leader whose process is gone; 0 when that is not the reason. */
  readonly gone: number;
}

/** Ticks that who gave its word in a quick election waits before it stands itself. */
const yieldTicks = 2;
/** Requests that wait for one probe: there are hardly more voters. */
const heldMax = 16;

export class Election {
  #electionTicks: number;
  readonly #random: Random;
  #ticks = 0;
  #timeout = 0;
  #isYielding = false;
  /** The newest of each candidate. */
  readonly #held = new Map<number, Message>();
  /** To be asked for, and asked for without an answer yet. */
  #probe: number | undefined;
  #isProbing = false;

  constructor(electionTicks: number, random: Random) {
    this.#electionTicks = electionTicks;
    this.#random = random;
    this.restartTimer();
  }

  setTicks(electionTicks: number): void {
    this.#electionTicks = electionTicks;
    this.restartTimer();
  }

  /** True when it is time to stand. */
  tick(): boolean {
    this.#ticks += 1;
    return this.#ticks >= this.#timeout;
  }

  /** A leader was heard of within the shortest election timeout: it is followed, and nobody else is (thesis §4.2.3). */
  get isLeaderFresh(): boolean {
    return this.#ticks < this.#electionTicks;
  }

  get isYielding(): boolean {
    return this.#isYielding;
  }

  /** A leader was heard of, a vote was given, a campaign begins: the wait starts anew, of another length (§5.2). */
  restartTimer(): void {
    this.#ticks = 0;
    this.#timeout = this.#electionTicks + Math.floor(this.#random.next() * this.#electionTicks);
    this.#isYielding = false;
  }

  /** Another one stands at once and goes first; if nothing comes of it, this one follows soon. */
  yieldTurn(): void {
    this.#ticks = 0;
    this.#timeout = yieldTicks;
    this.#isYielding = true;
  }

  askProbe(member: number): void {
    if (!this.#isProbing) this.#probe = member;
    this.#isProbing = true;
  }

  takeProbe(): number | undefined {
    const probe = this.#probe;
    this.#probe = undefined;
    return probe;
  }

  /** Keeps a request until the probe of `leader` has an answer. */
  hold(request: Message, leader: number): void {
    if (this.#held.size < heldMax) this.#held.set(request.from, request);
    this.askProbe(leader);
  }

  /** The probe has been answered. */
  takeHeld(): readonly Message[] {
    this.#isProbing = false;
    this.#probe = undefined;
    const held = [...this.#held.values()];
    this.#held.clear();
    return held;
  }
}

export function newBallot(reason: { readonly gone?: number; readonly isTransfer?: boolean }): Ballot {
  return { votes: new Map(), isTransfer: reason.isTransfer ?? false, gone: reason.gone ?? none };
}
