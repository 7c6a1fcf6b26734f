// Messages on their way out: those that may go at once, and those that promise a term or a vote and wait until it is durable.

import { invariant } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import type { TermState } from "./term_state.js";
import type { Body } from "./types.js";

export class Outbox {
  readonly #id: number;
  readonly #state: TermState;
  #now: Message[] = [];
  #afterPersist: Message[] = [];

  constructor(id: number, state: TermState) {
    this.#id = id;
    this.#state = state;
  }

  /** Of this term, which is durable. */
  send(to: number, body: Body): void {
    invariant(this.#state.isTermDurable, "nobody hears of a term that could be forgotten", { term: this.#state.term });
    this.#now.push(this.#message(to, body, this.#state.term));
  }

  /** Promises that this term and vote are kept: goes once they are durable. */
  promise(to: number, body: Body, term = this.#state.term): void {
    const message = this.#message(to, body, term);
    if (this.#state.isDurable) this.#now.push(message);
    else this.#afterPersist.push(message);
  }

  /** Promises nothing: a question about a term that nobody is in. */
  ask(to: number, body: Body, term: number): void {
    this.#now.push(this.#message(to, body, term));
  }

  take(): readonly Message[] {
    return this.#now.splice(0);
  }

  /** Those that wait, when the persist they go with holds the term and vote of now. */
  takeAfterPersist(): readonly Message[] {
    return this.#state.isTaken ? this.#afterPersist.splice(0) : [];
  }

  #message(to: number, body: Body, term: number): Message {
    return { from: this.#id, to, term, body };
  }
}
