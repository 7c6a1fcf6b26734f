// Durations: nanoseconds on the outside, {seconds, nanos} within. Above 2^53 ns (104 days) a Number would lie, so bigint.

import type { Duration } from "../gen/google/protobuf/duration.js";

/** Go's int64 nanoseconds, the widest a duration of Docker's can be. */
export const nanosecondsMax = 2n ** 63n - 1n;

const nanosPerSecond = 1_000_000_000n;

/** Nanoseconds → the model; both parts carry the sign, as protobuf wants it. */
export function durationOf(nanoseconds: bigint): Duration {
  return { seconds: Number(nanoseconds / nanosPerSecond), nanos: Number(nanoseconds % nanosPerSecond) };
}

/** The model → exact nanoseconds; absent counts as 0. */
export function nanosecondsOf(duration: Duration | undefined): bigint {
  return duration === undefined ? 0n : BigInt(duration.seconds) * nanosPerSecond + BigInt(duration.nanos);
}

export function isNegative(duration: Duration | undefined): boolean {
  return duration !== undefined && (duration.seconds < 0 || duration.nanos < 0);
}

export function seconds(count: number): Duration {
  return { seconds: count, nanos: 0 };
}
