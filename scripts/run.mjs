// Runs a TypeScript entry of this repository on plain Node: bundled in memory-speed by esbuild, packages left outside.
//   node scripts/run.mjs bench/swarm.ts [argument…]
// In this very process, so that a signal reaches the program whoever sends it.
import { mkdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { build, stop } from "esbuild";

const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) {
  console.error("usage: node scripts/run.mjs FILE.ts [ARGUMENT…]");
  process.exit(2);
}
const outfile = resolve("dist/run", `${basename(entry, ".ts")}.mjs`);
mkdirSync("dist/run", { recursive: true });
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  sourcemap: true,
  logLevel: "warning",
});
await stop();

process.argv = [process.execPath, outfile, ...args];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(outfile).href);
