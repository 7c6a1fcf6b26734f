// Lints, and proves that the type-aware rules looked: the compiler has no JavaScript API, so a linter that finds no types
// says nothing. The planted file holds one floating promise; the same rules must find exactly that.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const PLANTED = "test/architecture/planted";

const project = oxlint([]);
process.stdout.write(project.output);
if (project.status !== 0) process.exit(1);
if (project.files === 0) fail("the linter saw no file");

const planted = lintPlanted();
if (planted.status === 0 || !planted.output.includes("no-floating-promises")) {
  process.stdout.write(planted.output);
  fail(`the type-aware rules did not find what is planted in ${PLANTED}`);
}
console.log(`lint: ${project.files} files clean; the planted floating promise was found`);

/** Runs the project's own rules on the planted file, which they otherwise ignore. */
function lintPlanted() {
  const folder = mkdtempSync(join(tmpdir(), "skep-lint-"));
  try {
    const rules = JSON.parse(readFileSync(".oxlintrc.json", "utf8"));
    const config = join(folder, "oxlintrc.json");
    writeFileSync(config, JSON.stringify({ ...rules, ignorePatterns: [] }));
    return oxlint(["-c", config, PLANTED]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function oxlint(args) {
  const run = spawnSync("node_modules/.bin/oxlint", ["--type-aware", ...args], { encoding: "utf8" });
  const output = run.stdout + run.stderr;
  return { status: run.status, output, files: Number(/ on (\d+) files?/.exec(output)?.[1] ?? 0) };
}

function fail(message) {
  console.error(`lint: ${message}`);
  process.exit(1);
}
