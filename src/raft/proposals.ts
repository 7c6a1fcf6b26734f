// Proposals on their way: queued until the core takes them, in flight until their entry is applied.

import { invariant, SwarmError } from "../base/index.js";
import { NotLeaderError, UnknownOutcomeError } from "./types.js";

export interface ProposalBounds {
  /** Open proposals. */
  readonly proposalsMax: number;
  /** Their data, in bytes. */
  readonly proposalBytesMax: number;
}

interface Proposal {
  readonly data: Buffer;
  readonly term: number;
  resolve(): void;
  reject(error: Error): void;
}

export class Proposals {
  readonly #bounds: ProposalBounds;
  #queued: Proposal[] = [];
  /** By index. */
  readonly #inFlight = new Map<number, Proposal>();
  #openBytes = 0;

  constructor(bounds: ProposalBounds) {
    this.#bounds = bounds;
  }

  get open(): number {
    return this.#queued.length + this.#inFlight.size;
  }

  add(data: Uint8Array, term: number): Promise<void> {
    invariant(data.length > 0, "an entry is not empty", { term });
    const { proposalsMax, proposalBytesMax } = this.#bounds;
    const isOne = this.open === 0;
    if (!isOne && (this.open >= proposalsMax || this.#openBytes + data.length > proposalBytesMax)) {
      return Promise.reject(
        new SwarmError("ResourceExhausted", `more than ${this.open} writes are waiting for the log`),
      );
    }
    this.#openBytes += data.length;
    return new Promise((resolve, reject) => {
      const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      this.#queued.push({ data: view, term, resolve, reject });
    });
  }

  /** An entry that is in the log already, at `index`: resolves and rejects as a proposal does. */
  track(index: number, term: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#inFlight.set(index, { data: Buffer.alloc(0), term, resolve, reject });
    });
  }

  /** queued → in flight, for all, through `propose`; those of another term, or that it refuses, certainly never happen. */
  dispatch(term: number, propose: (data: Buffer) => number | undefined): void {
    for (const proposal of this.#queued.splice(0)) {
      const index = proposal.term === term ? propose(proposal.data) : undefined;
      if (index !== undefined) this.#inFlight.set(index, proposal);
      else this.#close(proposal).reject(new NotLeaderError());
    }
  }

  /** The entry at `index` has been applied; another term means that somebody else's took the place. */
  applied(index: number, term: number): void {
    const proposal = this.#inFlight.get(index);
    if (!proposal) return;
    this.#inFlight.delete(index);
    if (proposal.term === term) this.#close(proposal).resolve();
    else this.#close(proposal).reject(new NotLeaderError());
  }

  /** Leadership or the disk is lost. */
  rejectAll(cause?: unknown): void {
    for (const proposal of this.#queued.splice(0)) this.#close(proposal).reject(new NotLeaderError());
    for (const proposal of this.#inFlight.values()) this.#close(proposal).reject(new UnknownOutcomeError(cause));
    this.#inFlight.clear();
  }

  #close(proposal: Proposal): Proposal {
    this.#openBytes -= proposal.data.length;
    return proposal;
  }
}
