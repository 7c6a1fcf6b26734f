// Runs vitest projects and leaves their counts as .cache/tests/LABEL.json for scripts/ci-sum.mjs.
//   node scripts/tests.mjs LABEL PROJECT… [-- vitest's own arguments]
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";

const [label, ...rest] = process.argv.slice(2);
const split = rest.includes("--") ? rest.indexOf("--") : rest.length;
const projects = rest.slice(0, split);
const extra = rest.slice(split + 1);
if (label === undefined || projects.length === 0) {
  console.error("usage: node scripts/tests.mjs LABEL PROJECT… [-- ARGUMENT…]");
  process.exit(2);
}

const results = `.cache/tests/${label}.json`;
rmSync(results, { force: true });
// Started with this very node, so that `npx -p node@24 node scripts/tests.mjs …` tests on that one.
const run = spawnSync(
  process.execPath,
  [
    "node_modules/vitest/vitest.mjs",
    "run",
    ...projects.flatMap((project) => ["--project", project]),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${results}`,
    "--passWithNoTests",
    ...extra,
  ],
  { stdio: "inherit" },
);
process.exitCode = run.status ?? 1;
