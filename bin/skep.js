#!/usr/bin/env -S node --
// Starts the built CLI. The `--` above keeps Node 20 from taking our `--env-file` for its own.
// The bundle comes with V8's compiled code of it, made by the build: where this Node is the one that built it, that saves
// a sixth of the start; another Node ignores it and compiles.
const { existsSync, readFileSync } = require("node:fs");
const path = require("node:path");
const { Script } = require("node:vm");

const dist = path.join(__dirname, "..", "dist");
const bundle = path.join(dist, "cli.cjs");

function loadCli() {
  if (!existsSync(bundle)) {
    console.error("skep is not built here yet: run 'npm run build' in the checkout");
    process.exit(1);
  }
  const code = path.join(dist, "cli.code");
  const cachedData = existsSync(code) ? readFileSync(code) : undefined;
  const cli = { exports: {} };
  new Script(readFileSync(bundle, "utf8"), { filename: bundle, cachedData }).runInThisContext()(cli, require);
  return cli.exports;
}

async function loadDaemon() {
  const daemon = path.join(dist, "daemon.js");
  if (existsSync(daemon)) return import(daemon);
  console.error("this build of skep has no daemon; run 'npm run build' in the checkout");
  process.exit(1);
}

loadCli().main(process.argv.slice(2), loadDaemon);
