/** What the system does not let us read is a finding; a fault of ours is none. */
import { assert, it } from "@effect/vitest"
import * as Check from "../../src/recovery/Check.ts"
import type { Finding } from "../../src/recovery/Finding.ts"
import { attempting } from "../../src/recovery/RecordedTrace.ts"
import * as Trees from "./trees.ts"

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

it("of a data file that may not be read one thing is said, and nothing is changed", () => {
  const files = Trees.recorded("live1")
  const tree = Trees.tree(files)
  const data: typeof tree.data = (path, byteCount) => {
    if (!path.endsWith("/c_0")) return tree.data(path, byteCount)
    const load = () => {
      throw Object.assign(new Error("EACCES: permission denied, open"), { code: "EACCES" })
    }
    return { from: (offset) => ({ byteCount: byteCount - offset, offset, load }), release: () => {} }
  }
  const { findings } = Check.check({ ...tree, data })
  assert.deepStrictEqual(
    findings.map(({ changes, code, detail, path, severity }) => [
      severity,
      code,
      path.split("/").at(-1),
      detail,
      changes
    ]),
    [["damage", "unreadable", "c_0", "Permission denied", []]]
  )
})
