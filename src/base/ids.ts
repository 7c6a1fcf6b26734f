import type { Random } from "./random.js";

/**
 * A new object id in Docker's format (swarm-semantics §1.1): 17 random bytes with the top bit set, as a base-36 number,
 * its first digit dropped, 25 digits kept.
 */
export function newId(random: Random): string {
  const bytes = random.bytes(17);
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  let digits = "0x";
  for (const byte of bytes) digits += hexOf[byte];
  return BigInt(digits).toString(36).slice(1, 26);
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
