// What a leader knows of one other member, and how it may speak to it:
//   probe      where the logs agree is not known: one message at a time, then wait for its answer or a heartbeat's
//   replicate  it is known: appends follow one another as far as the limits in flight allow
//   snapshot   the entries it needs are gone: nothing but heartbeats until the snapshot has been taken, or was lost

import { invariant } from "../../base/index.js";
import { type FlightLimits, Inflights } from "./inflights.js";
import type { ProgressStatus } from "./types.js";

type State =
  | { readonly kind: "probe"; isWaiting: boolean }
  | { readonly kind: "replicate"; readonly inFlight: Inflights }
  | { readonly kind: "snapshot"; readonly index: number };

export interface ProgressLimits extends FlightLimits {
  readonly electionTicks: number;
}

export class Progress {
  readonly #limits: ProgressLimits;
  #state: State = { kind: "probe", isWaiting: false };
  #match = 0;
  #next: number;
  #isHeardOf = false;
  #silentTicks = 0;
  /** The commit index it was told last. */
  toldCommit = 0;
  /** The last round of heartbeats it answered. */
  round = 0;

  /** `next`: the first entry to be tried. */
  constructor(limits: ProgressLimits, next: number) {
    this.#limits = limits;
    this.#next = next;
  }

  /** It has durably what the leader has up to here. */
  get match(): number {
    return this.#match;
  }

  /** The next entry to send. */
  get next(): number {
    return this.#next;
  }

  get kind(): State["kind"] {
    return this.#state.kind;
  }

  /** Heard of within the last election timeout. */
  get isActive(): boolean {
    return this.#isHeardOf && !this.isSilent;
  }

  /** Not heard of for an election timeout. One that leading began with has as long to say its first word. */
  get isSilent(): boolean {
    return this.#silentTicks >= this.#limits.electionTicks;
  }

  tick(): void {
    this.#silentTicks += 1;
  }

  heard(): void {
    this.#isHeardOf = true;
    this.#silentTicks = 0;
  }

  status(member: number): ProgressStatus {
    const { kind: state, isActive } = this;
    return { member, state, match: this.#match, next: this.#next, isActive, lastHeardTicks: this.#silentTicks };
  }

  /** No entries may be sent to it now. */
  get isPaused(): boolean {
    switch (this.#state.kind) {
      case "probe":
        return this.#state.isWaiting;
      case "replicate":
        return this.#state.inFlight.isFull;
      case "snapshot":
        return true;
      default:
        return this.#state satisfies never;
    }
  }

  /** An append with entries up to `last`, or an empty one (`last` = next − 1), is on its way. */
  sent(last: number, bytes: number): void {
    invariant(last >= this.#next - 1, "appends go on where the last one ended", { last, next: this.#next });
    if (this.#state.kind === "probe") this.#state.isWaiting = true;
    if (this.#state.kind !== "replicate" || last < this.#next) return;
    this.#state.inFlight.add(last, bytes);
    this.#next = last + 1;
  }

  /** It answers: a probe that was lost may be repeated. */
  resume(): void {
    if (this.#state.kind === "probe") this.#state.isWaiting = false;
  }

  /** It has everything up to `index`; says whether that is news. */
  acknowledged(index: number): boolean {
    if (this.#state.kind === "replicate") this.#state.inFlight.freeThrough(index);
    const isNews = index > this.#match;
    this.#match = Math.max(this.#match, index);
    this.#next = Math.max(this.#next, index + 1);
    return isNews;
  }

  /**
   * The append after `prev` did not fit; `hint` is the last place that may. False: the answer is an old one, to something
   * long settled.
   */
  rejected(prev: number, hint: number): boolean {
    if (this.#state.kind === "snapshot" || prev <= this.#match) return false;
    if (this.#state.kind === "replicate") {
      this.becomeProbe();
      return true;
    }
    if (prev !== this.#next - 1) return false;
    this.#next = Math.max(Math.min(prev, hint + 1), this.#match + 1);
    this.#state.isWaiting = false;
    return true;
  }

  /** replicate → probe, when something was lost; snapshot → probe, when it was taken or lost. */
  becomeProbe(): void {
    const taken = this.#state.kind === "snapshot" ? this.#state.index : 0;
    this.#next = Math.max(this.#match, taken) + 1;
    this.#state = { kind: "probe", isWaiting: false };
  }

  /** snapshot → probe, when it was lost on the way: only what it acknowledged counts, and it is not tried at once. */
  snapshotLost(): void {
    this.#next = this.#match + 1;
    this.#state = { kind: "probe", isWaiting: true };
  }

  /** probe, snapshot → replicate, once it acknowledged the place from which to go on. */
  becomeReplicate(): void {
    this.#next = this.#match + 1;
    this.#state = { kind: "replicate", inFlight: new Inflights(this.#limits) };
  }

  /** probe, replicate → snapshot, when what it needs next is no longer in the log. */
  becomeSnapshot(index: number): void {
    this.#state = { kind: "snapshot", index };
  }

  /** Where the logs agree after the snapshot on its way; its own acknowledgement otherwise. */
  get expectedMatch(): number {
    return this.#state.kind === "snapshot" ? Math.max(this.#match, this.#state.index) : this.#match;
  }
}
