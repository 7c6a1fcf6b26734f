// The daemon lives in a bundle of its own, found beside this one at run time: the CLI's bundle has no gRPC in it.
import { existsSync } from "node:fs";
import { CliError } from "../errors.js";

interface DaemonModule {
  runDaemon(argv: readonly string[]): Promise<number>;
}

export async function runDaemon(argv: readonly string[]): Promise<number> {
  const bundle = new URL("./daemon.js", import.meta.url);
  if (!existsSync(bundle)) throw new CliError("this build of skep has no daemon; run 'npm run build' in the checkout");
  const daemon = (await import(bundle.href)) as DaemonModule;
  return daemon.runDaemon(argv);
}
