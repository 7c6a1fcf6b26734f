// One write at a time: whether one is under way, for how long, and up to where the commit index is durable. The commit index
// travels with every batch; a change of the membership asks for a batch of its own when nothing else is to be written (C1).

import { invariant } from "../../base/index.js";

export class Persisting {
  #isRunning = false;
  #ticks = 0;
  /** The commit index as handed out last and as durable. */
  #takenCommit: number;
  #durableCommit: number;
  /** Index of the last change of the membership that was applied. */
  #lastChange = 0;

  constructor(commit: number) {
    this.#takenCommit = this.#durableCommit = commit;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Ticks since the write under way began; 0 when there is none. */
  get ticks(): number {
    return this.#isRunning ? this.#ticks : 0;
  }

  /** The commit index that made the last change effective is still to be written. */
  get owesCommit(): boolean {
    return this.#takenCommit < this.#lastChange;
  }

  /** A restart would find the same members. */
  get isMembershipDurable(): boolean {
    return this.#durableCommit >= this.#lastChange;
  }

  tick(): void {
    this.#ticks += 1;
  }

  /** idle → running */
  begin(commit: number): void {
    invariant(!this.#isRunning, "one write at a time");
    this.#isRunning = true;
    this.#ticks = 0;
    this.#takenCommit = commit;
  }

  /** running → idle: what was handed out is durable. */
  end(): void {
    invariant(this.#isRunning, "something was being persisted");
    this.#isRunning = false;
    this.#durableCommit = this.#takenCommit;
  }

  membershipChanged(index: number): void {
    this.#lastChange = index;
  }

  /** A snapshot brought the membership, durably. */
  membershipInstalled(): void {
    this.#lastChange = 0;
  }
}
