/** Milliseconds since 1970 → RFC 3339 as Docker writes it: trailing zeros of the fraction dropped. */
export function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.?0*Z$/, "Z");
}

/** The same with the nine digits of a log's timestamps. */
export function rfc3339Nano(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000000Z");
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Docker's rough words for a duration: `7 seconds`, `About a minute`, `3 weeks`. */
export function upFor(ms: number): string {
  if (ms < second) return "Less than a second";
  if (ms < 2 * second) return "1 second";
  if (ms < minute) return `${Math.floor(ms / second)} seconds`;
  if (ms < 2 * minute) return "About a minute";
  if (ms < hour) return `${Math.floor(ms / minute)} minutes`;
  if (Math.round(ms / hour) === 1) return "About an hour";
  if (ms < 2 * day) return `${Math.round(ms / hour)} hours`;
  if (ms < 14 * day) return `${Math.floor(ms / day)} days`;
  if (ms < 60 * day) return `${Math.floor(ms / (7 * day))} weeks`;
  if (ms < 730 * day) return `${Math.floor(ms / (30 * day))} months`;
  return `${Math.floor(ms / (365 * day))} years`;
}
