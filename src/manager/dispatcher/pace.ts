// When a session may speak: at once while there is little to say; in turns when there is much, so that what is to be said
// gathers into fewer and larger messages, and no turn of the loop is spent on more than a few sessions. A thousand agents told of
// one task each cost the leader ten times what a hundred cost that are told of ten.

import type { Clock } from "../../base/index.js";

/** Sessions that speak in one turn of the loop. */
export const speakersMax = 50;
/** Between two turns while sessions wait. */
const turnMs = 5;
/** Speeches after a calm before sessions wait for their turn… */
export const speechesMax = 1_000;
/** … and how many a second there are from then on; more where there are more sessions: each speaks once a second. */
export const speechesPerSecond = 1_000;

/** Who waits to speak. */
export interface Speaker {
  /** Its turn has come. */
  maySpeak(): void;
}

export class Pace {
  readonly #clock: Clock;
  readonly #sessions: () => number;
  readonly #row = new Set<Speaker>();
  #speeches = speechesMax;
  #refilledMs: number;
  #spokeNow = 0;
  #isTurnDue = false;

  constructor(clock: Clock, sessions: () => number) {
    this.#clock = clock;
    this.#sessions = sessions;
    this.#refilledMs = clock.monotonic();
  }

  /** Tells the speaker, now or later; once, however often it asks meanwhile. */
  ask(speaker: Speaker): void {
    if (this.#row.has(speaker)) return;
    this.#row.add(speaker);
    this.#grant();
    this.#expectTurn();
  }

  /** It has nothing to say any more. */
  leave(speaker: Speaker): void {
    this.#row.delete(speaker);
  }

  #expectTurn(): void {
    if (this.#isTurnDue || (this.#row.size === 0 && this.#spokeNow === 0)) return;
    this.#isTurnDue = true;
    this.#clock.after(turnMs, () => {
      this.#isTurnDue = false;
      this.#spokeNow = 0;
      this.#grant();
      this.#expectTurn();
    });
  }

  #grant(): void {
    this.#refill();
    for (const speaker of this.#row) {
      if (this.#spokeNow >= speakersMax || this.#speeches < 1) return;
      this.#row.delete(speaker);
      this.#spokeNow += 1;
      this.#speeches -= 1;
      speaker.maySpeak();
    }
  }

  #refill(): void {
    const nowMs = this.#clock.monotonic();
    const perSecond = Math.max(speechesPerSecond, this.#sessions());
    this.#speeches = Math.min(speechesMax, this.#speeches + ((nowMs - this.#refilledMs) / 1_000) * perSecond);
    this.#refilledMs = nowMs;
  }
}
