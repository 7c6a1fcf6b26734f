// Transactions that wait for the entry in flight, in the order in which they will run: what a user waits for goes before what the
// leader's own loops write, which decide on what is true whenever they are run.

/** So many of a user's go first in a row; then one of the others has its turn. */
const urgentInRowMax = 100;

export class JobQueue<Job> {
  #urgent: Job[] = [];
  #others: Job[] = [];
  #urgentInRow = 0;
  #isUrgentNext = false;

  get size(): number {
    return this.#urgent.length + this.#others.length;
  }

  push(job: Job, isUrgent: boolean): void {
    (isUrgent ? this.#urgent : this.#others).push(job);
  }

  /** The next one; it stays there until it is shifted. */
  peek(): Job | undefined {
    const { length } = this.#urgent;
    this.#isUrgentNext = length > 0 && (this.#others.length === 0 || this.#urgentInRow < urgentInRowMax);
    return this.#isUrgentNext ? this.#urgent[0] : this.#others[0];
  }

  /** Takes what was peeked at, whatever came since. */
  shift(): void {
    if (this.#isUrgentNext) {
      this.#urgent.shift();
      this.#urgentInRow += 1;
    } else {
      this.#others.shift();
      this.#urgentInRow = 0;
    }
  }

  /** Empties it. */
  takeAll(): readonly Job[] {
    const all = [...this.#urgent, ...this.#others];
    this.#urgent = [];
    this.#others = [];
    return all;
  }
}
