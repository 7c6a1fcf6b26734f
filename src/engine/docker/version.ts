// Which API version to speak: the newest both know, never below the oldest we understand.

import { SwarmError } from "../../base/index.js";
import { apiVersionMax, apiVersionMin } from "../bounds.js";

/** min(ours, the engine's); FailedPrecondition when the engine is older than we can work with. */
export function negotiated(engines: string): string {
  if (!/^\d+\.\d+$/.test(engines) || compareVersions(engines, apiVersionMin) < 0) {
    throw new SwarmError(
      "FailedPrecondition",
      `the Docker Engine speaks API version ${engines || "(none)"}; Skep needs ${apiVersionMin} (Engine 20.10) or newer`,
    );
  }
  return compareVersions(engines, apiVersionMax) < 0 ? engines : apiVersionMax;
}

/** Negative, 0, positive, as `a` is older, the same, newer. Parts are numbers: 1.9 is older than 1.41. */
export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
