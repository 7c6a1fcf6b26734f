// A leader in one term: what the others have, what to send them, what a majority has agreed to. It never changes its own
// role: `tick` says when it has to step down, the core does it.

import { invariant } from "../../base/index.js";
import type { AppendAnswer } from "../../gen/skep/raft/v1/messages.js";
import { type ConfChange, ConfChangeKind, type Membership, type SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";
import { type ConfRefusal, others, refusalOf } from "./conf.js";
import type { MemoryLog } from "./memory_log.js";
import { Progress } from "./progress.js";
import { majority, quorumIndex } from "./quorum.js";
import { type OpenRead, Reads } from "./reads.js";
import { type Body, type CoreOptions, none, type ProgressStatus } from "./types.js";

/** Reads of one leader that wait for a majority. Beyond it they are dropped; who asked asks again. */
const openReadsMax = 10_000;
const noReads: readonly OpenRead[] = [];

export interface LeaderModules {
  readonly log: MemoryLog;
  readonly term: number;
  send(to: number, body: Body): void;
  /** The durable snapshot; there is one as soon as entries are compacted away. */
  snapshot(): SnapshotMeta | undefined;
}

export class Leader {
  /** Index of the no-op that opened the term. */
  readonly termStart: number;
  readonly #options: CoreOptions;
  readonly #modules: LeaderModules;
  readonly #reads = new Reads();
  #membership: Membership;
  #progress = new Map<number, Progress>();
  /** The last change of the membership proposed here or inherited; no other before it is applied. */
  #lastChange: number;
  #transfer: { readonly to: number; ticks: number; isAsked: boolean } | undefined;
  #isLeaving = false;
  #heartbeatTicks = 0;

  constructor(options: CoreOptions, modules: LeaderModules, membership: Membership) {
    this.#options = options;
    this.#modules = modules;
    this.#membership = membership;
    this.termStart = modules.log.lastIndex + 1;
    this.#lastChange = modules.log.lastIndex;
    for (const member of others(membership, options.id)) this.#add(member, false);
  }

  get transferee(): number {
    return this.#transfer?.to ?? none;
  }

  get progress(): readonly ProgressStatus[] {
    return [...this.#progress].map(([member, progress]) => progress.status(member));
  }

  /** An entry of the own term is applied, and so is every change of the membership. */
  get #mayChangeMembership(): boolean {
    const { applied } = this.#modules.log;
    return applied >= this.termStart && applied >= this.#lastChange;
  }

  /**
   * It proposed to go itself. Nothing follows that in its log, so that it can vote for any of those that have it: of two
   * voters the other one would else wait for ever for the vote of one that has more and may not lead.
   */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Why this change may not be proposed now (C1); undefined when it may. */
  refusalOf(change: ConfChange): ConfRefusal | undefined {
    if (this.#transfer) return "leadership is being handed over";
    if (this.#modules.log.applied < this.termStart) return "no entry of this term is applied yet";
    if (!this.#mayChangeMembership) return "another change is under way";
    const refusal = refusalOf(this.#membership, change);
    if (refusal) return refusal;
    return change.kind === ConfChangeKind.ADD_VOTER && !this.#hasCaughtUp(change.member)
      ? "it has not caught up"
      : undefined;
  }

  /** Has an entry of this term and all before it: only then may it vote (thesis §4.2.1). Above all, it has a log. */
  #hasCaughtUp(member: number): boolean {
    return (this.#progress.get(member)?.match ?? 0) >= this.termStart;
  }

  changeProposed(index: number, next: Membership): void {
    this.#lastChange = index;
    this.#isLeaving = !next.voters.includes(this.#options.id);
  }

  /** The voter that is there and has most. */
  get successor(): number | undefined {
    const able = this.progress.filter(({ member, isActive }) => isActive && this.#membership.voters.includes(member));
    return able.sort((a, b) => b.match - a.match)[0]?.member;
  }

  /** False: a majority was silent for an election timeout; this may be a leader nobody follows (thesis §6.2). */
  tick(): boolean {
    for (const progress of this.#progress.values()) progress.tick();
    if (this.#transfer && ++this.#transfer.ticks >= this.#options.electionTicks) this.#transfer = undefined;
    if (++this.#heartbeatTicks >= this.#options.heartbeatTicks) {
      this.beat();
      this.#askAgain();
    }
    const { voters } = this.#membership;
    const heard = voters.filter((id) => id === this.#options.id || this.#progress.get(id)?.isSilent === false);
    return heard.length >= majority(voters.length);
  }

  beat(): void {
    this.#heartbeatTicks = 0;
    const { committed } = this.#modules.log;
    for (const [to, progress] of this.#progress) {
      // Beyond its acknowledgement its log may hold something else.
      const commit = Math.min(progress.match, committed);
      this.#modules.send(to, { $case: "heartbeat", value: { commit, round: this.#reads.round } });
    }
  }

  /** Sends what there is to send: at most one append a member and call where it is told nothing else than a commit. */
  flush(): void {
    if (this.#modules.log.committed >= this.termStart && this.#reads.beginRound(this.#modules.log.committed))
      this.beat();
    for (const [to, progress] of this.#progress) this.#replicate(to, progress);
  }

  answered(from: number, answer: AppendAnswer): void {
    const progress = this.#progress.get(from);
    if (!progress) return;
    progress.heard();
    if (answer.isRejected) {
      // Skips whole terms instead of going back one by one: the follower has nothing later than hintTerm up to there.
      const hint = this.#modules.log.hintFor(answer.hintIndex, answer.hintTerm).index;
      progress.rejected(answer.index, hint);
      return;
    }
    // Nobody has more of this log than its leader: that was meant for another one (check-list 23).
    if (answer.index > this.#modules.log.lastIndex) return;
    const isNews = progress.acknowledged(answer.index);
    if (progress.kind === "probe" && answer.index >= progress.match) progress.becomeReplicate();
    if (progress.kind === "snapshot" && progress.match + 1 >= this.#modules.log.firstIndex) progress.becomeReplicate();
    if (isNews) this.commit();
    this.#askToStand();
  }

  heartbeatAnswered(from: number, round: number): void {
    const progress = this.#progress.get(from);
    if (!progress) return;
    progress.heard();
    progress.round = Math.max(progress.round, round);
    progress.resume();
    // If the last appends were lost nobody would ever know: an empty one after them is rejected then.
    if (progress.kind === "replicate" && progress.match < progress.next - 1) this.#sendEmpty(from, progress);
  }

  /** Only entries of the own term commit by counting; earlier ones with them (§5.4.2). */
  commit(): void {
    const { log, term } = this.#modules;
    const agreed = quorumIndex(this.#membership.voters, (id) =>
      id === this.#options.id ? log.persisted : (this.#progress.get(id)?.match ?? 0),
    );
    if (agreed > log.committed && log.termOf(agreed) === term) log.commit(agreed);
  }

  /** Follows an applied change; a smaller majority may be there already. */
  become(membership: Membership): void {
    this.#membership = membership;
    const now = others(membership, this.#options.id);
    for (const member of [...this.#progress.keys()]) if (!now.includes(member)) this.#progress.delete(member);
    for (const member of now) if (!this.#progress.has(member)) this.#add(member, true);
    if (this.#transfer && !membership.voters.includes(this.#transfer.to)) this.#transfer = undefined;
    this.commit();
  }

  readIndex(from: number, context: number): void {
    if (this.#reads.open < openReadsMax) this.#reads.ask(from, context);
  }

  /** Reads that are answerable now. */
  takeReads(): readonly OpenRead[] {
    const { id } = this.#options;
    const { voters } = this.#membership;
    const { round, open } = this.#reads;
    if (open === 0) return noReads;
    return this.#reads.take(
      quorumIndex(voters, (voter) => (voter === id ? round : (this.#progress.get(voter)?.round ?? 0))),
    );
  }

  /** Thesis §3.10: brings `to` up to date, takes no proposals meanwhile, then tells it to stand. Ends after an election timeout. */
  transferTo(to: number): boolean {
    if (to === this.#options.id || !this.#membership.voters.includes(to)) return false;
    if (this.#transfer?.to === to) return true;
    this.#transfer = { to, ticks: 0, isAsked: false };
    this.#askToStand();
    return true;
  }

  /** Its last word: whoever has most stands at once, instead of waiting for this leader's silence. */
  resign(): void {
    const { successor } = this;
    if (successor !== undefined) this.#modules.send(successor, { $case: "timeoutNow", value: {} });
  }

  unreachable(member: number): void {
    const progress = this.#progress.get(member);
    if (progress?.kind === "replicate") progress.becomeProbe();
  }

  snapshotReported(member: number, isTaken: boolean): void {
    const progress = this.#progress.get(member);
    if (progress?.kind !== "snapshot") return;
    if (isTaken) progress.becomeProbe();
    else progress.snapshotLost();
  }

  /** The first entry that a member who is there still needs, down to `atLeast`. */
  neededFrom(atLeast: number): number {
    const active = [...this.#progress.values()].filter(({ isActive }) => isActive);
    const matches = active.map(({ expectedMatch }) => expectedMatch + 1).filter((index) => index >= atLeast);
    return Math.min(this.#modules.log.lastIndex + 1, ...matches);
  }

  #add(member: number, isActive: boolean): void {
    const progress = new Progress(this.#options, this.#modules.log.lastIndex + 1);
    if (isActive) progress.heard();
    this.#progress.set(member, progress);
  }

  #replicate(to: number, progress: Progress): void {
    const { log } = this.#modules;
    while (!progress.isPaused && (progress.kind === "probe" || progress.next <= log.lastIndex)) {
      const prevTerm = log.termOf(progress.next - 1);
      if (prevTerm === undefined) return this.#sendSnapshot(to, progress);
      this.#sendEntries(to, progress, prevTerm);
    }
    // A commit does not travel alone: the next append carries it, else the next heartbeat. A message of its own and the answer
    // to it were a seventh of what a write costs. But who removes itself has no later moment.
    const isUntold = progress.kind === "replicate" && progress.toldCommit < log.committed;
    if (isUntold && log.hasUnappliedChange) this.#sendEmpty(to, progress);
  }

  #sendEntries(to: number, progress: Progress, prevTerm: number): void {
    const { log } = this.#modules;
    const prevIndex = progress.next - 1;
    const entries = log.entriesFrom(progress.next, this.#options.appendBytesMax);
    progress.sent(
      prevIndex + entries.length,
      entries.reduce((sum, { data }) => sum + data.length, 0),
    );
    progress.toldCommit = log.committed;
    this.#modules.send(to, { $case: "append", value: { prevIndex, prevTerm, entries, commit: log.committed } });
  }

  #sendEmpty(to: number, progress: Progress): void {
    const { log } = this.#modules;
    const prevIndex = progress.next - 1;
    const prevTerm = log.termOf(prevIndex);
    // Compacted away while it was in flight: whether it arrived cannot be asked any more.
    if (prevTerm === undefined) return progress.becomeProbe();
    progress.toldCommit = log.committed;
    this.#modules.send(to, { $case: "append", value: { prevIndex, prevTerm, entries: [], commit: log.committed } });
  }

  /** Only to a member that is there: the transfer is long, and one that is away would only hold it up. */
  #sendSnapshot(to: number, progress: Progress): void {
    const meta = this.#modules.snapshot();
    invariant(meta?.position, "compacted entries are in a snapshot", { to, next: progress.next });
    if (!progress.isActive) return;
    progress.becomeSnapshot(meta.position.index);
    this.#modules.send(to, { $case: "snapshot", value: { meta } });
  }

  /** The request may be lost, or have come before the successor had applied what lets it stand. */
  #askAgain(): void {
    if (this.#transfer) this.#transfer.isAsked = false;
    this.#askToStand();
  }

  #askToStand(): void {
    if (!this.#transfer || this.#transfer.isAsked) return;
    const { to } = this.#transfer;
    if (this.#progress.get(to)?.match !== this.#modules.log.lastIndex) return;
    this.#transfer.isAsked = true;
    this.#modules.send(to, { $case: "timeoutNow", value: {} });
  }
}
