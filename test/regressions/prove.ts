/**
 * Proves that the suite notices: each patch beside this file brings back a fault that was fixed, in a copy of the
 * sources, and the test that it names must go red. node test/regressions/prove.ts [NAME…]
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { patches } from "./patches.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const copied = ["src", "test", "docs", "package.json", "rolldown.config.ts", "tsconfig.json", "vitest.config.ts"]

interface Report {
  readonly numFailedTests: number
  readonly numPassedTests: number
}

/** Of the tests that a patch names: without it, and with it. */
const run = (directory: string, test: string, title: string): Report => {
  const report = join(directory, "report.json")
  const vitest = join(directory, "node_modules/vitest/vitest.mjs")
  const args = [vitest, "run", test, "-t", title, "--reporter=json", `--outputFile=${report}`]
  spawnSync(process.execPath, args, { cwd: directory, stdio: "ignore", timeout: 300_000 })
  try {
    return JSON.parse(readFileSync(report, "utf8"))
  } catch {
    // The process did not live to the end.
    return { numFailedTests: 1, numPassedTests: 0 }
  } finally {
    rmSync(report, { force: true })
  }
}

const git = (directory: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr } = spawnSync("git", ["apply", ...args], { cwd: directory, encoding: "utf8" })
  if (status !== 0) throw new Error(stderr)
}

const directory = mkdtempSync(join(tmpdir(), "lttng-relay-regressions-"))
try {
  for (const name of copied) cpSync(join(root, name), join(directory, name), { recursive: true })
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"))
  const wanted = process.argv.slice(2)
  for (const { name, path, test, title } of patches) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const before = run(directory, test, title)
    git(directory, path)
    const after = run(directory, test, title)
    git(directory, "--reverse", path)
    const isNoticed = before.numFailedTests === 0 && before.numPassedTests > 0 && after.numFailedTests > 0
    if (!isNoticed) process.exitCode = 1
    const counts = `${before.numPassedTests} passed before, ${after.numFailedTests} failed with it`
    process.stdout.write(`${isNoticed ? "noticed    " : "NOT NOTICED"} ${name}: ${counts} (${test})\n`)
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
