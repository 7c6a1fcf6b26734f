#!/usr/bin/env -S node --max-semi-space-size=32 --
// Starts the built CLI, and the daemon when that is asked for. The `--` above keeps Node 20 from taking our `--env-file`
// for its own; why new objects get more room: docs/decisions/young-objects.md. On Node 22 and newer compiled code is kept,
// which makes the next start faster.
import * as module from "node:module";
import { setFlagsFromString } from "node:v8";

module.enableCompileCache?.();
const { main } = await import("../dist/cli.js").catch(explain);
await main(process.argv.slice(2), importDaemon);

// All of the daemon is compiled at once (0.12 s, 40 MB) and stays so. Else a manager would compile what only a leader does in
// the moment it becomes one, while everybody waits for it: that was half of what a failover took.
async function importDaemon() {
  setFlagsFromString("--no-flush-bytecode");
  setFlagsFromString("--no-lazy");
  try {
    return await import("../dist/daemon.js").catch(explain);
  } finally {
    setFlagsFromString("--lazy");
  }
}

function explain(error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error("skep is not built here yet: run 'npm run build' in the checkout");
  process.exit(1);
}
