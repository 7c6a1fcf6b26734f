// Who of the swarm is which member of the consensus, and where it is reached: what the node rows say; until they say
// something, what this manager was started with.

import type { Node } from "../gen/skep/v1/objects.js";
import { anyManager, type Store } from "../store/index.js";

/** A member of the consensus. */
export interface KnownManager {
  readonly raftId: number;
  readonly nodeId: string;
  /** host:port of the manager's one port. */
  readonly addr: string;
}

export class Directory {
  readonly #store: Store;
  readonly #self: KnownManager;
  #peers: readonly KnownManager[];

  /** `peers` are known from the answer to Join: nothing is in the store before the leader's first message. */
  constructor(self: KnownManager, peers: readonly KnownManager[], store: Store) {
    this.#store = store;
    this.#self = self;
    this.#peers = peers;
  }

  peersAre(peers: readonly KnownManager[]): void {
    this.#peers = peers;
  }

  addressOf(raftId: number): string | undefined {
    return this.#rowOf(raftId)?.manager?.addr ?? this.#fallback(raftId)?.addr;
  }

  nodeIdOf(raftId: number): string | undefined {
    return this.#rowOf(raftId)?.id ?? this.#fallback(raftId)?.nodeId;
  }

  /** Everybody who is, or is to be, a member by the node rows, and this manager. */
  all(): readonly KnownManager[] {
    const known: KnownManager[] = [];
    for (const { id, manager } of this.#store.table("node").by("manager", anyManager)) {
      if (manager) known.push({ raftId: manager.raftId, nodeId: id, addr: manager.addr });
    }
    const self = this.#fallback(this.#self.raftId);
    const isListed = known.some(({ nodeId }) => nodeId === this.#self.nodeId);
    return isListed || self === undefined ? known : [...known, self];
  }

  #rowOf(raftId: number): Node | undefined {
    for (const node of this.#store.table("node").by("raft", String(raftId))) return node;
    return undefined;
  }

  /** Who was removed is nobody any more, whatever was known of it. */
  #fallback(raftId: number): KnownManager | undefined {
    const known = [this.#self, ...this.#peers].find((each) => each.raftId === raftId);
    if (known === undefined || this.#store.cluster?.removedRaftIds.includes(raftId)) return undefined;
    return known;
  }
}
