/** Chance as an injected service. */
export interface Random {
  /** `count` random bytes; from the system's cryptographic source in the real one. */
  bytes(count: number): Uint8Array;
  /** A number in [0, 1). */
  next(): number;
}
