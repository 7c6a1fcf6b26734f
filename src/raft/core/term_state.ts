// Term and vote, thrice: as they are, as handed out to be written, and as durable. Nobody hears of what could be forgotten.

import { invariant } from "../../base/index.js";
import { none } from "./types.js";

interface TermAndVote {
  readonly term: number;
  readonly vote: number;
}

export class TermState {
  #now: TermAndVote;
  #taken: TermAndVote;
  #durable: TermAndVote;

  constructor(durable: TermAndVote) {
    this.#now = this.#taken = this.#durable = { term: durable.term, vote: durable.vote };
  }

  get term(): number {
    return this.#now.term;
  }

  /** Whom this member voted for in this term; 0 for nobody. */
  get vote(): number {
    return this.#now.vote;
  }

  /** Terms only rise, and a later one begins without a vote (§5.1). */
  enter(term: number): void {
    invariant(term > this.term, "terms rise", { from: this.term, to: term });
    this.#now = { term, vote: none };
  }

  /** One vote a term (§5.2). */
  voteFor(candidate: number): void {
    invariant(this.vote === none || this.vote === candidate, "one vote a term", { term: this.term, vote: this.vote });
    this.#now = { term: this.term, vote: candidate };
  }

  get isTermDurable(): boolean {
    return this.#durable.term === this.term;
  }

  get isDurable(): boolean {
    return this.isTermDurable && this.#durable.vote === this.vote;
  }

  /** What was handed out last says all there is to say. */
  get isTaken(): boolean {
    return this.#taken.term === this.term && this.#taken.vote === this.vote;
  }

  /** Handed out to be written. */
  take(): TermAndVote {
    this.#taken = this.#now;
    return this.#taken;
  }

  /** What was handed out last is durable. */
  markDurable(): void {
    this.#durable = this.#taken;
  }
}
