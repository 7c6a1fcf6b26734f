import { SwarmError } from "../../base/index.js";

const numbers: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  CONT: 18,
  STOP: 19,
  WINCH: 28,
};

/** `SIGTERM`, `TERM`, `15` → 15; InvalidArgument in Docker's words when there is none. */
export function signalNumber(name: string): number {
  const number = /^\d{1,2}$/.test(name) ? Number(name) : numbers[name.toUpperCase().replace(/^SIG/, "")];
  if (number === undefined || number < 1 || number > 64) {
    throw new SwarmError("InvalidArgument", `Invalid signal: ${name}`);
  }
  return number;
}
