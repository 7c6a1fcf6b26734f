// Runs a TypeScript entry of this repository on plain Node: bundled in memory-speed by esbuild, packages left outside.
//   node scripts/run.mjs bench/swarm.ts [argument…]
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";
import { build } from "esbuild";

const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) {
  console.error("usage: node scripts/run.mjs FILE.ts [ARGUMENT…]");
  process.exit(2);
}
const outfile = `dist/run/${basename(entry, ".ts")}.mjs`;
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

const child = spawn(process.execPath, ["--enable-source-maps", outfile, ...args], { stdio: "inherit" });
// The terminal sends Ctrl-C to both; the child cleans up, so this one waits for it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => signal === "SIGTERM" && child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
