// Builds dist/: cli.js (one file, nothing beside it) and, when the daemon is there, daemon.js. Usage: npm run build
import { existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  legalComments: "none",
  logLevel: "warning",
  sourcemap: false,
  define: { SKEP_VERSION: JSON.stringify(manifest.version) },
};

rmSync(`${root}dist`, { recursive: true, force: true });

await build({ ...shared, entryPoints: ["src/cli/index.ts"], outfile: "dist/cli.js", minifySyntax: true });

// npm packages stay outside the daemon: one of them (classic-level) has native parts, and none gains from being inlined.
if (existsSync(`${root}src/daemon/index.ts`)) {
  await build({
    ...shared,
    entryPoints: ["src/daemon/index.ts"],
    outfile: "dist/daemon.js",
    packages: "external",
    sourcemap: true,
  });
} else {
  console.log("src/daemon/index.ts is not there yet: dist/daemon.js left out");
}
