// When a certificate is renewed: swarm-semantics §8.2.

import { type BackoffOptions, backoffMs, type Random } from "../../base/index.js";

const minuteMs = 60_000;
const retry: BackoffOptions = { firstMs: 5_000, maxMs: 3_600_000 };

/** A point between half and four fifths of the certificate's life, on a whole minute before it. Wall time. */
export function renewalAtMs(validity: { notBeforeMs: number; notAfterMs: number }, chance: number): number {
  const life = validity.notAfterMs - validity.notBeforeMs;
  const at = validity.notBeforeMs + life * (0.5 + 0.3 * chance);
  return Math.floor(at / minuteMs) * minuteMs;
}

/** The wait after `failures` tries that failed in a row. */
export function renewalRetryMs(failures: number, random: Random): number {
  return backoffMs(retry, failures, random);
}
