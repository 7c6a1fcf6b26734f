// A follower of one leader in one term: takes what the leader sends, and owes an acknowledgement until what it took is
// durable here. One acknowledgement a sync, however many appends came meanwhile.

import { invariant } from "../../base/index.js";
import type { Append, AppendAnswer } from "../../gen/skep/raft/v1/messages.js";
import { LogLostError } from "./errors.js";
import type { MemoryLog } from "./memory_log.js";
import { none } from "./types.js";

export class Follower {
  /** 0 while none is known. */
  readonly leader: number;
  readonly #log: MemoryLog;
  /** The log agrees with the leader's up to here; what it holds is never replaced in this term. */
  #matched = 0;
  #acknowledged = 0;
  #owes = false;

  constructor(leader: number, log: MemoryLog) {
    this.leader = leader;
    this.#log = log;
  }

  /** §5.3. A rejection is answered at once; success when it is durable, see `takeAnswer`. */
  append(append: Append): AppendAnswer | undefined {
    const { prevIndex, prevTerm, entries, commit } = append;
    const log = this.#log;
    // Committed entries agree with those of every leader to come; there is nothing to look at (check-list 15, 21).
    if (prevIndex < log.committed) return this.#matches(log.committed);
    if (!log.matches(prevIndex, prevTerm)) return this.#rejection(prevIndex, prevTerm);
    for (const [at, { index }] of entries.entries()) {
      invariant(index === prevIndex + 1 + at, "entries of an append are consecutive", { index, prevIndex });
    }
    const last = prevIndex + entries.length;
    const firstConflict = entries.find(({ index, term }) => !log.matches(index, term))?.index;
    const isKept = firstConflict === undefined || firstConflict > this.#matched;
    invariant(isKept, "what a leader sent stays in its term", { firstConflict, matched: this.#matched });
    log.merge(entries);
    log.commit(Math.max(log.committed, Math.min(commit, last)));
    return this.#matches(last);
  }

  /** A heartbeat tells no more than what was acknowledged to this leader. */
  commitThrough(commit: number): void {
    if (commit <= this.#log.committed) return;
    if (commit > this.#log.lastIndex) throw new LogLostError(this.#log.lastIndex, commit);
    this.#log.commit(commit);
  }

  /** The log agrees up to `index`: by an append, a snapshot, or because it is committed. */
  #matches(index: number): undefined {
    this.#matched = Math.max(this.#matched, index);
    // What was durable before says nothing new; only a sync after this makes a part of it worth a word.
    if (!this.#owes) this.#acknowledged = Math.max(this.#acknowledged, Math.min(index, this.#log.persisted));
    this.#owes = true;
  }

  agreesUpTo(index: number): void {
    this.#matches(index);
  }

  /** The acknowledgement that may be sent now, if one is owed and it says something new or all there is to say. */
  takeAnswer(): AppendAnswer | undefined {
    const index = Math.min(this.#matched, this.#log.persisted);
    if (!this.#owes || (index < this.#matched && index <= this.#acknowledged)) return undefined;
    this.#acknowledged = index;
    this.#owes = index < this.#matched;
    return { index, isRejected: false, hintIndex: 0, hintTerm: 0 };
  }

  #rejection(prevIndex: number, prevTerm: number): AppendAnswer {
    const hint = this.#log.hintFor(prevIndex, prevTerm);
    invariant(this.leader !== none, "only a leader is answered");
    return { index: prevIndex, isRejected: true, hintIndex: hint.index, hintTerm: hint.term };
  }
}
