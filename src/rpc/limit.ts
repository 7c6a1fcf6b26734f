// How often strangers may call: a bucket of calls per address that refills with time.

/** Calls an address may make at once, and how many come back each second (architecture.md, "Join is open to the world"). */
const callsPerSecond = 10;
/** Addresses remembered; beyond it the one longest unseen is forgotten. */
const addressesMax = 10_000;

interface Bucket {
  calls: number;
  atMs: number;
}

export class CallLimit {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes one call from the address's bucket; false when it is empty. `nowMs` is monotonic. */
  take(address: string, nowMs: number): boolean {
    const bucket = this.#refilled(address, nowMs);
    if (bucket.calls < 1) return false;
    bucket.calls -= 1;
    return true;
  }

  /** The bucket as it is now, moved to the end of the map, so that its start holds the longest unseen. */
  #refilled(address: string, nowMs: number): Bucket {
    const known = this.#buckets.get(address) ?? { calls: callsPerSecond, atMs: nowMs };
    const back = ((nowMs - known.atMs) / 1000) * callsPerSecond;
    const bucket = { calls: Math.min(callsPerSecond, known.calls + back), atMs: nowMs };
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    const oldest = this.#buckets.size > addressesMax ? this.#buckets.keys().next().value : undefined;
    if (oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
