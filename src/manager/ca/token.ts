// Join tokens in Docker's format: SWMTKN-1-<digest of the root certificate>-<secret>, both base 36 (swarm-semantics §8.1).

import { SwarmError } from "../../base/index.js";

const digestLength = 50;
const secretLength = 25;

/** Random bytes in a token's secret. */
export const tokenSecretBytes = 16;

export interface ParsedToken {
  /** SHA-256 of the root certificate's PEM bytes, base 36, 50 digits. */
  readonly digest: string;
  readonly secret: string;
}

/** The token for a root with this digest and this secret (`tokenSecretBytes` random bytes). */
export function joinToken(digest: string, secret: Uint8Array): string {
  return `SWMTKN-1-${digest}-${base36(secret, secretLength)}`;
}

/** Reads a token. Anything else than exactly this form gets Docker's answer; the token itself is not repeated. */
export function parseJoinToken(token: string): ParsedToken {
  const match = /^SWMTKN-1-([0-9a-z]{50})-([0-9a-z]{25})$/.exec(token);
  const [, digest, secret] = match ?? [];
  if (digest === undefined || secret === undefined) throw new SwarmError("InvalidArgument", "invalid join token");
  return { digest, secret };
}

/** The digest of a root as tokens carry it, from the SHA-256 of its PEM bytes. */
export function tokenDigest(sha256: Uint8Array): string {
  return base36(sha256, digestLength);
}

/** Big-endian bytes as a base-36 number, padded with zeros on the left. */
function base36(bytes: Uint8Array, length: number): string {
  let number = 0n;
  for (const byte of bytes) number = number * 256n + BigInt(byte);
  return number.toString(36).padStart(length, "0");
}
