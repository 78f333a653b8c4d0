/**
 * Traces with the right answers: those recorded for this project in `test/ctf/traces`, all of them beside the
 * repository (`../shared/traces`). Where they are not, suites are skipped with the reason; with
 * `LTTNG_PEERS=required` that is a failure.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const own = fileURLToPath(new URL("../ctf/traces", import.meta.url))
const beside = fileURLToPath(new URL("../../../shared/traces", import.meta.url))

/** Of an archive or an answer. */
const locate = (name: string): string => (existsSync(join(own, name)) ? join(own, name) : join(beside, name))

const unxzBytes = (path: string): Buffer => execFileSync("xz", ["-dc", path], { maxBuffer: 2 ** 30 })
const unxz = (path: string): string => unxzBytes(path).toString()

/** Undefined where there is no such answer. */
export const answer = (name: string): Buffer | undefined => {
  const plain = locate(name)
  if (existsSync(plain)) return readFileSync(plain)
  const packed = locate(`${name}.xz`)
  return existsSync(packed) ? unxzBytes(packed) : undefined
}

/** Whether whole traces can be read. */
export const expectations = (): ReadonlyMap<string, string> => {
  const lines = [join(own, "INDEX.tsv"), join(beside, "INDEX.tsv")].flatMap((path) =>
    existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").slice(1) : []
  )
  return new Map(lines.map((line) => line.split("\t")).map(([name = "", , expect = ""]) => [name, expect]))
}

/** One small trace of a collection. */
export interface Case {
  readonly case: string
  readonly ctf: "1.8" | "2"
  readonly expect: "events" | "failure" | "accept" | "refuse" | "free"
  readonly class?: string
  readonly events?: number
  readonly stdout?: string
  readonly stdout_base64?: string
  readonly warnings?: ReadonlyArray<string>
}

export const casesOf = (collection: string): ReadonlyArray<Case> =>
  unxz(locate(`${collection}.jsonl.xz`))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))

/** `body` gets a function that answers where a trace or a collection is unpacked. It may be called in tests only. */
export const describeWithCorpus = (
  name: string,
  archives: ReadonlyArray<string>,
  body: (root: () => string) => void
): void => {
  const missing = archives.filter((archive) => !existsSync(locate(`${archive}.tar.xz`)))
  const reason = `not here: ${missing.join(", ")} of the corpus`
  if (missing.length > 0 && process.env.LTTNG_PEERS === "required") {
    describe(name, () => {
      it("has its traces", () => assert.fail(reason))
    })
    return
  }
  if (missing.length > 0) {
    describe.skip(`${name} (${reason})`, () => {
      it("needs its traces", () => assert.fail(reason))
    })
    return
  }
  describe(name, () => {
    let root = ""
    beforeAll(() => {
      root = mkdtempSync(join(tmpdir(), "corpus-"))
      for (const archive of archives) {
        execFileSync("tar", ["-xJf", locate(`${archive}.tar.xz`), "-C", root])
      }
    })
    afterAll(() => rmSync(root, { recursive: true, force: true }))
    body(() => root)
  })
}
