// How this manager sees the others when nobody may lead: who answers, and since when there is no leader.

import type { Clock, Gauge, Metrics, Timer } from "../base/index.js";
import type { RaftStatus } from "../raft/index.js";
import type { Store } from "../store/index.js";
import type { Directory } from "./directory.js";
import type { Heard } from "./heard.js";

export interface Quorum {
  readonly hasLeader: boolean;
  /** 0 while there is a leader. */
  readonly noLeaderForMs: number;
  readonly managers: readonly QuorumManager[];
}

export interface QuorumManager {
  readonly nodeId: string;
  readonly hostname: string;
  readonly addr: string;
  readonly reachable: boolean;
  /** Wall time, milliseconds. */
  readonly unreachableSince?: number;
}

export interface QuorumModules {
  readonly raftId: number;
  readonly store: Store;
  readonly directory: Directory;
  readonly heard: Heard;
  readonly clock: Clock;
  readonly metrics: Metrics;
  status(): RaftStatus;
}

/** Without a leader members speak up once an election timeout (1–2 s), so a silence says less than under one. */
const answersMs = 4_000;
/** How exactly it is known since when there is no leader. */
const lookMs = 500;

export class QuorumWatch {
  readonly #modules: QuorumModules;
  readonly #leads: Gauge;
  readonly #managersCount: Gauge;
  #leaderSeenMs: number;
  #timer: Timer | undefined;

  constructor(modules: QuorumModules) {
    this.#modules = modules;
    this.#leaderSeenMs = modules.clock.monotonic();
    const { metrics } = modules;
    this.#leads = metrics.gauge("skep_manager_leads", "1 while this manager leads the swarm.");
    this.#managersCount = metrics.gauge("skep_managers", "Managers as this one sees them.", ["state"]);
  }

  /** Looks, now and again and again. */
  start(): void {
    const { managers } = this.now();
    const reachable = managers.filter((manager) => manager.reachable).length;
    this.#managersCount.set(reachable, { state: "reachable" });
    this.#managersCount.set(managers.length - reachable, { state: "unreachable" });
    this.#leads.set(this.#modules.status().role === "leader" ? 1 : 0);
    this.#timer = this.#modules.clock.after(lookMs, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  now(): Quorum {
    const { clock } = this.#modules;
    const hasLeader = this.#look();
    const noLeaderForMs = hasLeader ? 0 : clock.monotonic() - this.#leaderSeenMs;
    return { hasLeader, noLeaderForMs, managers: this.#managers(hasLeader) };
  }

  #look(): boolean {
    const hasLeader = this.#modules.status().leader !== undefined;
    if (hasLeader) this.#leaderSeenMs = this.#modules.clock.monotonic();
    return hasLeader;
  }

  /** Under a leader a follower hears of no other: whoever is not known to be gone counts as there. */
  #managers(hasLeader: boolean): readonly QuorumManager[] {
    const { directory, heard, store, raftId: self } = this.#modules;
    const isLeader = this.#modules.status().role === "leader";
    return directory.all().map(({ raftId, nodeId, addr }) => {
      const hostname = store.table("node").get(nodeId)?.description?.hostname ?? "";
      const isSilent = !heard.isWithin(raftId, answersMs) && !heard.isYoung(answersMs);
      const isGone = heard.isBroken(raftId) || isSilent;
      const isOut = raftId !== self && isGone && (isLeader || !hasLeader);
      const known = { nodeId, hostname, addr, reachable: !isOut };
      return isOut ? { ...known, unreachableSince: heard.lastWallMs(raftId) } : known;
    });
  }
}
