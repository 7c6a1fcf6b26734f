// How the demo tells its story: what was done, what was seen, how long it took.

import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { Host } from "./host.js";

/** Whatever a step waits for is there within this. */
const boundMs = 30_000;
const everyMs = 50;

export class Narrator {
  readonly signal: AbortSignal;
  readonly #from = performance.now();
  #steps = 0;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  say(text: string): void {
    console.log(`\n${text}`);
  }

  /** A step of the story: `run` does it and answers with what was seen; an error is what was not. */
  async step(title: string, run: () => Promise<Seen>): Promise<void> {
    this.signal.throwIfAborted();
    this.#steps += 1;
    this.say(`${this.#steps}. ${title}`);
    const from = performance.now();
    const { seen, tookMs = performance.now() - from } = await run();
    this.signal.throwIfAborted();
    console.log(`    ✓ ${seen} (${seconds(tookMs)})`);
  }

  did(text: string): void {
    console.log(`    ${text}`);
  }

  ran(host: Host, command: readonly string[]): void {
    console.log(`    ${host.name}$ skep ${command.map(quoted).join(" ")}`);
  }

  /** Runs a command on a host as a person would, and shows both the command and its output. */
  async show(host: Host, ...command: string[]): Promise<string> {
    this.ran(host, command);
    const output = await host.skep(...command);
    for (const line of output.trimEnd().split("\n")) if (line !== "") console.log(`    ${line.trimEnd()}`);
    return output;
  }

  /** Looks until it holds; answers how long that took, in ms. */
  async until(what: string, holds: () => Promise<boolean>): Promise<number> {
    const from = performance.now();
    while (!(await holds())) {
      this.signal.throwIfAborted();
      if (performance.now() - from > boundMs) throw new Error(`after ${seconds(boundMs)} still not: ${what}`);
      await pause(everyMs);
    }
    return performance.now() - from;
  }

  sum(): void {
    this.say(`All ${this.#steps} steps were seen, in ${seconds(performance.now() - this.#from)}.`);
  }
}

export interface Seen {
  readonly seen: string;
  /** How long that took; the whole step when absent. */
  readonly tookMs?: number;
}

export function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word}'`;
}
