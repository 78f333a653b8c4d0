/**
 * Traces with the right answers, beside the repository (`../shared/traces`). Where they are not, suites are skipped
 * with the reason; with `LTTNG_PEERS=required` that is a failure.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const directory = fileURLToPath(new URL("../../../shared/traces", import.meta.url))

const unxz = (path: string): string => execFileSync("xz", ["-dc", path], { encoding: "utf8", maxBuffer: 2 ** 30 })

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
  unxz(join(directory, `${collection}.jsonl.xz`))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))

/** What the text of a whole trace is. */
export const textOf = (name: string): string => {
  const plain = join(directory, `${name}.txt`)
  return existsSync(plain) ? readFileSync(plain, "utf8") : unxz(`${plain}.xz`)
}

/** `body` gets a function that answers where a trace or a collection is unpacked. It may be called in tests only. */
export const describeWithCorpus = (
  name: string,
  archives: ReadonlyArray<string>,
  body: (root: () => string) => void
): void => {
  const missing = archives.filter((archive) => !existsSync(join(directory, `${archive}.tar.xz`)))
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
        execFileSync("tar", ["-xJf", join(directory, `${archive}.tar.xz`), "-C", root])
      }
    })
    afterAll(() => rmSync(root, { recursive: true, force: true }))
    body(() => root)
  })
}
