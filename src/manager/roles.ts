// Keeps node roles and the consensus' members equal to what is asked for: looks, takes one step (role-step.ts), looks again.

import { type Clock, type Log, sleep, type Timer, Wake } from "../base/index.js";
import { type ConfChange, ConfChangeKind } from "../gen/skep/raft/v1/raft.js";
import type { Cluster, Node } from "../gen/skep/v1/objects.js";
import { NodeRole } from "../gen/skep/v1/specs.js";
import {
  anyManager,
  follow,
  type RowChange,
  type Store,
  type TableName,
  type Transaction,
  type Writer,
} from "../store/index.js";
import { asStoreError, type Consensus } from "./consensus.js";
import type { KnownManager } from "./directory.js";
import type { Heard } from "./heard.js";
import { nextRoleStep, type Peer, type RoleStep, type RolesWorld } from "./role-step.js";

/** Between two looks at members that have to catch up, answer, or go. */
const pollMs = 50;
/** Whoever said nothing for this long is not counted on when a member is to be removed: a few heartbeats. */
const silentMs = 350;
/** A learner may vote when this few entries are missing: flow control and a busy leader leave no fewer. */
const catchUpEntries = 1_000;
/** A leader nobody took over from asks again after this long. */
const handOverRetryMs = 1_000;
/** What keeps a member waiting this long is logged, once a reason. */
const waitMs = 10_000;
/** Raft ids written off that are remembered: a log this old fits no cluster any more. */
export const removedRaftIdsMax = 1_000;

export interface RolesModules {
  readonly self: KnownManager;
  readonly store: Store;
  readonly writer: Writer;
  readonly consensus: Consensus;
  readonly heard: Heard;
  readonly clock: Clock;
  readonly log: Log;
}

export class Roles {
  readonly #modules: RolesModules;
  readonly #bell = new Wake();
  #poll: Timer | undefined;
  #waiting: { readonly text: string; readonly sinceMs: number; isTold: boolean } | undefined;

  constructor(_options: Readonly<Record<string, never>>, modules: RolesModules) {
    this.#modules = modules;
  }

  /** Runs for as long as this manager leads. Rejects with the signal's reason, with NotLeader, or with what broke. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#modules;
    const follower = {
      tables: ["node"] satisfies TableName[],
      bell: this.#bell,
      rebuild: () => [],
      note: (changes: readonly RowChange[]) => this.#note(changes),
      work: () => this.#work(signal),
    };
    try {
      await follow(store, clock, follower, signal);
    } finally {
      this.#poll?.cancel();
    }
  }

  #note(changes: readonly RowChange[]): void {
    const isOfManagers = (row: unknown): boolean => row !== undefined && mayManage(row as Node);
    if (changes.some(({ row, previous }) => isOfManagers(row) || isOfManagers(previous))) this.#bell.ring();
  }

  async #work(signal: AbortSignal): Promise<void> {
    this.#poll?.cancel();
    for (;;) {
      signal.throwIfAborted();
      const step = nextRoleStep(this.#look());
      if (step.kind === "rest") {
        this.#waiting = undefined;
        return;
      }
      if (step.kind === "wait") return this.#wait(step);
      await this.#take(step, signal);
    }
  }

  #look(): RolesWorld {
    const { store, consensus, self } = this.#modules;
    const { voters, learners } = consensus.membership;
    const peers = new Map(consensus.peers.map((peer) => [peer.member, peer]));
    const { lastIndex } = consensus.status;
    const peer = (raftId: number): Peer => {
      const match = peers.get(raftId)?.match ?? 0;
      const isReachable = this.#modules.heard.isWithin(raftId, silentMs);
      return { isReachable, match, isCaughtUp: match > 0 && match + catchUpEntries >= lastIndex };
    };
    return {
      self,
      nodes: [...store.table("node").by("manager", anyManager)],
      removedRaftIds: store.cluster?.removedRaftIds ?? [],
      voters,
      learners,
      peer,
      level: store.cluster?.level ?? 0,
    };
  }

  async #take(step: Exclude<RoleStep, { kind: "wait" | "rest" }>, signal: AbortSignal): Promise<void> {
    const { writer, log } = this.#modules;
    switch (step.kind) {
      case "announce":
        return writer.update((tx) => this.#announce(tx));
      case "grant":
        return writer.update((tx) => grant(tx, step.nodeId));
      case "withdraw":
        return writer.update((tx) => withdraw(tx, step.nodeId));
      case "write off":
        return writer.update((tx) => writeOff(tx, [step.raftId]));
      case "raise level":
        return writer.update((tx) => {
          if (tx.cluster) tx.put("cluster", { ...tx.cluster, level: step.level });
        });
      case "change":
        return this.#change(step.change, signal);
      case "hand over":
        log.info("handing over: this manager is to be none any more", { to: step.to });
        return this.#handOver(step.to, signal);
      default:
        return step satisfies never;
    }
  }

  async #change(change: ConfChange, signal: AbortSignal): Promise<void> {
    const { consensus, writer, log, clock, heard } = this.#modules;
    const refusal = await consensus.proposeConfChange(change, writer.term).catch(asStoreError);
    if (refusal !== undefined) return sleep(clock, pollMs, signal);
    if (change.kind === ConfChangeKind.REMOVE) heard.forget(change.member);
    log.info("members changed", { raftId: change.member, change: changeNames[change.kind] });
  }

  async #handOver(to: number, signal: AbortSignal): Promise<void> {
    const { consensus, clock } = this.#modules;
    if (!(await consensus.handOver(to))) await sleep(clock, handOverRetryMs, signal);
    // Else leadership is over, and the signal says so.
  }

  #announce(tx: Transaction): void {
    const { nodeId, raftId, addr } = this.#modules.self;
    const node = tx.table("node").get(nodeId);
    if (node?.spec?.desiredRole !== NodeRole.MANAGER) return;
    tx.put("node", { ...node, manager: { raftId, addr } });
  }

  /** Looks again after a while; says so once if that takes long. */
  #wait({ raftId, reason }: Extract<RoleStep, { kind: "wait" }>): void {
    const { clock, log } = this.#modules;
    const nowMs = clock.monotonic();
    const text = `${raftId} ${reason}`;
    if (this.#waiting?.text !== text) this.#waiting = { text, sinceMs: nowMs, isTold: false };
    if (!this.#waiting.isTold && nowMs - this.#waiting.sinceMs >= waitMs) {
      this.#waiting.isTold = true;
      log.warn("a manager's place in the consensus waits", { raftId, reason });
    }
    this.#poll = clock.after(pollMs, () => this.#bell.ring());
  }
}

const changeNames = {
  [ConfChangeKind.ADD_LEARNER]: "added, catching up",
  [ConfChangeKind.ADD_VOTER]: "votes",
  [ConfChangeKind.REMOVE]: "removed",
} as const;

function mayManage({ spec, role, manager }: Node): boolean {
  return spec?.desiredRole === NodeRole.MANAGER || role === NodeRole.MANAGER || manager !== undefined;
}

/** worker → manager, if that is still asked for. */
function grant(tx: Transaction, nodeId: string): void {
  const node = tx.table("node").get(nodeId);
  if (node?.spec?.desiredRole === NodeRole.MANAGER) tx.put("node", { ...node, role: NodeRole.MANAGER });
}

/** manager → worker. Only leaders change the members, one step at a time: what was no member before the call is none now. */
function withdraw(tx: Transaction, nodeId: string): void {
  const node = tx.table("node").get(nodeId);
  if (node === undefined) return;
  if (node.manager) writeOff(tx, [node.manager.raftId]);
  tx.put("node", { ...node, manager: undefined, role: NodeRole.WORKER });
}

/** M1. */
export function writeOff(tx: Transaction, raftIds: readonly number[]): void {
  const { cluster } = tx;
  if (cluster) tx.put("cluster", withWrittenOff(cluster, raftIds));
}

function withWrittenOff(cluster: Cluster, raftIds: readonly number[]): Cluster {
  const others = cluster.removedRaftIds.filter((raftId) => !raftIds.includes(raftId));
  return { ...cluster, removedRaftIds: [...others, ...raftIds].slice(-removedRaftIdsMax) };
}
