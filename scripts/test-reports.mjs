// Reads the JSON reports of test runs, as vitest writes them.
//
//   node scripts/test-reports.mjs failed-files REPORT     the files with a failed test, a line each
//   node scripts/test-reports.mjs summary DIRECTORY N     what all reports there come to; N steps failed
//
// A report NAME.again.json is of a second run of those files of NAME.json that had failed, and counts in their place.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const [command, ...args] = process.argv.slice(2);
if (command === "failed-files") console.log(failedFiles(read(args[0])).join("\n"));
else if (command === "summary") summary(args[0], Number(args[1]));
else throw new Error(`unknown command: ${command}`);

function read(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function failedFiles({ testResults }) {
  return testResults.filter(({ status }) => status === "failed").map(({ name }) => relative(process.cwd(), name));
}

function failedTests({ testResults }) {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName }) => `${relative(process.cwd(), name)}: ${fullName}`),
  );
}

function summary(directory, failedSteps) {
  let passed = 0;
  let failed = 0;
  for (const file of readdirSync(directory).filter((name) => !name.endsWith(".again.json"))) {
    const first = read(join(directory, file));
    const secondPath = join(directory, file.replace(/\.json$/, ".again.json"));
    const last = existsSync(secondPath) ? read(secondPath) : first;
    const stillFailed = new Set(failedTests(last));
    for (const test of failedTests(first)) {
      const outcome = stillFailed.has(test) ? "FAILED" : "UNSTABLE, passed when run again";
      console.log(`${outcome}: ${file.replace(/\.json$/, "")}: ${test}`);
    }
    passed += first.numPassedTests + first.numFailedTests - last.numFailedTests;
    failed += last.numFailedTests;
  }
  // A file that cannot be loaded, or a linter that complains, fails no test and yet is a failure.
  console.log(`${passed} passed, ${failed === 0 && failedSteps > 0 ? failedSteps : failed} failed`);
}
