// Prints `N passed, N failed` for the last test run with CI=true; a suite that did not load counts as a failure.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const results = join(import.meta.dirname, "..", "node_modules", ".cache", "nightbell", "test-results.json");
const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(results, "utf8"));
const unloaded = testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && assertionResults.every((one) => one.status !== "failed"),
);
console.log(`${numPassedTests} passed, ${numFailedTests + unloaded.length} failed`);
