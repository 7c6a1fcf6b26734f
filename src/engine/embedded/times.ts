/** Milliseconds since 1970 → RFC 3339 as Docker writes it: trailing zeros of the fraction dropped. */
export function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.?0*Z$/, "Z");
}

/** The same with the nine digits of a log's timestamps. */
export function rfc3339Nano(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000000Z");
}
