// The simulated cluster: its members, who is meant to take part, and the operator who makes it so, one change at a time.

import { ConfChangeKind } from "../../gen/skep/raft/v1/raft.js";
import { SimMember, type SimMemberModules } from "./member.js";

/** A learner this close to its leader is made a voter. */
const behindMax = 10;

export class RaftCluster {
  readonly members = new Map<number, SimMember>();
  readonly #modules: SimMemberModules;
  /** Who is meant to vote. */
  readonly #wanted = new Set<number>();
  #nextId = 1;
  #isChanging = false;

  constructor(modules: SimMemberModules) {
    this.#modules = modules;
  }

  get running(): readonly SimMember[] {
    return [...this.members.values()].filter((member) => member.isRunning);
  }

  /** Those that believe they lead; the one in the latest term last. */
  get leaders(): readonly SimMember[] {
    const leading = this.running.filter(({ leadingTerm }) => leadingTerm !== undefined);
    return leading.sort((a, b) => (a.leadingTerm ?? 0) - (b.leadingTerm ?? 0));
  }

  get wanted(): readonly number[] {
    return [...this.#wanted];
  }

  /** A new member is started, and meant to vote. The first begins the log. */
  add(): SimMember {
    const id = this.#nextId++;
    const member = new SimMember(id, id === 1, this.#modules);
    this.members.set(id, member);
    this.#wanted.add(id);
    member.start();
    return member;
  }

  remove(id: number): void {
    this.#wanted.delete(id);
  }

  /** One step towards what is meant, if a leader can take it. */
  operate(): void {
    const leader = this.leaders.at(-1);
    const term = leader?.leadingTerm;
    if (this.#isChanging || !leader?.member || term === undefined) return;
    const { voters, learners } = leader.member.membership;
    // A leader that is behind may not know yet who takes part, and one that restarts may have forgotten.
    const isCertain = leader.member.core?.isMembershipDurable === true;
    if (isCertain && leader.member.status.applied >= this.#modules.checks.committed)
      this.#endRemoved([...voters, ...learners], leader);
    const change = this.#nextChange(voters, learners, leader);
    if (!change) return;
    this.#isChanging = true;
    const done = (): void => {
      this.#isChanging = false;
    };
    void leader.member
      .proposeConfChange(change, term)
      .catch(() => {})
      .finally(() => done());
    // A member that dies answers nobody.
    this.#modules.clock.after(300, done);
  }

  #nextChange(
    voters: readonly number[],
    learners: readonly number[],
    leader: SimMember,
  ): { readonly kind: 0 | 1 | 2; readonly member: number } | undefined {
    const missing = this.wanted.find((id) => !voters.includes(id) && !learners.includes(id));
    if (missing !== undefined) return { kind: ConfChangeKind.ADD_LEARNER, member: missing };
    const peers = leader.member?.peers ?? [];
    const last = leader.member?.status.lastIndex ?? 0;
    const ready = peers.find(
      ({ member, match, isActive }) =>
        isActive && learners.includes(member) && this.#wanted.has(member) && match + behindMax >= last,
    );
    if (ready) return { kind: ConfChangeKind.ADD_VOTER, member: ready.member };
    const unwanted = [...voters, ...learners].find((id) => !this.#wanted.has(id));
    if (unwanted !== undefined) return { kind: ConfChangeKind.REMOVE, member: unwanted };
    return undefined;
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
