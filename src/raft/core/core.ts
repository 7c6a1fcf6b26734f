// The consensus core: synchronous and pure. Time is ticks, effects are data (`Ready`), chance is passed in.
// It elects among any number of voters and replicates to nobody yet: entries commit where the member is its own quorum.
// References (§) are to the Raft paper.

import { invariant, type Random } from "../../base/index.js";
import { ConfChange, type Entry, EntryKind, HardState, type Membership } from "../../gen/skep/raft/v1/raft.js";
import { changedMembership } from "./membership.js";
import { MemoryLog } from "./memory_log.js";
import { quorumIndex, voteResult } from "./quorum.js";
import type { CoreState, CoreStatus, Message, Progress, Ready } from "./types.js";

export interface CoreOptions {
  readonly id: number;
  /** Ticks without a leader before a campaign; each wait is drawn from [electionTicks, 2 × electionTicks). */
  readonly electionTicks: number;
  /** One persist holds at most this much entry data, and at least one entry. */
  readonly persistBytesMax: number;
  /** One Ready hands out at most this much to apply, so that applying comes in slices. */
  readonly applyBytesMax: number;
  readonly applyEntriesMax: number;
}

type Role =
  | { readonly kind: "follower"; readonly leader: number }
  | { readonly kind: "candidate"; readonly votes: Map<number, boolean> }
  | { readonly kind: "leader"; readonly matches: Map<number, number>; readonly termStart: number };

/** No leader, no vote. */
const none = 0;
const noEntries: readonly Entry[] = [];
const noMessages: readonly Message[] = [];

export class RaftCore {
  readonly #options: CoreOptions;
  readonly #random: Random;
  readonly #log: MemoryLog;
  #membership: Membership;
  #term: number;
  #vote: number;
  #role: Role = { kind: "follower", leader: none };
  #ticks = 0;
  #electionTimeout = 0;
  /** Term and vote as handed out last. */
  #persistedTerm: number;
  #persistedVote: number;
  #isPersisting = false;
  #send: Message[] = [];
  #sendAfterPersist: Message[] = [];

  constructor(options: CoreOptions, random: Random, state: CoreState) {
    invariant(options.id > none, "a Raft id is above 0", { id: options.id });
    this.#options = options;
    this.#random = random;
    this.#log = new MemoryLog(state.base, state.entries, state.hardState.commit, state.applied);
    this.#membership = state.membership;
    this.#term = this.#persistedTerm = state.hardState.term;
    this.#vote = this.#persistedVote = state.hardState.vote;
    invariant(this.#log.last.term <= this.#term, "no entry is of a later term than the member", { term: this.#term });
    this.#becomeFollower(none);
  }

  get status(): CoreStatus {
    return {
      role: this.#role.kind,
      term: this.#term,
      leader: this.#leader,
      commit: this.#log.committed,
      applied: this.#log.applied,
      firstIndex: this.#log.firstIndex,
      lastIndex: this.#log.lastIndex,
      termStart: this.#role.kind === "leader" ? this.#role.termStart : undefined,
      membership: this.#membership,
    };
  }

  termOf(index: number): number | undefined {
    return this.#log.termOf(index);
  }

  tick(): void {
    this.#ticks += 1;
    if (this.#role.kind !== "leader" && this.#ticks >= this.#electionTimeout) this.campaign();
  }

  /** Stands for election at once. Nothing happens where that is not allowed: a leader, a non-voter, a change not yet applied. */
  campaign(): void {
    this.#ticks = 0;
    if (this.#role.kind === "leader" || !this.#isPromotable()) return;
    this.#becomeCandidate();
    // The own vote counts when it is durable. Alone, nothing leaves the member before that, so the term's first entry
    // travels in the same batch as term and vote (S3).
    if (this.#membership.voters.length === 1) this.#countVote(this.#options.id, true);
    else this.#askForVotes();
  }

  step(message: Message): void {
    invariant(message.to === this.#options.id, "a message for this member", { to: message.to });
    if (message.term > this.#term) this.#enterTerm(message.term);
    switch (message.kind) {
      case "vote":
        return this.#answerVote(message);
      case "vote answer":
        if (message.term === this.#term) this.#countVote(message.from, message.isGranted);
        return;
      default:
        return message satisfies never;
    }
  }

  /** Appends an entry and returns its index; undefined when this member does not lead. Keeps `data`: it must not change. */
  propose(data: Buffer): number | undefined {
    if (this.#role.kind !== "leader") return undefined;
    return this.#appendOwn(EntryKind.NORMAL, data);
  }

  /** What has to be done now; undefined when nothing has. */
  ready(): Ready | undefined {
    const persist = this.#takePersist();
    const committed = this.#log.takeToApply(this.#options.applyBytesMax, this.#options.applyEntriesMax);
    const send = this.#send.length > 0 ? this.#send.splice(0) : noMessages;
    const after = !this.#isPersisting || persist ? this.#sendAfterPersist.splice(0) : noMessages;
    if (!persist && committed.length === 0 && send.length === 0 && after.length === 0) return undefined;
    return { persist, send, sendAfterPersist: after, committed };
  }

  advance(progress: Progress): void {
    switch (progress.kind) {
      case "persisted":
        return this.#persisted();
      case "applied":
        for (const entry of this.#log.markApplied(progress.index)) this.#applied(entry);
        return;
      default:
        return progress satisfies never;
    }
  }

  /** Forgets entries up to `index`, which a durable snapshot contains. */
  compact(index: number): void {
    this.#log.compact(index);
  }

  get #leader(): number {
    if (this.#role.kind === "leader") return this.#options.id;
    return this.#role.kind === "follower" ? this.#role.leader : none;
  }

  /** any → follower: a later term was seen, or nothing is known yet. */
  #becomeFollower(leader: number): void {
    this.#role = { kind: "follower", leader };
    this.#resetElectionTimer();
  }

  /** follower, candidate → candidate, when no leader was heard of. A new term, and the own vote in it. */
  #becomeCandidate(): void {
    invariant(this.#role.kind !== "leader", "a leader does not stand again", { term: this.#term });
    this.#term += 1;
    this.#vote = this.#options.id;
    this.#role = { kind: "candidate", votes: new Map() };
    this.#resetElectionTimer();
  }

  /** candidate → leader, with a majority. Its no-op commits what earlier terms left (§5.4.2, §8). */
  #becomeLeader(): void {
    invariant(this.#role.kind === "candidate", "only a candidate is elected", { term: this.#term });
    const termStart = this.#log.lastIndex + 1;
    this.#role = { kind: "leader", matches: new Map(), termStart };
    this.#appendOwn(EntryKind.NORMAL, Buffer.alloc(0));
  }

  /** §5.1: a later term makes everybody a follower, who has not voted in it. */
  #enterTerm(term: number): void {
    this.#term = term;
    this.#vote = none;
    this.#becomeFollower(none);
  }

  #resetElectionTimer(): void {
    const { electionTicks } = this.#options;
    this.#ticks = 0;
    this.#electionTimeout = electionTicks + Math.floor(this.#random.next() * electionTicks);
  }

  /** A voter, and none of the changes it knows to be committed is still to be applied: it might not be one any more. */
  #isPromotable(): boolean {
    return this.#membership.voters.includes(this.#options.id) && this.#log.applied === this.#log.committed;
  }

  #askForVotes(): void {
    const { id: from } = this.#options;
    const last = { index: this.#log.lastIndex, term: this.#log.last.term };
    for (const to of this.#membership.voters) {
      if (to !== from) this.#sendAfterPersist.push({ kind: "vote", from, to, term: this.#term, last });
    }
  }

  /** §5.2 and §5.4.1: one vote a term, first come, and only for a log at least as complete. */
  #answerVote(request: Extract<Message, { readonly kind: "vote" }>): void {
    const own = this.#log.last;
    const isComplete =
      request.last.term > own.term || (request.last.term === own.term && request.last.index >= own.index);
    const isFree = this.#vote === none || this.#vote === request.from;
    const isGranted = request.term === this.#term && this.#role.kind === "follower" && isFree && isComplete;
    if (isGranted) {
      this.#vote = request.from;
      this.#resetElectionTimer();
    }
    const { id: from } = this.#options;
    this.#sendAfterPersist.push({ kind: "vote answer", from, to: request.from, term: this.#term, isGranted });
  }

  #countVote(from: number, isGranted: boolean): void {
    if (this.#role.kind !== "candidate") return;
    this.#role.votes.set(from, isGranted);
    const result = voteResult(this.#membership.voters, this.#role.votes);
    if (result === "won") this.#becomeLeader();
    if (result === "lost") this.#becomeFollower(none);
  }

  #appendOwn(kind: EntryKind, data: Buffer): number {
    const index = this.#log.lastIndex + 1;
    this.#log.append({ term: this.#term, index, kind, data });
    return index;
  }

  #takePersist(): Ready["persist"] {
    const isStateNew = this.#term !== this.#persistedTerm || this.#vote !== this.#persistedVote;
    if (this.#isPersisting || (!isStateNew && !this.#log.hasToPersist)) return undefined;
    const entries = this.#log.hasToPersist ? this.#log.takeToPersist(this.#options.persistBytesMax) : noEntries;
    this.#isPersisting = true;
    this.#persistedTerm = this.#term;
    this.#persistedVote = this.#vote;
    // Commit is a hint that spares a restarted member the wait; only what is durable here may be said in it.
    const commit = Math.min(this.#log.committed, this.#log.persisted);
    return { hardState: HardState.fromPartial({ term: this.#term, vote: this.#vote, commit }), entries };
  }

  #persisted(): void {
    invariant(this.#isPersisting, "something was being persisted");
    this.#isPersisting = false;
    this.#log.markPersisted();
    const isOwnVoteDurable = this.#persistedTerm === this.#term && this.#persistedVote === this.#options.id;
    if (this.#role.kind === "candidate" && isOwnVoteDurable) this.#countVote(this.#options.id, true);
    if (this.#role.kind === "leader") this.#matched(this.#options.id, this.#log.persisted);
  }

  /** A member has durably everything up to `index`. Only entries of the own term commit by counting (§5.4.2). */
  #matched(member: number, index: number): void {
    if (this.#role.kind !== "leader") return;
    const { matches } = this.#role;
    matches.set(member, Math.max(index, matches.get(member) ?? 0));
    const agreed = quorumIndex(this.#membership.voters, (voter) => matches.get(voter) ?? 0);
    if (agreed > this.#log.committed && this.#log.termOf(agreed) === this.#term) this.#log.commit(agreed);
  }

  #applied(entry: Entry): void {
    if (entry.kind !== EntryKind.CONF_CHANGE) return;
    this.#membership = changedMembership(this.#membership, ConfChange.decode(entry.data));
  }
}
