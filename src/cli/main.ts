// The command as a process: argv in, exit code out.
import { realWorld } from "./host/world.js";
import { runCli } from "./run.js";

/** What the daemon's bundle exports. */
export interface DaemonModule {
  runDaemon(argv: readonly string[]): Promise<number>;
}

/** `loadDaemon` imports the daemon's bundle; only `skep daemon` calls it, so that no other command loads gRPC. */
export async function main(argv: readonly string[], loadDaemon: () => Promise<DaemonModule>): Promise<void> {
  const world = realWorld(async (daemonArgv) => (await loadDaemon()).runDaemon(daemonArgv));
  process.exitCode = await runCli(argv, world);
}
