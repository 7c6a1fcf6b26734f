#!/usr/bin/env -S node --
// Starts the built CLI, and the daemon when that is asked for. The `--` above keeps Node 20 from taking our `--env-file`
// for its own; on Node 22 and newer compiled code is kept, which makes the next start faster.
import * as module from "node:module";

module.enableCompileCache?.();
const { main } = await import("../dist/cli.js").catch(explain);
await main(process.argv.slice(2), () => import("../dist/daemon.js").catch(explain));

function explain(error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error("skep is not built here yet: run 'npm run build' in the checkout");
  process.exit(1);
}
