// Who this member is: its term, its vote, its role and the arrows between roles; who stands and who gets the vote.
// References (§) are to the Raft paper, "thesis" is Ongaro's.

import { invariant, type Random } from "../../base/index.js";
import type { Message, Vote } from "../../gen/skep/raft/v1/messages.js";
import { EntryKind, type Membership, type Position, type SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";
import { type Ballot, Election, newBallot } from "./election.js";
import { Follower } from "./follower.js";
import { Leader } from "./leader.js";
import type { MemoryLog } from "./memory_log.js";
import type { Outbox } from "./outbox.js";
import { voteResult } from "./quorum.js";
import type { TermState } from "./term_state.js";
import { type Body, type CoreOptions, none, type ProbeOutcome, type RoleName, type Ticks } from "./types.js";
import { compareLogs, lastOf, yieldsTo } from "./votes.js";

type Role =
  | { readonly kind: "follower"; readonly follower: Follower }
  | { readonly kind: "pre-candidate" | "candidate"; readonly ballot: Ballot }
  | { readonly kind: "leader"; readonly leader: Leader };

export interface RolesModules {
  readonly random: Random;
  readonly log: MemoryLog;
  readonly state: TermState;
  readonly outbox: Outbox;
  readonly membership: () => Membership;
  readonly snapshot: () => SnapshotMeta | undefined;
  /** Whether this member could lead: its disk works, and its state is its own. */
  readonly isFit: () => boolean;
}

export class Roles {
  #options: CoreOptions;
  readonly #modules: RolesModules;
  readonly #state: TermState;
  readonly #log: MemoryLog;
  readonly #outbox: Outbox;
  readonly #election: Election;
  #role: Role;
  /** Since a leader was last heard of. */
  #silentTicks = 0;

  constructor(options: CoreOptions, modules: RolesModules) {
    this.#options = options;
    this.#modules = modules;
    this.#state = modules.state;
    this.#log = modules.log;
    this.#outbox = modules.outbox;
    this.#election = new Election(options.electionTicks, modules.random);
    this.#role = { kind: "follower", follower: new Follower(none, modules.log) };
  }

  get kind(): RoleName {
    return this.#role.kind;
  }

  /** The work of a leader; undefined where this member does not lead. */
  get leading(): Leader | undefined {
    return this.#role.kind === "leader" ? this.#role.leader : undefined;
  }

  get following(): Follower | undefined {
    return this.#role.kind === "follower" ? this.#role.follower : undefined;
  }

  /** Who leads in this term, as far as is known; 0 for nobody. */
  get leader(): number {
    return this.#role.kind === "leader" ? this.#options.id : (this.following?.leader ?? none);
  }

  /** Its only voter, and there is nobody else to send to. */
  get isAlone(): boolean {
    const { voters, learners } = this.#modules.membership();
    return voters.length === 1 && learners.length === 0;
  }

  /** Since a leader was last heard of; 0 while one is known. */
  get noLeaderTicks(): number {
    return this.leader === none ? this.#silentTicks : 0;
  }

  /**
   * Two kinds of messages are as if they had been lost.
   * The only voter was there when every later membership was agreed on, or there is none: so nobody else can lead. Who says
   * so does not know that it was removed – all others were, where a new cluster was forced (check-list 38).
   * And who stands because its leader's process is gone hears what that one sent before.
   */
  isDeafTo({ from, term, body }: Message): boolean {
    const { voters, learners } = this.#modules.membership();
    if (voters.length === 1 && voters[0] === this.#options.id && !learners.includes(from)) return true;
    const isOfGone = this.#role.kind === "pre-candidate" && this.#role.ballot.gone === from;
    return isOfGone && term === this.#state.term && body !== undefined && isFromLeader(body);
  }

  setTicks(ticks: Ticks): void {
    invariant(this.#role.kind === "follower", "ticks are set before anything happens", { role: this.#role.kind });
    this.#options = { ...this.#options, ...ticks };
    this.#election.setTicks(ticks.electionTicks);
  }

  tick(): void {
    this.#silentTicks = this.#role.kind === "leader" ? 0 : this.#silentTicks + 1;
    if (this.#role.kind !== "leader") {
      if (this.#election.tick()) this.campaign();
      return;
    }
    const hasQuorum = this.#role.leader.tick();
    // A leader whose disk hangs acknowledges nothing and would keep everybody waiting; alone, nobody could take over.
    if (!hasQuorum) this.becomeFollower(none);
    else if (!this.#modules.isFit()) this.resign();
  }

  /** leader → follower, where others could lead: they are told, the best of them at once. */
  resign(): void {
    if (this.#role.kind !== "leader" || this.#modules.membership().voters.length === 1) return;
    this.#role.leader.resign();
    this.becomeFollower(none);
  }

  campaign(): void {
    this.#election.restartTimer();
    if (this.#role.kind !== "leader" && this.#isPromotable) this.#becomePreCandidate(newBallot({}));
    // Who may not stand, a learner or one that was removed, notices all the same that nobody leads it any more.
    else this.forgetLeader();
  }

  /** The leader hands over: stands at once, without asking first. */
  campaignAsked(): void {
    if (this.#role.kind !== "leader" && this.#isPromotable) this.#becomeCandidate(newBallot({ isTransfer: true }));
  }

  forgetLeader(): void {
    if (this.#role.kind === "follower" && this.leader !== none) this.#follow(none);
  }

  /** The leader is no voter any more and goes: nobody has to wait for its silence. */
  leaderLeaves(): void {
    this.forgetLeader();
    this.#election.yieldTurn();
  }

  suspect(member: number): void {
    if (this.#role.kind === "follower" && this.leader === member) this.#election.askProbe(member);
  }

  takeProbe(): number | undefined {
    return this.#election.takeProbe();
  }

  /** Requests that waited for the probe are given to `step` again, once they can be answered. */
  reportProbe(member: number, outcome: ProbeOutcome, step: (message: Message) => void): void {
    const held = this.#election.takeHeld();
    const isFollowing = this.#role.kind === "follower" && this.leader === member;
    if (isFollowing && outcome !== "gone") return this.#refuseAll(held);
    if (isFollowing) this.forgetLeader();
    for (const message of held) step(message);
    // Whoever got this member's word goes first; else it is up to this one, if nobody leads by now.
    const isFree = this.#role.kind === "follower" && this.leader === none && !this.#election.isYielding;
    if (isFollowing && isFree && this.#isPromotable) this.#becomePreCandidate(newBallot({ gone: member }));
  }

  /** A message of a later term: does it count? Most make this member follow into that term. */
  admitsLater(message: Message, body: Body): boolean {
    const isRequest = body.$case === "vote" || body.$case === "preVote";
    if (isRequest && !body.value.isTransfer && this.#clingsToLeader(message.from)) {
      const isHeld = this.#role.kind === "follower" && body.value.gone === this.leader;
      if (isHeld) this.#election.hold(message, this.leader);
      else this.#refuseAll([message]);
      return false;
    }
    if (body.$case === "preVote" || (body.$case === "preVoteAnswer" && body.value.isGranted)) return true;
    this.#enterTerm(message.term, isFromLeader(body) ? message.from : none);
    return true;
  }

  /** A removed or cut-off member must not disturb a leader that works (§6, thesis §4.2.3); who led may say it no longer does. */
  #clingsToLeader(candidate: number): boolean {
    if (this.#role.kind === "leader") return true;
    return this.leader !== none && this.leader !== candidate && this.#election.isLeaderFresh;
  }

  /** Says no to a pre-vote, so that who asks need not wait; a vote is not answered, it would carry no news. */
  #refuseAll(requests: readonly Message[]): void {
    for (const { from, body } of requests) {
      if (body?.$case === "preVote") this.#outbox.promise(from, this.#preVoteAnswer(false));
    }
  }

  /** An old leader hears that it is one, an old candidate that it is late: with pre-votes, no term of theirs would tell them. */
  answerEarlier({ from }: Message, body: Body): void {
    const refusal = { isGranted: false };
    if (body.$case === "preVote") this.#outbox.promise(from, this.#preVoteAnswer(false));
    else if (body.$case === "vote") this.#outbox.promise(from, { $case: "voteAnswer", value: refusal });
    else if (isFromLeader(body)) {
      const value = { index: 0, isRejected: true, hintIndex: 0, hintTerm: 0 };
      this.#outbox.promise(from, { $case: "appendAnswer", value });
    }
  }

  /** The leader of this term speaks: whoever is not its follower yet becomes one (§5.2). */
  followerOf(leader: number): Follower {
    invariant(this.#role.kind !== "leader", "one leader in a term (§5.2)", { term: this.#state.term, other: leader });
    this.#election.restartTimer();
    this.#silentTicks = 0;
    if (this.#role.kind !== "follower" || this.leader === none) return this.#follow(leader);
    invariant(this.leader === leader, "one leader in a term (§5.2)", {
      term: this.#state.term,
      leaders: [this.leader, leader],
    });
    return this.#role.follower;
  }

  /** §5.2 and §5.4.1: one vote a term, first come, and only for a log at least as complete. */
  answerVote(from: number, request: Vote): void {
    const isFree = this.#state.vote === from || (this.#state.vote === none && this.leader === none);
    const isGranted = isFree && !this.#isBlank && compareLogs(lastOf(request), this.#last.last) >= 0;
    if (isGranted) {
      this.#state.voteFor(from);
      if (this.leader === none) this.becomeFollower(none);
    }
    this.#outbox.promise(from, { $case: "voteAnswer", value: { isGranted } });
  }

  /** Would get the vote in the term it would enter. Of two that ask one another, one yields. */
  answerPreVote(from: number, term: number, request: Vote): void {
    const last = lastOf(request);
    const isRival = this.#role.kind === "pre-candidate" && term === this.#state.term + 1;
    const isWorthy = isRival ? yieldsTo(this.#last, { id: from, last }) : compareLogs(last, this.#last.last) >= 0;
    const isGranted = term > this.#state.term && isWorthy && !this.#isBlank;
    if (isGranted && isRival) this.becomeFollower(none);
    if (isGranted && (isRival || request.gone !== none)) this.#election.yieldTurn();
    this.#outbox.promise(from, this.#preVoteAnswer(isGranted), isGranted ? term : this.#state.term);
  }

  #preVoteAnswer(isGranted: boolean): Body {
    return { $case: "preVoteAnswer", value: { isGranted, commit: this.#committed } };
  }

  /**
   * What one member knows to be committed is so for whoever has that entry, in whatever term it is said. A leader that tells
   * only who comes or goes by a change that it is effective, writes on, and loses its power before it has written that, needs
   * the vote of one that has more of the log and refuses it, and that cannot stand: who goes does not vote any more, who comes
   * does not know yet that it does. Who learns of a change stands again when it is applied (C1).
   */
  learnCommit(from: number, body: Body): void {
    if (body.$case !== "vote" && body.$case !== "preVote" && body.$case !== "preVoteAnswer") return;
    const { voters, learners } = this.#modules.membership();
    if (this.#role.kind === "leader" || !(voters.includes(from) || learners.includes(from))) return;
    const { index, term } = body.value.commit ?? { index: 0, term: 0 };
    if (index <= this.#log.committed || !this.#log.matches(index, term)) return;
    this.#log.commit(index);
    if (this.#role.kind !== "follower" && this.#log.hasUnappliedChange) this.becomeFollower(none);
  }

  countVote(from: number, isGranted: boolean): void {
    if (this.#role.kind !== "candidate" && this.#role.kind !== "pre-candidate") return;
    const { kind, ballot } = this.#role;
    ballot.votes.set(from, isGranted);
    const result = voteResult(this.#modules.membership().voters, ballot.votes);
    if (result === "won") return kind === "candidate" ? this.#becomeLeader() : this.#becomeCandidate(ballot);
    if (result === "lost") this.becomeFollower(none);
  }

  /**
   * It knows of no members at all. Who joins is asked for its vote only after it has caught up; so this one lost its log, and
   * may have promised what it does not know (check-list 38).
   */
  get #isBlank(): boolean {
    return this.#log.lastIndex === 0 && this.#modules.membership().voters.length === 0;
  }

  /** A voter; and none of the changes it knows to be committed is still to be applied: it might not be one any more (C1). */
  get #isPromotable(): boolean {
    const isVoter = this.#modules.membership().voters.includes(this.#options.id);
    return isVoter && this.#modules.isFit() && !this.#log.hasUnappliedChange;
  }

  /** Follows a leader, or nobody for now, in the current term. */
  #follow(leader: number): Follower {
    const follower = new Follower(leader, this.#log);
    this.#role = { kind: "follower", follower };
    return follower;
  }

  /** any → follower: a later term was seen, an election was lost, or leading makes no sense any more. */
  becomeFollower(leader: number): void {
    this.#follow(leader);
    this.#election.restartTimer();
  }

  /** follower, pre-candidate, candidate → pre-candidate: asks who would vote for it, and changes nothing (thesis §9.6). */
  #becomePreCandidate(ballot: Ballot): void {
    invariant(this.#role.kind !== "leader", "a leader does not stand again", { term: this.#state.term });
    this.#election.restartTimer();
    this.#role = { kind: "pre-candidate", ballot };
    const value = this.#voteRequest(ballot);
    for (const to of this.#otherVoters) this.#outbox.ask(to, { $case: "preVote", value }, this.#state.term + 1);
    this.countVote(this.#options.id, true);
  }

  /** follower (asked by its leader), pre-candidate → candidate. A new term, and the own vote in it. */
  #becomeCandidate(ballot: Ballot): void {
    invariant(this.#role.kind !== "leader", "a leader does not stand again", { term: this.#state.term });
    this.#state.enter(this.#state.term + 1);
    this.#state.voteFor(this.#options.id);
    this.#election.restartTimer();
    this.#role = { kind: "candidate", ballot: newBallot(ballot) };
    // The own vote counts when it is durable, the others are asked then.
    const value = this.#voteRequest(ballot);
    for (const to of this.#otherVoters) this.#outbox.promise(to, { $case: "vote", value });
  }

  /** candidate → leader, with a majority. Its no-op commits what earlier terms left (§5.4.2, §8). */
  #becomeLeader(): void {
    invariant(this.#role.kind === "candidate", "only a candidate is elected", { term: this.#state.term });
    const { snapshot, membership } = this.#modules;
    const log = this.#log;
    const { term } = this.#state;
    const send = (to: number, body: Body): void => this.#outbox.send(to, body);
    this.#role = {
      kind: "leader",
      leader: new Leader(this.#options, { log, term, send, snapshot }, membership()),
    };
    log.append({ term, index: log.lastIndex + 1, kind: EntryKind.NORMAL, data: Buffer.alloc(0) });
  }

  /** §5.1: a later term makes everybody a follower, who has not voted in it. */
  #enterTerm(term: number, leader: number): void {
    this.#state.enter(term);
    this.becomeFollower(leader);
  }

  get #last(): { readonly id: number; readonly last: Position } {
    return { id: this.#options.id, last: { index: this.#log.lastIndex, term: this.#log.last.term } };
  }

  get #otherVoters(): readonly number[] {
    return this.#modules.membership().voters.filter((voter) => voter !== this.#options.id);
  }

  #voteRequest({ isTransfer, gone }: Ballot): Vote {
    const { last } = this.#last;
    return { lastIndex: last.index, lastTerm: last.term, isTransfer, gone, commit: this.#committed };
  }

  get #committed(): Position {
    const index = this.#log.committed;
    return { index, term: this.#log.termOf(index) ?? 0 };
  }
}

export function isFromLeader(body: Body): boolean {
  return body.$case === "append" || body.$case === "heartbeat" || body.$case === "snapshot";
}
