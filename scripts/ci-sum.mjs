// Sums the counts that scripts/tests.mjs left and prints, as the last line alone, `N passed, N failed, N skipped`.
//   node scripts/ci-sum.mjs [--failed N] FILE…      N more failures that no test stands for (a step that went red)
// A file that is missing or broken counts as one failure: a run that died must never look green.
import { readFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

/** The counts of one vitest JSON report; a test file that could not be loaded is one failure. */
export function countsOf(report) {
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function sum(counts) {
  return counts.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

function read(path) {
  try {
    const counts = countsOf(JSON.parse(readFileSync(path, "utf8")));
    console.log(`${path}: ${line(counts)}`);
    return counts;
  } catch (error) {
    console.log(`${path}: no result (${error.message})`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function main(args) {
  const stepsFailed = args[0] === "--failed" ? Number(args[1]) : 0;
  const paths = args[0] === "--failed" ? args.slice(2) : args;
  const total = sum([{ passed: 0, failed: stepsFailed, skipped: 0 }, ...paths.map(read)]);
  console.log(line(total));
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main(process.argv.slice(2));
