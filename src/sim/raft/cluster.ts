// The simulated cluster: its members, who is meant to take part, and the operator who makes it so, one change at a time.

import { type ConfChange, ConfChangeKind } from "../../gen/skep/raft/v1/raft.js";
import type { SeededRandom } from "../random.js";
import { SimMember, type SimMemberModules } from "./member.js";

/** A learner this close to its leader is made a voter. */
const behindMax = 10;
/** The operator tries again after this when nobody answered: a member that dies answers nobody. */
const answerMs = 300;
/** So often the operator believes one of those that say they lead, not the latest. */
const misledShare = 0.2;
/** Fewer voters cannot do without one of them for good. */
const votersToLoseOneMin = 3;

export class RaftCluster {
  readonly members = new Map<number, SimMember>();
  /** Changes of the membership that were made; members lost for good, and those of them that refused to start with a flipped bit. */
  changes = 0;
  lost = 0;
  refused = 0;
  readonly #modules: SimMemberModules;
  /** Who is meant to vote. */
  readonly #wanted = new Set<number>();
  readonly #random: SeededRandom;
  #nextId = 1;
  /** Changes that nobody answered yet. */
  #changing = 0;

  constructor(modules: SimMemberModules) {
    this.#modules = modules;
    this.#random = modules.random.fork("operator");
  }

  get running(): readonly SimMember[] {
    return [...this.members.values()].filter((member) => member.isRunning);
  }

  /** Those that believe they lead; the one in the latest term last. */
  get leaders(): readonly SimMember[] {
    const leading = [...this.members.values()].filter(({ leadingTerm }) => leadingTerm !== undefined);
    return leading.sort((a, b) => (a.leadingTerm ?? 0) - (b.leadingTerm ?? 0));
  }

  get wanted(): readonly number[] {
    return [...this.#wanted];
  }

  /** Everybody who is meant to vote does, as the leader has applied it. */
  get isSettled(): boolean {
    const { voters = [], learners = [] } = this.leaders.at(-1)?.member?.membership ?? {};
    return learners.length === 0 && voters.length === this.#wanted.size && voters.every((id) => this.#wanted.has(id));
  }

  /**
   * One may be lost for good, and the rest goes on: nobody else is lost or may be, no change is under way, and everybody
   * counts majorities of the same voters.
   */
  get mayLoseOne(): boolean {
    if (!this.isSettled || this.#changing > 0 || this.#wanted.size < votersToLoseOneMin) return false;
    const voters = String(this.leaders.at(-1)?.member?.membership.voters);
    return [...this.members.values()].every(
      ({ isDoubtful, member }) =>
        !isDoubtful && member?.core?.isMembershipDurable === true && String(member.membership.voters) === voters,
    );
  }

  /** A new member is started, and meant to vote. The first begins the log. */
  add(): SimMember {
    const id = this.#nextId++;
    const member = new SimMember(id, id === 1, this.#modules);
    member.onDamaged = () => {
      this.refused += 1;
      this.lose(member);
    };
    this.members.set(id, member);
    this.#wanted.add(id);
    member.start();
    return member;
  }

  /** Another one is meant to take its place. */
  replace(id: number): void {
    this.add();
    this.remove(id);
  }

  remove(id: number): void {
    this.#wanted.delete(id);
  }

  /** It never comes back with what it had: a new one, under a new id, takes its place. */
  lose(member: SimMember): void {
    this.lost += 1;
    member.crash("kill");
    this.members.delete(member.id);
    if (this.#wanted.has(member.id)) this.replace(member.id);
  }

  /** All but one are lost for good, and that one goes on alone with what it has; then others join it. */
  force(survivor: SimMember): void {
    for (const [id, member] of this.members) {
      member.crash("kill");
      if (member === survivor) continue;
      this.lost += 1;
      this.members.delete(id);
      this.#wanted.delete(id);
    }
    survivor.start(true);
    for (let more = votersToLoseOneMin - 1; more > 0; more--) this.add();
  }

  /** As `lose`, for a planted bug: the new one has the old id. */
  loseAndKeepId(member: SimMember): void {
    member.crash("kill");
    const again = new SimMember(member.id, false, this.#modules);
    this.members.set(member.id, again);
    again.start();
  }

  /** One step towards what is meant, if a leader can take it; an impatient operator asks for another one meanwhile. */
  operate(): void {
    const { isImpatient } = this.#modules.plan;
    if (this.#changing > 0 && !isImpatient) return;
    const { leaders } = this;
    const leader = this.#random.chance(misledShare) ? this.#random.pick(leaders) : leaders.at(-1);
    const term = leader?.leadingTerm;
    if (!leader?.member || term === undefined) return;
    const { voters, learners } = leader.member.membership;
    // A leader that is behind may not know yet who takes part, and one that restarts may have forgotten.
    const { core } = leader.member;
    const isCertain = core?.isMembershipDurable === true && core.applied >= this.#modules.checks.committed;
    if (isCertain) this.#endRemoved([...voters, ...learners], leader);
    const changes = this.#changes(voters, learners, leader);
    const change = isImpatient ? this.#random.pick(changes) : changes[0];
    if (change) this.#make(change, leader, term);
  }

  #make(change: ConfChange, leader: SimMember, term: number): void {
    let isOpen = true;
    const close = (): void => {
      if (isOpen) this.#changing -= 1;
      isOpen = false;
    };
    this.#changing += 1;
    void leader.member?.proposeConfChange(change, term).then(
      (refusal) => {
        if (refusal === undefined) this.changes += 1;
        close();
      },
      () => close(),
    );
    this.#modules.clock.after(answerMs, close);
  }

  /** All that may be done next, the most urgent first. */
  #changes(voters: readonly number[], learners: readonly number[], leader: SimMember): readonly ConfChange[] {
    const missing = this.wanted.filter((id) => !voters.includes(id) && !learners.includes(id));
    const last = leader.member?.status.lastIndex ?? 0;
    const ready =
      learners.length === 0
        ? []
        : (leader.member?.peers ?? []).filter(
            ({ member, match, isActive }) =>
              isActive && learners.includes(member) && this.#wanted.has(member) && match + behindMax >= last,
          );
    const unwanted = [...voters, ...learners].filter((id) => !this.#wanted.has(id));
    // Who is lost goes first: without one who only is to go, there might be no majority left.
    const lost = unwanted.filter((id) => !this.members.has(id));
    const spared = unwanted.filter((id) => this.#canSpare(id, voters));
    return [
      ...missing.map((member) => ({ kind: ConfChangeKind.ADD_LEARNER, member })),
      ...ready.map(({ member }) => ({ kind: ConfChangeKind.ADD_VOTER, member })),
      ...(lost.length > 0 ? lost : spared).map((member) => ({ kind: ConfChangeKind.REMOVE, member })),
    ];
  }

  /** Whoever may turn out to be lost is not to be needed then. */
  #canSpare(id: number, voters: readonly number[]): boolean {
    const rest = voters.filter((voter) => voter !== id);
    const sure = rest.filter((voter) => this.members.get(voter)?.isDoubtful === false);
    return sure.length > rest.length / 2;
  }

  /** Who was removed, as the latest leader has applied it, is switched off for good. */
  #endRemoved(present: readonly number[], leader: SimMember): void {
    for (const [id, member] of this.members) {
      if (present.includes(id) || this.#wanted.has(id) || id === leader.id) continue;
      member.crash("kill");
      this.members.delete(id);
    }
  }
}
