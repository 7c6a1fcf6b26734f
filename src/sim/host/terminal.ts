// Where a simulation is told how long to run, and says what it found.

import process from "node:process";

export const terminal = {
  args: (): readonly string[] => process.argv.slice(2),
  say: (text: string): void => void process.stdout.write(`${text}\n`),
  fail(): void {
    process.exitCode = 1;
  },
  nowMs: (): number => Date.now(),
};
