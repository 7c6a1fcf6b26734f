#!/usr/bin/env -S node --
// Starts the built CLI. On Node 22 and newer its compiled code is kept, which makes the next start faster.
// The `--` keeps Node 20 from taking our `--env-file` for its own.
import * as module from "node:module";

module.enableCompileCache?.();
const { main } = await import("../dist/cli.js").catch((error) => {
  if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error("skep is not built here yet: run 'npm run build' in the checkout");
  process.exit(1);
});
await main(process.argv.slice(2));
