// What a fault is: something that begins, and says how it ends.

import type { SeededRandom } from "../../random.js";
import type { SimCluster } from "../cluster.js";
import type { SimHost } from "../host.js";

export type End = () => void;

/** Begins a fault; undefined where it makes no sense now. */
export type Fault = (
  cluster: SimCluster,
  random: SeededRandom,
) => { readonly what: string; readonly end?: End } | undefined;

export type Faults = Readonly<Record<string, readonly [weight: number, fault: Fault]>>;

export function onHost(
  cluster: SimCluster,
  random: SeededRandom,
  fault: (host: SimHost) => ReturnType<Fault>,
): ReturnType<Fault> {
  const host = random.pick(cluster.members);
  return host && fault(host);
}

/** A host without power has nothing to mend; it comes back whole. */
export function ifPowered(host: SimHost, end: () => void): End {
  return () => {
    if (host.isPowered) end();
  };
}
