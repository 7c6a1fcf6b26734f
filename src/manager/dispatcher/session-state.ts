// What agents are told of the cluster: made once per change, so that equal objects mean that nothing is to be said.

import { millis, type WallTime, wallTime } from "../../base/index.js";
import type { ManagerPeer, SessionState } from "../../gen/skep/v1/dispatcher.js";
import type { Cluster } from "../../gen/skep/v1/objects.js";
import { deepEqual } from "../../model/index.js";
import type { View } from "../../store/index.js";

/** Unless a user set another (architecture, "Node loss"). */
const defaultPeriodMs = 1_000;

/** Between two heartbeats. */
export function heartbeatPeriodMs(cluster: Cluster | undefined): number {
  const askedMs = millis(cluster?.spec?.dispatcher?.heartbeatPeriod);
  return askedMs > 0 ? askedMs : defaultPeriodMs;
}

type Shared = Omit<SessionState, "node">;

export class SessionStates {
  readonly #view: View;
  readonly #managers: () => readonly ManagerPeer[];
  #shared: Shared;

  constructor(view: View, managers: () => readonly ManagerPeer[]) {
    this.#view = view;
    this.#managers = managers;
    this.#shared = sharedState(view.cluster, managers());
  }

  /** Looks again; true when something changed for everybody. */
  refresh(): boolean {
    const shared = sharedState(this.#view.cluster, this.#managers());
    if (deepEqual(shared, this.#shared)) return false;
    this.#shared = shared;
    return true;
  }

  /** The state as one node is told it; the same object until something in it changes. */
  of(nodeId: string): () => SessionState {
    let of: { readonly shared: Shared; readonly state: SessionState } | undefined;
    return () => {
      const node = this.#view.table("node").get(nodeId);
      if (of === undefined || of.shared !== this.#shared || of.state.node !== node) {
        of = { shared: this.#shared, state: { ...this.#shared, node } };
      }
      return of.state;
    };
  }
}

function sharedState(cluster: Cluster | undefined, managers: readonly ManagerPeer[]): Shared {
  const heartbeatPeriod: WallTime = wallTime(heartbeatPeriodMs(cluster));
  return {
    managers,
    rootCa: cluster?.rootCa?.certificate ?? "",
    // The only request for new certificates there is so far: `swarm ca --rotate` counts this up.
    certificateGeneration: cluster?.spec?.ca?.forceRotate ?? 0,
    heartbeatPeriod,
  };
}
