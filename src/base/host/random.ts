import { randomBytes, randomFillSync } from "node:crypto";
import type { Random } from "../random.js";

/** Drawn ahead: a call of the system's source for each id was a twentieth of what a busy manager did. */
const pool = new Uint8Array(4_096);
let used = pool.length;

/** The system's cryptographic source. */
export const systemRandom: Random = {
  bytes: (count) => {
    if (count > pool.length) return new Uint8Array(randomBytes(count));
    if (used + count > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    // What was given out, a key maybe, is not kept here.
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  },
  next: () => Math.random(),
};
