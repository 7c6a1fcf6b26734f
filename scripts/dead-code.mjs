// Finds unused files, exports and dependencies with knip, and proves that it looked: the planted file is used by nobody, so
// it must be the only thing reported.
import { spawnSync } from "node:child_process";
import process from "node:process";

const PLANTED = "test/architecture/planted/floating.ts";

const run = spawnSync("node_modules/.bin/knip", ["--no-progress", "--reporter", "json", "--no-config-hints"], {
  encoding: "utf8",
  maxBuffer: 64 << 20,
});
const findings = parse(run.stdout).flatMap(({ file, ...kinds }) =>
  Object.entries(kinds).flatMap(([kind, found]) => found.map(({ name, line }) => ({ file, kind, name, line }))),
);
const isPlanted = ({ file, kind }) => kind === "files" && file === PLANTED;

const real = findings.filter((finding) => !isPlanted(finding));
for (const { file, kind, name, line } of real)
  console.error(`${file}${line ? `:${line}` : ""}: unused ${kind}: ${name}`);
if (!findings.some(isPlanted)) fail(`knip did not find the planted unused file ${PLANTED}`);
if (real.length > 0) fail(`${real.length} unused`);
console.log("dead code: none; the planted unused file was found");

function parse(text) {
  try {
    return JSON.parse(text).issues;
  } catch {
    fail(`knip answered no JSON: ${text.slice(0, 500)} ${run.stderr}`);
  }
}

function fail(message) {
  console.error(`dead code: ${message}`);
  process.exit(1);
}
