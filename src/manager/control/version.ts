// The compare-and-swap of updates (C2).

import { rpcError } from "../../base/index.js";
import type { Meta } from "../../gen/skep/v1/objects.js";

/** A row whose spec was last written at `specVersion`; our bookkeeping moves `meta.version` on. */
export interface Versioned {
  readonly meta: Meta | undefined;
  readonly specVersion: number;
}

/** Accepts any version at which the spec was what it is now. */
export function refuseStale(row: Versioned, asked: number): void {
  const latest = row.meta?.version ?? 0;
  if (asked < Math.max(1, row.specVersion) || asked > latest) throw outOfSequence();
}

/** Tests and clients match this text (docker-api.md trap 6). */
export function outOfSequence(): Error {
  return rpcError("Unknown", "update out of sequence");
}
