// The command as a process: argv in, exit code out.
import { realWorld } from "./host/world.js";
import { runCli } from "./run.js";

export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCli(argv, realWorld());
}
