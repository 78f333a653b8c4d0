// Prints "PASSED FAILED" from vitest's report. A run that left no report, and a file that could not even be loaded,
// count as failures.
import { existsSync, readFileSync } from "node:fs"

const path = process.argv[2]
if (!existsSync(path)) {
  console.log("0 1")
} else {
  const report = JSON.parse(readFileSync(path, "utf8"))
  const unloadable = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed")
  ).length
  const failed = report.numFailedTests + unloadable
  // Errors outside any test fail the run without failing a test.
  console.log(`${report.numPassedTests} ${failed === 0 && !report.success ? 1 : failed}`)
}
