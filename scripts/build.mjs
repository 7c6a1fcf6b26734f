// Builds dist/: cli.js (one file, nothing beside it) and daemon.js. Usage: npm run build
import { readFileSync, rmSync } from "node:fs";
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
  legalComments: "eof",
  logLevel: "warning",
  sourcemap: false,
  define: { SKEP_VERSION: JSON.stringify(manifest.version) },
};

rmSync(`${root}dist`, { recursive: true, force: true });

await build({ ...shared, entryPoints: ["src/cli/index.ts"], outfile: "dist/cli.js", minifySyntax: true });

// One file for the daemon, too: Node spends most of a start finding, reading and scanning the many small files of its
// packages. Only the native one stays outside. What is CommonJS inside asks for `require`, which ES modules do not have.
await build({
  ...shared,
  entryPoints: ["src/daemon/index.ts"],
  outfile: "dist/daemon.js",
  external: ["classic-level"],
  banner: {
    js: 'import { createRequire as skepCreateRequire } from "node:module"; const require = skepCreateRequire(import.meta.url);',
  },
  sourcemap: true,
  minifySyntax: true,
});
