/** The catalogue of errors is what docs/errors.md says and what the sources report: no more, no less. */
import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import { entries } from "../../src/errors/Catalogue.ts"
import { report } from "../../src/errors/Report.ts"
import { codeOf } from "../../src/relay/CloseReason.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const read = (path: string) => readFileSync(`${root}/${path}`, "utf8")

const sources = globSync("src/**/*.ts", { cwd: root, exclude: ["src/errors/**"] }).map((path) => ({
  path,
  text: read(path)
}))

describe("the catalogue of errors", () => {
  it("is the table of docs/errors.md", () => {
    const listed = [...read("docs/errors.md").matchAll(/^\| `(\w+)` *\| (\w+) *\| (.*?) *\| (.*?) *\|$/gm)]
    const expected = [...entries].map(([code, { level, text, remedy }]) => [code, level, text, remedy])
    assert.deepStrictEqual(
      listed.map(([, ...cells]) => cells),
      expected
    )
  })

  it("has no code that nothing reports", () => {
    const unused = [...entries.keys()].filter((code) => !sources.some(({ text }) => text.includes(`"${code}"`)))
    assert.deepStrictEqual(unused, [])
  })

  it("has the code of every warning and error of the relay", () => {
    const folders = /^src\/(relay|connection|transport|storage)\//
    const uncoded = sources
      // Its lines name the reason first; the code is beside it.
      .filter(({ path }) => folders.test(path) && path !== "src/connection/ConnectionEnd.ts")
      .filter(({ text }) => /Effect\.log(Warning|Error|Fatal)\b/.test(text))
    assert.deepStrictEqual(
      uncoded.map(({ path }) => path),
      []
    )
    assert.strictEqual(codeOf("peer closed"), "PEER_CLOSED")
  })

  it("gives lines their level, text and code", async () => {
    const lines: Array<unknown> = []
    const capture = Logger.make<unknown, void>(({ logLevel, message, fiber }) => {
      lines.push([logLevel, message, fiber.getRef(References.CurrentLogAnnotations)])
    })
    await Effect.runPromise(Effect.provide(report("CHUNK_DIRECTORY", "mkdir /out: ENOSPC"), Logger.layer([capture])))
    assert.deepStrictEqual(lines, [["Error", ["trace chunk refused: mkdir /out: ENOSPC"], { code: "CHUNK_DIRECTORY" }]])
  })
})
