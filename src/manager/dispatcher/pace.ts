// When a session may speak: at once while there is little to say; in turns when there is much, so that what is to be said
// gathers into fewer and larger messages, and no turn of the loop is spent on more than a few sessions. A thousand agents told of
// one task each cost the leader ten times what a hundred cost that are told of ten.

import type { Clock } from "../../base/index.js";

/** Sessions that speak in one turn of the loop, or as many as must lest the others wait too long. */
export const speakersMax = 10;
/**
 * Beats answered in one turn of the loop: after a stall hundreds are read in one turn, and their answers would make the next stall.
 * More when many wait, so that each is answered a few turns later.
 */
export const answersMax = 10;
const answerTurnsMax = 20;
/** Between two turns while sessions wait. */
const turnMs = 5;
/** Speeches after a calm before sessions wait for their turn… */
export const speechesMax = 1_000;
/**
 * … and how many a second there are from then on; more where there are more sessions: each speaks every other second. Half of what
 * a leader does for a task is messages, whatever they hold: twice as many cost it 16 µs more a task, and the agents as much.
 */
export const speechesPerSecond = 500;
const speechEverySeconds = 2;

/** Who waits to speak. */
export interface Speaker {
  /** Its turn has come. */
  maySpeak(): void;
  /** Its turn to answer a beat has come; that may have happened meanwhile. */
  mayAnswer(): void;
}

export class Pace {
  readonly #clock: Clock;
  readonly #sessions: () => number;
  readonly #row = new Set<Speaker>();
  readonly #answering = new Set<Speaker>();
  #answeredNow = 0;
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

  /** A beat came: tells the speaker when to answer, now or a few turns later. */
  answer(speaker: Speaker): void {
    if (this.#answering.size > 0 || this.#answeredNow >= answersMax) this.#answering.add(speaker);
    else this.#letAnswer(speaker);
    this.#expectTurn();
  }

  /** It has nothing to say any more. */
  leave(speaker: Speaker): void {
    this.#row.delete(speaker);
    this.#answering.delete(speaker);
  }

  #expectTurn(): void {
    const isCalm = this.#row.size === 0 && this.#spokeNow === 0 && this.#answeredNow === 0;
    if (this.#isTurnDue || isCalm) return;
    this.#isTurnDue = true;
    this.#clock.after(turnMs, () => {
      this.#isTurnDue = false;
      this.#spokeNow = 0;
      this.#answeredNow = 0;
      this.#grantAnswers();
      this.#grant();
      this.#expectTurn();
    });
  }

  #grantAnswers(): void {
    const max = Math.max(answersMax, Math.ceil(this.#answering.size / answerTurnsMax));
    for (const speaker of this.#answering) {
      if (this.#answeredNow >= max) return;
      this.#answering.delete(speaker);
      this.#letAnswer(speaker);
    }
  }

  #letAnswer(speaker: Speaker): void {
    this.#answeredNow += 1;
    speaker.mayAnswer();
  }

  #grant(): void {
    this.#refill();
    // Twice what there is a second: a turn may come late.
    const max = Math.max(speakersMax, (2 * this.#perSecond * turnMs) / 1_000);
    for (const speaker of this.#row) {
      if (this.#spokeNow >= max || this.#speeches < 1) return;
      this.#row.delete(speaker);
      this.#spokeNow += 1;
      this.#speeches -= 1;
      speaker.maySpeak();
    }
  }

  get #perSecond(): number {
    return Math.max(speechesPerSecond, this.#sessions() / speechEverySeconds);
  }

  #refill(): void {
    const nowMs = this.#clock.monotonic();
    const passed = (nowMs - this.#refilledMs) / 1_000;
    this.#speeches = Math.min(speechesMax, this.#speeches + passed * this.#perSecond);
    this.#refilledMs = nowMs;
  }
}
