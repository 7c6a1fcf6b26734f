// Progress as text: bars that are drawn over on a terminal; elsewhere a line whenever something changed.

import { ellipsis } from "../words.js";
import type { Output } from "../world.js";
import { fractionOf, type Observation, type TaskLine } from "./observe.js";

const barWidth = 50;
/** A terminal narrower than this has no room for bars. */
const barColumnsMin = 100;
const reasonCharactersMax = 75;
/** A wait shorter than this explains itself. */
const patienceMs = 1000;

export class ProgressView {
  private readonly output: Output;
  private drawn = 0;
  private readonly told = new Map<string, string>();

  constructor(output: Output) {
    this.output = output;
  }

  show(seen: Observation, notes: readonly string[], nowMs: number): void {
    if (this.output.isTerminal)
      this.redraw([...seen.summary, ...seen.lines.map((line) => this.wide(line, nowMs)), ...notes]);
    else this.tell(seen, notes, nowMs);
  }

  /** One more line, which stays. */
  note(text: string): void {
    this.drawn = 0;
    this.output.write(`${text}\n`);
  }

  private redraw(lines: readonly string[]): void {
    const up = this.drawn === 0 ? "" : `\x1b[${this.drawn}A`;
    const fitted = lines.map((line) => `\x1b[2K${ellipsis(line, this.output.columns - 1)}\n`);
    this.output.write(`${up}${fitted.join("")}\x1b[J`);
    this.drawn = lines.length;
  }

  private wide(line: TaskLine, nowMs: number): string {
    const words = `${line.label}: ${line.state.padEnd(9)} ${line.reason === undefined ? placeOf(line) : reasonOf(line, nowMs)}`;
    if (line.reason !== undefined || this.output.columns < barColumnsMin) return words.trimEnd();
    return `${words.padEnd(40)} ${bar(fractionOf(line.state))}`;
  }

  /** Each kind of line is repeated only when it changed; the seconds of a wait alone are no change. */
  private tell(seen: Observation, notes: readonly string[], nowMs: number): void {
    seen.summary.forEach((text, index) => this.once(`summary ${index}`, text));
    for (const line of seen.lines) {
      const waits = line.reason !== undefined && nowMs - line.sinceMs >= patienceMs;
      const reason = waits ? ` (${ellipsis(line.reason ?? "", reasonCharactersMax)})` : "";
      this.once(
        line.label,
        `${line.label}: ${line.state}${line.node === undefined ? "" : ` on ${line.node}`}${reason}`,
      );
    }
    for (const text of notes)
      this.once(text.startsWith("verify: Waiting") ? "verify" : text, text, (a, b) => sameWait(a, b));
  }

  private once(key: string, text: string, isSame = (a: string, b: string): boolean => a === b): void {
    const before = this.told.get(key);
    if (before !== undefined && isSame(before, text)) return;
    if (key !== "verify") this.told.delete("verify");
    this.told.set(key, text);
    this.output.write(`${text}\n`);
  }
}

function sameWait(a: string, b: string): boolean {
  return a.replace(/\d+/, "") === b.replace(/\d+/, "");
}

function placeOf({ node }: TaskLine): string {
  return node === undefined ? "" : `on ${node}`;
}

function reasonOf({ reason = "", sinceMs }: TaskLine, nowMs: number): string {
  const waited = nowMs - sinceMs;
  const seconds = waited >= patienceMs && sinceMs > 0 ? `   (${Math.floor(waited / 1000)} s)` : "";
  return `${reason}${seconds}`;
}

function bar(fraction: number): string {
  const full = Math.round(fraction * barWidth);
  return `[${"=".repeat(full)}>${" ".repeat(barWidth - full)}]`;
}
