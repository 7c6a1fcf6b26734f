import { SwarmError } from "../../base/index.js";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `200ms`, `3s`, `1.5m`, `1m30s`, `0` → milliseconds. */
export function parseDurationMs(text: string): number {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new SwarmError(
      "InvalidArgument",
      `invalid duration ${JSON.stringify(text)}: want a number and ms, s, m or h`,
    );
  }
  let sumMs = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g))
    sumMs += Number(number) * (unitMs[unit ?? ""] ?? 0);
  return sumMs;
}
