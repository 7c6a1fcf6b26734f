// The consensus core: synchronous and pure. Time is ticks, effects are data (`Ready`), chance is passed in. This file is what
// goes in and what comes out. Terms, roles and elections are in roles.ts, what a leader does in leader.ts, what a follower
// does in follower.ts, the changes of the membership in conf.ts. References (§) are to the Raft paper, "thesis" is Ongaro's.

import { invariant, type Random } from "../../base/index.js";
import type { Message } from "../../gen/skep/raft/v1/messages.js";
import type { Entry, Membership, SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";
import { ConfChange, EntryKind, HardState } from "../../gen/skep/raft/v1/raft.js";
import { type ConfRefusal, changedMembership, nobody } from "./conf.js";
import type { Follower } from "./follower.js";
import { Installation } from "./installation.js";
import { MemoryLog } from "./memory_log.js";
import { Outbox } from "./outbox.js";
import { Persisting } from "./persisting.js";
import { isFromLeader, Roles } from "./roles.js";
import { TermState } from "./term_state.js";
import {
  type Body,
  type CoreOptions,
  type CoreState,
  type CoreStatus,
  none,
  type Persist,
  type ProbeOutcome,
  type Progressed,
  type ProgressStatus,
  type Read,
  type Ready,
  type RoleName,
  type Ticks,
} from "./types.js";

export class RaftCore {
  #options: CoreOptions;
  readonly #log: MemoryLog;
  readonly #state: TermState;
  readonly #outbox: Outbox;
  readonly #roles: Roles;
  readonly #installation = new Installation();
  #membership: Membership;
  #snapshot: SnapshotMeta | undefined;
  readonly #persisting: Persisting;
  readonly #reads: Read[] = [];

  constructor(options: CoreOptions, random: Random, { hardState, base, entries, applied, ...state }: CoreState) {
    invariant(options.id > none, "a Raft id is above 0", { id: options.id });
    this.#options = options;
    this.#log = new MemoryLog(base, entries, hardState.commit, applied);
    this.#membership = state.membership;
    this.#snapshot = state.snapshot;
    this.#state = new TermState(hardState);
    this.#persisting = new Persisting(hardState.commit);
    invariant(this.#log.last.term <= hardState.term, "no entry is of a later term than the member", { ...hardState });
    this.#outbox = new Outbox(options.id, this.#state);
    this.#roles = new Roles(options, {
      ...{ random, log: this.#log, state: this.#state, outbox: this.#outbox },
      membership: () => this.#membership,
      snapshot: () => this.#snapshot,
      isFit: () => this.#installation.isIdle && this.#persisting.ticks < this.#options.electionTicks,
    });
  }

  get status(): CoreStatus {
    const { committed: commit, applied, firstIndex, lastIndex } = this.#log;
    const { kind: role, leader, leading, noLeaderTicks } = this.#roles;
    return {
      ...{ role, term: this.term, leader, noLeaderTicks, commit, applied, firstIndex, lastIndex },
      ...{ termStart: leading?.termStart, transferee: leading?.transferee ?? none, membership: this.#membership },
    };
  }

  get term(): number {
    return this.#state.term;
  }

  /** As in `status`, which is too much to make for each message. */
  get membership(): Membership {
    return this.#membership;
  }

  get leader(): number {
    return this.#roles.leader;
  }

  /** The last entry applied. */
  get applied(): number {
    return this.#log.applied;
  }

  get commit(): number {
    return this.#log.committed;
  }

  get firstIndex(): number {
    return this.#log.firstIndex;
  }

  get lastIndex(): number {
    return this.#log.lastIndex;
  }

  get role(): RoleName {
    return this.#roles.kind;
  }

  /** Looked at each turn: `status` would be too much to gather. */
  get leading(): { readonly termStart: number; readonly transferee: number } | undefined {
    return this.#roles.leading;
  }

  /** What a leader knows of the others; empty where this member does not lead. */
  get progress(): readonly ProgressStatus[] {
    return this.#roles.leading?.progress ?? [];
  }

  /** A restart would find the same members: only then may one that was removed be switched off. */
  get isMembershipDurable(): boolean {
    return this.#persisting.isMembershipDurable;
  }

  /** Its only voter, and there is nobody else to send to. */
  get isAlone(): boolean {
    return this.#roles.isAlone;
  }

  termOf(index: number): number | undefined {
    return this.#log.termOf(index);
  }

  /** Entries still in memory, from `index` on; for checks. */
  entriesFrom(index: number): readonly Entry[] {
    return this.#log.entriesFrom(Math.max(index, this.#log.firstIndex), Number.POSITIVE_INFINITY);
  }

  /** Other counts of ticks, known only when the log had been read: before anything happens. */
  setTicks(ticks: Ticks): void {
    this.#options = { ...this.#options, ...ticks };
    this.#roles.setTicks(ticks);
  }

  tick(): void {
    this.#persisting.tick();
    this.#roles.tick();
  }

  /** Stands for election at once. Nothing happens where that is not allowed: a leader, a non-voter, a change not yet applied. */
  campaign(): void {
    this.#roles.campaign();
  }

  /** Takes a message from another member. */
  step(message: Message): void {
    const { body, from, to, term } = message;
    invariant(to === this.#options.id, "a message for this member", { to });
    if (!body || from === to || this.#roles.isDeafTo(message)) return;
    if (this.#installation.isIdle) this.#roles.learnCommit(from, body);
    if (term > this.#state.term && !this.#roles.admitsLater(message, body)) return;
    if (term < this.#state.term) return this.#roles.answerEarlier(message, body);
    if (isFromLeader(body)) this.#follow(from, body);
    else this.#stepInTerm(message, body);
  }

  /** Appends an entry and returns its index; undefined when this member does not lead, or hands over. Keeps `data`: it must not change. */
  propose(data: Buffer): number | undefined {
    const { leading } = this.#roles;
    if (!leading || leading.transferee !== none || leading.isLeaving) return undefined;
    return this.#appendOwn(EntryKind.NORMAL, data);
  }

  /** Proposes a change of the membership (C1) and returns its index, or why it may not be now. */
  proposeConfChange(change: ConfChange): number | ConfRefusal {
    const { leading } = this.#roles;
    if (!leading) return "not the leader";
    const refusal = leading.refusalOf(change);
    if (refusal) return refusal;
    const index = this.#appendOwn(EntryKind.CONF_CHANGE, Buffer.from(ConfChange.encode(change).finish()));
    leading.changeProposed(index, changedMembership(this.#membership, change));
    return index;
  }

  /** Asks for an index that makes a read linearizable; it comes in `Ready.reads`, or never. False: nobody to ask. */
  readIndex(context: number): boolean {
    const { leading, leader } = this.#roles;
    if (leading) leading.readIndex(this.#options.id, context);
    else if (leader !== none) this.#outbox.promise(leader, { $case: "readIndex", value: { context } });
    return leader !== none;
  }

  /** Hands leadership to a voter; false when this member does not lead, or `to` cannot. */
  transferLeader(to: number): boolean {
    return this.#roles.leading?.transferTo(to) ?? false;
  }

  /** The voter that is there and has most of the log; undefined when there is none, or this member does not lead. */
  get successor(): number | undefined {
    return this.#roles.leading?.successor;
  }

  /** leader → follower, with a last word to its successor: this member cannot go on leading. Alone it has to. */
  resign(): void {
    this.#roles.resign();
  }

  /** Drops the opinion of who leads, so that this member may vote for another at once. */
  forgetLeader(): void {
    this.#roles.forgetLeader();
  }

  /** The connection to this member broke: if it is the leader, its process may be gone. */
  suspect(member: number): void {
    this.#roles.suspect(member);
  }

  /** What came of a probe that `Ready` asked for. */
  reportProbe(member: number, outcome: ProbeOutcome): void {
    this.#roles.reportProbe(member, outcome, (message) => this.step(message));
  }

  /** A message to this member was lost. */
  reportUnreachable(member: number): void {
    this.#roles.leading?.unreachable(member);
  }

  /** The snapshot sent to this member was taken whole, or not. */
  reportSnapshot(member: number, isTaken: boolean): void {
    this.#roles.leading?.snapshotReported(member, isTaken);
  }

  /** Would this snapshot be installed? To be asked before its chunks are fetched. */
  wantsSnapshot(meta: SnapshotMeta): boolean {
    const { index, term } = meta.position ?? { index: 0, term: 0 };
    return this.#installation.isIdle && index > this.#log.committed && !this.#log.matches(index, term);
  }

  /** What has to be done now; undefined when nothing has. */
  ready(): Ready | undefined {
    this.#flush();
    const install = this.#takeInstall();
    const persist = this.#installation.isRunning ? undefined : this.#takePersist();
    const { applyBytesMax, applyEntriesMax } = this.#options;
    const committed = this.#installation.isRunning ? [] : this.#log.takeToApply(applyBytesMax, applyEntriesMax);
    const sendAfterPersist = !this.#persisting.isRunning || persist ? this.#outbox.takeAfterPersist() : [];
    const send = this.#outbox.take();
    const reads = this.#reads.splice(0);
    const probe = this.#roles.takeProbe();
    const lists = [committed, send, sendAfterPersist, reads];
    if (!persist && !install && probe === undefined && lists.every(({ length }) => length === 0)) return undefined;
    return { persist, send, sendAfterPersist, committed, install, reads, probe };
  }

  advance(progressed: Progressed): void {
    switch (progressed.kind) {
      case "persisted":
        return this.#persisted();
      case "applied":
        for (const entry of this.#log.markApplied(progressed.index)) this.#applied(entry);
        return;
      case "installed":
        return this.#installed();
      default:
        return progressed satisfies never;
    }
  }

  /** A snapshot of the own state is durable: from now on it is the one that is sent. */
  snapshotted(meta: SnapshotMeta): void {
    this.#snapshot = meta;
  }

  /** Forgets entries up to `index`, which a durable snapshot contains. */
  compact(index: number): void {
    this.#log.compact(index);
  }

  /** The first entry that a follower who is only behind still needs; none before `atLeast` is kept for it. */
  neededFrom(atLeast: number): number {
    return this.#roles.leading?.neededFrom(atLeast) ?? this.#log.lastIndex + 1;
  }

  /** What a leader of this term says. While a snapshot comes in it is as if it had been lost. */
  #follow(from: number, body: Body): void {
    const follower = this.#roles.followerOf(from);
    if (body.$case === "heartbeat") {
      if (this.#installation.isIdle) follower.commitThrough(body.value.commit);
      this.#outbox.promise(from, { $case: "heartbeatAnswer", value: { round: body.value.round } });
    }
    if (!this.#installation.isIdle) return;
    if (body.$case === "snapshot") this.#offered(follower, body.value.meta);
    const answer = body.$case === "append" ? follower.append(body.value) : undefined;
    if (answer) this.#outbox.promise(from, { $case: "appendAnswer", value: answer });
  }

  #stepInTerm({ from, term }: Message, body: Body): void {
    const { leading, kind } = this.#roles;
    switch (body.$case) {
      case "vote":
        return this.#roles.answerVote(from, body.value);
      case "preVote":
        return this.#roles.answerPreVote(from, term, body.value);
      case "voteAnswer":
        return kind === "candidate" ? this.#roles.countVote(from, body.value.isGranted) : undefined;
      case "preVoteAnswer": {
        const isCurrent = term === (body.value.isGranted ? this.#state.term + 1 : this.#state.term);
        return isCurrent && kind === "pre-candidate" ? this.#roles.countVote(from, body.value.isGranted) : undefined;
      }
      case "timeoutNow":
        return this.#roles.campaignAsked();
      case "appendAnswer":
        return leading?.answered(from, body.value);
      case "heartbeatAnswer":
        return leading?.heartbeatAnswered(from, body.value.round);
      case "readIndex":
        return leading?.readIndex(from, body.value.context);
      case "readIndexAnswer":
        this.#reads.push(body.value);
        return;
      case "append":
      case "heartbeat":
      case "snapshot":
        return;
      default:
        return body satisfies never;
    }
  }

  /** §7: a snapshot that says nothing new is acknowledged, one whose last entry is here only commits. */
  #offered(follower: Follower, meta: SnapshotMeta | undefined): void {
    if (!meta?.position) return;
    if (this.wantsSnapshot(meta)) return this.#installation.offer(meta);
    this.#log.commit(Math.max(this.#log.committed, meta.position.index));
    follower.agreesUpTo(this.#log.committed);
  }

  #takeInstall(): SnapshotMeta | undefined {
    // The log never holds a term the member does not have durably, and nothing else is under way.
    const isReady = !this.#persisting.isRunning && this.#state.isDurable && this.#log.isApplySettled;
    return isReady ? this.#installation.begin() : undefined;
  }

  #installed(): void {
    const meta = this.#installation.end();
    this.#log.restore(meta.position);
    this.#membership = meta.membership ?? nobody;
    this.#snapshot = meta;
    this.#persisting.membershipInstalled();
    this.#roles.following?.agreesUpTo(meta.position.index);
  }

  #appendOwn(kind: EntryKind, data: Buffer): number {
    const index = this.#log.lastIndex + 1;
    this.#log.append({ term: this.#state.term, index, kind, data });
    return index;
  }

  /** What a leader has to send and what a follower owes is decided once a turn, not once a message. */
  #flush(): void {
    const { leading, following } = this.#roles;
    leading?.flush();
    for (const { from, context, index } of leading?.takeReads() ?? []) {
      if (from === this.#options.id) this.#reads.push({ context, index });
      else this.#outbox.send(from, { $case: "readIndexAnswer", value: { context, index } });
    }
    if (!following || following.leader === none || !this.#state.isTermDurable) return;
    const answer = following.takeAnswer();
    if (answer) this.#outbox.send(following.leader, { $case: "appendAnswer", value: answer });
  }

  #takePersist(): Persist | undefined {
    const isAllTaken = this.#state.isTaken && !this.#log.hasToPersist && !this.#persisting.owesCommit;
    if (this.#persisting.isRunning || isAllTaken) return undefined;
    const entries = this.#log.hasToPersist ? this.#log.takeToPersist(this.#options.persistBytesMax) : [];
    // It spares a restarted member the wait, and C1 needs it: what is said to be committed is durable with it.
    const commit = Math.min(this.#log.committed, this.#log.persisting);
    this.#persisting.begin(commit);
    return { hardState: HardState.fromPartial({ ...this.#state.take(), commit }), entries };
  }

  #persisted(): void {
    this.#persisting.end();
    this.#state.markDurable();
    this.#log.markPersisted();
    const isOwnVoteDurable = this.#state.isDurable && this.#state.vote === this.#options.id;
    if (this.#roles.kind === "candidate" && isOwnVoteDurable) this.#roles.countVote(this.#options.id, true);
    this.#roles.leading?.commit();
  }

  #applied(entry: Entry): void {
    if (entry.kind !== EntryKind.CONF_CHANGE) return;
    const change = ConfChange.decode(entry.data);
    this.#persisting.membershipChanged(entry.index);
    this.#membership = changedMembership(this.#membership, change);
    this.#roles.leading?.become(this.#membership);
    const { voters } = this.#membership;
    const { leader } = this.#roles;
    if (change.member === leader && leader !== this.#options.id && !voters.includes(leader)) this.#roles.leaderLeaves();
    // Its last appends, which say that the change is committed, are on their way (thesis §4.2.2).
    if (this.#roles.kind !== "follower" && !voters.includes(this.#options.id)) this.#roles.becomeFollower(none);
  }
}
