// Builds dist/: cli.cjs (one file, with V8's code of it in cli.code) and, when the daemon is there, daemon.js.
// Usage: npm run build
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  legalComments: "none",
  logLevel: "warning",
  define: { SKEP_VERSION: JSON.stringify(manifest.version) },
};

rmSync(`${root}dist`, { recursive: true, force: true });
await buildCli();
await buildDaemon();

/** A function of (module, require), which bin/skep.js calls: so it can be started from compiled code. */
async function buildCli() {
  await build({
    ...shared,
    entryPoints: ["src/cli/index.ts"],
    outfile: "dist/cli.cjs",
    format: "cjs",
    minify: true,
    supported: { "dynamic-import": false },
    banner: { js: "(function (module, require) {" },
    footer: { js: "})" },
  });
  const script = new Script(readFileSync(`${root}dist/cli.cjs`, "utf8"), { filename: `${root}dist/cli.cjs` });
  await warmUp(script);
  writeFileSync(`${root}dist/cli.code`, script.createCachedData());
}

/** Functions that ran are in the compiled code: a list on a terminal that shows nothing, at a daemon that has nothing. */
async function warmUp(script) {
  const cli = { exports: {} };
  script.runInThisContext()(cli, createRequire(import.meta.url));
  const nowhere = { isTerminal: false, columns: 80, write: () => undefined };
  const world = {
    env: { SKEP_ALLOW_ENGINE: "1" },
    stdout: nowhere,
    stderr: nowhere,
    now: () => 0,
    transport: async (_, { path }) => ({
      status: 200,
      headers: { "api-version": "1.50" },
      body: path === "/_ping" ? [] : [Buffer.from("[]")],
    }),
  };
  await cli.exports.runCli(["service", "ls"], world);
}

// npm packages stay outside the daemon: one of them (classic-level) has native parts, and none gains from being inlined.
async function buildDaemon() {
  if (!existsSync(`${root}src/daemon/index.ts`)) {
    console.log("src/daemon/index.ts is not there yet: dist/daemon.js left out");
    return;
  }
  await build({
    ...shared,
    entryPoints: ["src/daemon/index.ts"],
    outfile: "dist/daemon.js",
    format: "esm",
    packages: "external",
    sourcemap: true,
  });
}
