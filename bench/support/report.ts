// What was measured, as a table of medians with the ratio of the second side to the first, and the bar it must meet.

import { median } from "./cluster.js";

/** Measure → values of all rounds, per side. */
export type Measured = Map<string, Map<string, number[]>>;

/** Measure → what the ratio must be. */
export type Bars = Readonly<Record<string, { readonly atMost?: number; readonly atLeast?: number }>>;

/**
 * Most (or, for rates, least) that Skep may need of the figure of Docker. "As fast" (1) means at most 1.05 times: no closer
 * do medians of interleaved rounds come on this kind of machine.
 */
const swarmBars: Bars = {
  "create 1": { atMost: 0.65 },
  "create 10": { atMost: 0.85 },
  "create 50": { atMost: 1.05 },
  "create 100": { atMost: 1.05 },
  "remove 1": { atMost: 0.5 },
  "remove 50": { atMost: 0.9 },
  "worker loss": { atMost: 0.25 },
  "lists/s": { atLeast: 1 },
};

export function note(measured: Measured, measure: string, side: string, value: number): void {
  const sides = measured.get(measure) ?? new Map<string, number[]>();
  sides.set(side, [...(sides.get(side) ?? []), value]);
  measured.set(measure, sides);
}

/** One line per measure; times in seconds, rates as they are. */
export function table(measured: Measured, sides: readonly string[], bars: Bars = swarmBars): string {
  const rows = [...measured].map(([measure, values]) => {
    const medians = sides.map((side) => median(values.get(side) ?? []));
    const [theirs = Number.NaN, ours = Number.NaN] = medians;
    return [
      measure,
      ...medians.map((value) => show(measure, value)),
      ...(sides.length < 2 ? [] : verdict(bars[measure], ours / theirs)),
    ];
  });
  const head = ["median of rounds", ...sides, ...(sides.length < 2 ? [] : ["ratio", "bar"])];
  return align([head, ...rows]);
}

/** Names of the measures whose bar is not met; empty when one side alone was measured. */
export function missed(
  measured: Measured,
  [theirs = "", ours = ""]: readonly string[],
  bars: Bars = swarmBars,
): string[] {
  return [...measured].flatMap(([measure, values]) => {
    const ratio = median(values.get(ours) ?? []) / median(values.get(theirs) ?? []);
    return isMet(bars[measure], ratio) === false ? [measure] : [];
  });
}

function verdict(bar: Bars[string] | undefined, ratio: number): string[] {
  const wanted = bar === undefined ? "" : bar.atMost === undefined ? `≥ ${bar.atLeast}` : `≤ ${bar.atMost}`;
  const isGood = isMet(bar, ratio);
  return [`${ratio.toFixed(2)}×`, isGood === undefined ? wanted : `${wanted} ${isGood ? "met" : "MISSED"}`];
}

/** Undefined where there is no bar or nothing to compare. */
function isMet(bar: Bars[string] | undefined, ratio: number): boolean | undefined {
  if (bar === undefined || Number.isNaN(ratio)) return undefined;
  return ratio <= (bar.atMost ?? Number.POSITIVE_INFINITY) && ratio >= (bar.atLeast ?? 0);
}

function show(measure: string, value: number): string {
  if (Number.isNaN(value)) return "–";
  return measure.endsWith("/s") ? value.toFixed(0) : `${(value / 1000).toFixed(2)} s`;
}

export function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
