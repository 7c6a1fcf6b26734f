import { randomBytes } from "node:crypto";
import type { Random } from "../random.js";

/** The system's cryptographic source. */
export const systemRandom: Random = {
  bytes: (count) => new Uint8Array(randomBytes(count)),
  next: () => Math.random(),
};
