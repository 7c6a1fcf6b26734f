// Those who wait for leadership to be handed over.

export class Handovers {
  #waiting: ((isDone: boolean) => void)[] = [];

  /** Resolves with true once this member leads no more, with false when it goes on leading after all. */
  wait(): Promise<boolean> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** `transferee` is 0 when leadership is being handed to nobody. */
  observe(isLeader: boolean, transferee: number): void {
    if (this.#waiting.length > 0 && (!isLeader || transferee === 0)) this.#settle(!isLeader);
  }

  /** The member stops: it certainly leads no more. */
  end(): void {
    this.#settle(true);
  }

  #settle(isDone: boolean): void {
    for (const resolve of this.#waiting.splice(0)) resolve(isDone);
  }
}
