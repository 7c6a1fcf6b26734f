// The gate, the same for people and CI: every step runs, each says how long it took and what it looked at, and the exit
// code is 0 only when all are good. A step that cannot show that it looked at something has failed.
import { spawnSync } from "node:child_process";
import process from "node:process";

const bin = (name) => `node_modules/.bin/${name}`;

/** `proof` finds in the output how many things were looked at; a step without one proves it by itself (see its script). */
const steps = [
  { name: "lock file", command: ["node", "scripts/complete-lock.mjs", "--check"] },
  { name: "format", command: [bin("biome"), "check", "."], proof: /Checked (\d+) files/ },
  { name: "lint", command: ["node", "scripts/lint.mjs"] },
  { name: "types", command: [bin("tsc"), "-p", ".", "--extendedDiagnostics"], proof: /^Files:\s+(\d+)/m },
  { name: "dead code", command: ["node", "scripts/dead-code.mjs"] },
  { name: "generated", command: ["scripts/generate.sh", "--check"] },
  { name: "build", command: ["node", "scripts/build.mjs"] },
  {
    name: "tests",
    command: ["node", "scripts/tests.mjs", "check", "unit", "scenarios", "parity", "architecture", "sim"],
    live: true,
  },
];

const started = Date.now();
const failed = steps.filter((step) => !passes(step)).map(({ name }) => name);
console.log(`\ncheck: ${failed.length === 0 ? "all good" : `FAILED: ${failed.join(", ")}`} (${seconds(started)})`);
// Not process.exit: a pipe that a child made non-blocking may still hold the last lines.
process.exitCode = failed.length === 0 ? 0 : 1;

function passes({ name, command, proof, live = false }) {
  const from = Date.now();
  if (live) console.log(`--   ${name}`);
  const run = spawnSync(command[0], command.slice(1), {
    encoding: "utf8",
    maxBuffer: 64 << 20,
    stdio: ["ignore", live ? "inherit" : "pipe", live ? "inherit" : "pipe"],
  });
  const output = `${run.stdout ?? ""}${run.stderr ?? ""}`;
  const looked = proof === undefined ? undefined : Number(proof.exec(output)?.[1] ?? 0);
  const isGood = run.status === 0 && looked !== 0;
  if (!isGood && !live) console.log(output.trimEnd() || String(run.error ?? `exit ${run.status}`));
  if (looked === 0) console.log(`${name}: nothing shows that it looked at any file`);
  console.log(`${isGood ? "ok  " : "FAIL"} ${name}${looked ? `, ${looked} files` : ""} (${seconds(from)})`);
  return isGood;
}

function seconds(fromMs) {
  return `${((Date.now() - fromMs) / 1000).toFixed(1)} s`;
}
