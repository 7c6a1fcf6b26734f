// When each other member of the consensus was last heard of: a follower's only way to tell who is there, and for a leader
// a smoother one than the library's mark, which is wiped once an election timeout.

import type { Clock } from "../base/index.js";

interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export class Heard {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #startWallMs: number;
  readonly #last = new Map<number, Moment>();
  /** Connections that broke, until the member is heard again. */
  readonly #broken = new Map<number, Moment>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonic();
    this.#startWallMs = clock.now();
  }

  note(raftId: number): void {
    this.#last.set(raftId, { monotonicMs: this.#clock.monotonic(), wallMs: this.#clock.now() });
    if (this.#broken.size > 0) this.#broken.delete(raftId);
  }

  /** The connection to or from the member broke: it may be gone, and is there again once it says something. */
  broke(raftId: number): void {
    if (this.#broken.has(raftId)) return;
    this.#broken.set(raftId, { monotonicMs: this.#clock.monotonic(), wallMs: this.#clock.now() });
  }

  isBroken(raftId: number): boolean {
    return this.#broken.has(raftId);
  }

  /** Whether the member said something within the last `ms`. */
  isWithin(raftId: number, ms: number): boolean {
    const last = this.#last.get(raftId);
    return last !== undefined && this.#clock.monotonic() - last.monotonicMs <= ms;
  }

  /**
   * Wall time when its connection broke, else of what it said last; of this manager's start, if it never said anything.
   */
  lastWallMs(raftId: number): number {
    return (this.#broken.get(raftId) ?? this.#last.get(raftId))?.wallMs ?? this.#startWallMs;
  }

  /** True until `ms` after the start: who was not heard of yet may still speak. */
  isYoung(ms: number): boolean {
    return this.#clock.monotonic() - this.#startMs <= ms;
  }

  forget(raftId: number): void {
    this.#last.delete(raftId);
    this.#broken.delete(raftId);
  }
}
