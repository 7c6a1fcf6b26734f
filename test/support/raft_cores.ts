// Raft cores without disks and clocks: each step of a core, each message between cores, made to happen by hand.

import { Message } from "../../src/gen/skep/raft/v1/messages.js";
import {
  ConfChange,
  ConfChangeKind,
  type Entry,
  EntryKind,
  type Membership,
  type SnapshotMeta,
} from "../../src/gen/skep/raft/v1/raft.js";
import { RaftCore } from "../../src/raft/core/core.js";
import type { Body, CoreOptions, ProbeOutcome, Read, Ready } from "../../src/raft/core/types.js";
import { SeededRandom } from "../../src/sim/index.js";

export const coreOptions: Omit<CoreOptions, "id"> = {
  ...{ electionTicks: 10, heartbeatTicks: 1, persistBytesMax: 10_000, applyBytesMax: 10_000, applyEntriesMax: 100 },
  ...{ appendBytesMax: 1000, inFlightMessagesMax: 4, inFlightBytesMax: 2000 },
};

export interface CoreSetting extends Partial<CoreOptions> {
  readonly id?: number;
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  readonly term?: number;
  readonly vote?: number;
  /** Terms of the entries 1, 2, … */
  readonly log?: readonly number[];
  readonly commit?: number;
  readonly snapshot?: SnapshotMeta;
}

export const entry = (index: number, term: number, text = `e${index}`): Entry => ({
  ...{ term, index, kind: EntryKind.NORMAL, data: Buffer.from(text) },
});

export const entries = (terms: readonly number[], from = 1): Entry[] => terms.map((term, at) => entry(from + at, term));

export function aCore(setting: CoreSetting = {}): RaftCore {
  const { id = 1, voters = [1, 2, 3], learners = [], log = [], commit = 0, vote = 0, snapshot, ...options } = setting;
  const { term = log.at(-1) ?? snapshot?.position?.term ?? 0, ...limits } = options;
  const base = snapshot?.position ?? { index: 0, term: 0 };
  return new RaftCore({ ...coreOptions, ...limits, id }, new SeededRandom(id), {
    hardState: { term, vote, commit: Math.max(commit, base.index) },
    ...{ base, entries: entries(log, base.index + 1), applied: base.index, snapshot },
    membership: snapshot?.membership ?? { voters, learners },
  });
}

/** Makes all that is ready durable and applied until nothing is, and gives what was to be sent, in order. */
export function settle(core: RaftCore): Message[] {
  const sent: Message[] = [];
  for (let ready = core.ready(); ready; ready = core.ready()) {
    sent.push(...ready.send);
    carryOut(core, ready);
    sent.push(...ready.sendAfterPersist);
  }
  return sent;
}

export function carryOut(core: RaftCore, ready: Ready): void {
  const last = ready.committed.at(-1);
  if (last) core.advance({ kind: "applied", index: last.index });
  if (ready.persist) core.advance({ kind: "persisted" });
  if (ready.install) core.advance({ kind: "installed" });
}

/** A message to core 1 unless `to` says another. */
export function message(from: number, term: number, body: Body, to = 1): Message {
  return { from, to, term, body };
}

export const append = (
  from: number,
  term: number,
  prev: readonly [index: number, term: number],
  terms: readonly number[] = [],
  commit = 0,
): Message =>
  message(from, term, {
    $case: "append",
    value: { prevIndex: prev[0], prevTerm: prev[1], entries: entries(terms, prev[0] + 1), commit },
  });

export const heartbeat = (from: number, term: number, commit = 0): Message =>
  message(from, term, { $case: "heartbeat", value: { commit, round: 0 } });

export const vote = (from: number, term: number, last: readonly [index: number, term: number], more = {}): Message =>
  message(from, term, {
    $case: "vote",
    value: { lastIndex: last[0], lastTerm: last[1], isTransfer: false, gone: 0, ...more },
  });

export const preVote = (from: number, term: number, last: readonly [index: number, term: number], gone = 0): Message =>
  message(from, term, {
    $case: "preVote",
    value: { lastIndex: last[0], lastTerm: last[1], isTransfer: false, gone },
  });

export const voteAnswer = (from: number, term: number, isGranted = true): Message =>
  message(from, term, { $case: "voteAnswer", value: { isGranted } });

export const preVoteAnswer = (from: number, term: number, isGranted = true): Message =>
  message(from, term, { $case: "preVoteAnswer", value: { isGranted } });

export const appendAnswer = (from: number, term: number, index: number): Message =>
  message(from, term, { $case: "appendAnswer", value: { index, isRejected: false, hintIndex: 0, hintTerm: 0 } });

export const rejection = (from: number, term: number, index: number, hint: readonly [number, number]): Message =>
  message(from, term, {
    $case: "appendAnswer",
    value: { index, isRejected: true, hintIndex: hint[0], hintTerm: hint[1] },
  });

export const heartbeatAnswer = (from: number, term: number, round = 0): Message =>
  message(from, term, { $case: "heartbeatAnswer", value: { round } });

/** Makes core 1 lead: pre-votes, votes and all, with the word of `voters`. Its no-op is durable, and nothing is acknowledged. */
export function elect(core: RaftCore, voters: readonly number[] = [2]): Message[] {
  core.campaign();
  settle(core);
  const { term } = core;
  for (const from of voters) core.step(preVoteAnswer(from, term + 1));
  settle(core);
  for (const from of voters) core.step(voteAnswer(from, term + 1));
  return settle(core);
}

export const kinds = (messages: readonly Message[]): string[] =>
  messages.map(({ to, body }) => `${body?.$case} to ${to}`);

/** One line for people: "1→2 append t2 after 3@1: 4@2 5@2, commit 3". */
export function told({ from, to, term, body }: Message): string {
  return `${from}→${to} ${body?.$case} t${term} ${body ? content(body) : ""}`.trimEnd();
}

function content(body: Body): string {
  switch (body.$case) {
    case "append": {
      const { prevIndex, prevTerm, commit } = body.value;
      const list = body.value.entries.map(({ index, term }) => `${index}@${term}`).join(" ");
      return `after ${prevIndex}@${prevTerm}: ${list || "nothing"}, commit ${commit}`;
    }
    case "appendAnswer": {
      const { index, isRejected, hintIndex, hintTerm } = body.value;
      return isRejected ? `rejects after ${index}, try ${hintIndex}@${hintTerm}` : `has ${index}`;
    }
    case "heartbeat":
      return `commit ${body.value.commit}, round ${body.value.round}`;
    case "heartbeatAnswer":
      return `round ${body.value.round}`;
    case "vote":
    case "preVote": {
      const { lastIndex, lastTerm, isTransfer, gone } = body.value;
      return `last ${lastIndex}@${lastTerm}${isTransfer ? ", asked by the leader" : ""}${gone ? `, ${gone} is gone` : ""}`;
    }
    case "voteAnswer":
    case "preVoteAnswer":
      return body.value.isGranted ? "yes" : "no";
    case "snapshot":
      return `at ${body.value.meta?.position?.index}@${body.value.meta?.position?.term}`;
    case "timeoutNow":
      return "";
    case "readIndex":
      return `read ${body.value.context}`;
    case "readIndexAnswer":
      return `read ${body.value.context} at ${body.value.index}`;
    default:
      return body satisfies never;
  }
}

export const change = (kind: keyof typeof ConfChangeKind, member: number): ConfChange =>
  ConfChange.fromPartial({ kind: ConfChangeKind[kind], member });

/**
 * Several cores and what is between them. Everything sent is delivered in order, encoded and decoded on the way, unless the
 * link is cut; `tell` hears of all that happens.
 */
export class Cores {
  readonly cores = new Map<number, RaftCore>();
  readonly applied = new Map<number, string[]>();
  readonly reads: (Read & { readonly at: number })[] = [];
  /** What a probe of this member finds. */
  readonly probes = new Map<number, ProbeOutcome>();
  /** Persisting at these members takes until they are taken out. */
  readonly slow = new Set<number>();
  readonly #cut = new Set<string>();
  readonly #waiting = new Map<number, readonly Message[]>();
  #queue: Message[] = [];
  readonly #tell: (line: string) => void;

  constructor(count: number, tell: (line: string) => void = () => {}, setting: CoreSetting = {}) {
    this.#tell = tell;
    const voters = Array.from({ length: count }, (_, at) => at + 1);
    for (const id of voters) this.add({ voters, ...setting, id });
  }

  add(setting: CoreSetting & { readonly id: number }): RaftCore {
    const core = aCore(setting);
    this.cores.set(setting.id, core);
    this.applied.set(setting.id, []);
    return core;
  }

  get(id: number): RaftCore {
    const core = this.cores.get(id);
    if (!core) throw new Error(`there is no core ${id}`);
    return core;
  }

  /** Nothing passes from one to the other, either way. */
  isolate(id: number): void {
    for (const other of this.cores.keys()) this.cut(id, other).cut(other, id);
  }

  cut(from: number, to: number): this {
    this.#cut.add(`${from}→${to}`);
    return this;
  }

  heal(): void {
    this.#cut.clear();
  }

  membership(id: number): Membership {
    return this.get(id).status.membership;
  }

  tick(times = 1, ids: readonly number[] = [...this.cores.keys()]): void {
    for (let at = 0; at < times; at++) {
      for (const id of ids) this.get(id).tick();
      this.settle();
    }
  }

  /** Until nothing more happens by itself. */
  settle(stepsMax = 10_000): void {
    for (let steps = 0; steps < stepsMax; steps++) {
      for (const [id, core] of this.cores) this.#work(id, core);
      const next = this.#queue.shift();
      if (!next) return;
      this.#deliver(next);
    }
    throw new Error("the cores never come to rest");
  }

  /** The leader in the highest term. */
  get leader(): number {
    const leaders = [...this.cores].filter(([, core]) => core.role === "leader");
    return leaders.sort(([, a], [, b]) => b.term - a.term)[0]?.[0] ?? 0;
  }

  /** A slow disk has done its work. */
  finishPersist(id: number): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.get(id).advance({ kind: "persisted" });
    this.#queue.push(...waiting);
    this.settle();
  }

  #work(id: number, core: RaftCore): void {
    for (let ready = core.ready(); ready; ready = core.ready()) {
      this.#queue.push(...ready.send);
      this.#report(id, ready);
      const isSlow = ready.persist !== undefined && this.slow.has(id);
      carryOut(core, isSlow ? { ...ready, persist: undefined } : ready);
      if (isSlow) this.#waiting.set(id, ready.sendAfterPersist);
      else this.#queue.push(...ready.sendAfterPersist);
      if (ready.probe !== undefined) core.reportProbe(ready.probe, this.probes.get(ready.probe) ?? "unknown");
    }
  }

  #report(id: number, ready: Ready): void {
    const list = (some: readonly Entry[]): string => some.map(({ index, term }) => `${index}@${term}`).join(" ");
    const { persist, install, committed, reads, probe } = ready;
    const { role, term, leader } = this.get(id).status;
    const state = `${id} ${role} t${term}${role === "follower" && leader ? ` of ${leader}` : ""}`;
    const parts = [
      persist &&
        `writes term ${persist.hardState.term} vote ${persist.hardState.vote} commit ${persist.hardState.commit}`,
      persist && persist.entries.length > 0 && `and ${list(persist.entries)}`,
      install && `installs ${install.position?.index}@${install.position?.term}`,
      committed.length > 0 && `applies ${list(committed)}`,
      reads.length > 0 && `may read at ${reads.map(({ index }) => index).join(" ")}`,
      probe !== undefined && `probes ${probe}`,
    ].filter((part) => typeof part === "string");
    if (parts.length > 0) this.#tell(`${state}: ${parts.join(" ")}`);
    for (const { data, kind } of committed) {
      if (kind === EntryKind.NORMAL && data.length > 0) this.applied.get(id)?.push(Buffer.from(data).toString());
    }
    this.reads.push(...reads.map((read) => ({ ...read, at: id })));
  }

  #deliver(sent: Message): void {
    const copy = Message.decode(Message.encode(sent).finish());
    const core = this.cores.get(copy.to);
    const isLost = !core || this.#cut.has(`${copy.from}→${copy.to}`);
    this.#tell(`  ${told(copy)}${isLost ? " – lost" : ""}`);
    if (isLost) return;
    core.step(copy);
    if (copy.body?.$case === "snapshot") this.cores.get(copy.from)?.reportSnapshot(copy.to, true);
  }
}
