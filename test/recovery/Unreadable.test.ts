/** What the system does not let us read is a finding; a fault of ours is none. */
import { assert, it } from "@effect/vitest"
import type { Finding } from "../../src/recovery/Finding.ts"
import { attempting } from "../../src/recovery/RecordedTrace.ts"

it("what cannot be read is a finding, what is wrong with the program is thrown", () => {
  const found: Array<Finding> = []
  const attempt = attempting(found)
  assert.strictEqual(
    attempt("read", () => 7),
    7
  )
  const refused = Object.assign(new Error("EIO: i/o error"), { code: "EIO" })
  const refuse = () => {
    throw refused
  }
  assert.isUndefined(attempt("file", refuse))
  assert.deepStrictEqual(
    found.map(({ code, detail, path }) => [code, path, detail]),
    [["unreadable", "file", "Input/output error"]]
  )
  const fault = new TypeError("a fault")
  assert.throws(() => {
    attempt("file", () => {
      throw fault
    })
  }, fault)
  assert.strictEqual(found.length, 1)
})
