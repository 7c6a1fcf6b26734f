// Colour, for a person at a terminal only: a pipe, a file and whoever set NO_COLOR get plain text.
import type { World } from "./world.js";

export interface Paint {
  good(text: string): string;
  bad(text: string): string;
}

const plain: Paint = { good: (text) => text, bad: (text) => text };
const coloured: Paint = { good: (text) => `\x1b[32m${text}\x1b[0m`, bad: (text) => `\x1b[31m${text}\x1b[0m` };

export function paintFor({ stdout, env }: Pick<World, "stdout" | "env">): Paint {
  const refuses = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return stdout.isTerminal && !refuses ? coloured : plain;
}
