/** Names beside those that are taken: where the number goes, and what of a path may be renamed. */
import { assert, describe, it } from "@effect/vitest"
import { splitStreamPath, withSuffix } from "../../src/model/Suffix.ts"

describe("a suffix", () => {
  const cases: ReadonlyArray<readonly [path: string, number: number, expected: string]> = [
    ["h/s-20261121-013014", 0, "h/s-20261121-013014"],
    ["h/s-20261121-013014", 1, "h/s-20261121-013014-1"],
    ["h/a//b/", 12, "h/a//b-12/"],
    ["h/a//", 1, "h/a-1//"],
    ["name", 3, "name-3"],
    [`h/${"n".repeat(255)}`, 10, `h/${"n".repeat(252)}-10`],
    [`h/${"é".repeat(127)}`, 1, `h/${"é".repeat(126)}-1`]
  ]
  for (const [path, number, expected] of cases) {
    it(`${number} of ${path.slice(0, 30)} stays within a name of its own`, () => {
      assert.strictEqual(withSuffix(path, number), expected)
    })
  }
})

describe("of a stream's path", () => {
  it("all may be renamed that lies in the session's own directory", () => {
    assert.deepStrictEqual(splitStreamPath("ust/uid/0/64-bit", true), ["ust/uid/0/64-bit", ""])
  })

  const old: ReadonlyArray<readonly [own: string, rest: string]> = [
    ["vm/s-20261121-013014", "//ust/uid/0/64-bit"],
    ["vm/my/base/path", "//kernel"],
    ["vm/plain", "/kernel"],
    ["vm/plain", ""],
    ["vm//plain", "/kernel"],
    ["vm//my/path", "//kernel//more"],
    ["./vm/./plain", "/./kernel"],
    [".//vm/.//plain", ""],
    ["..vm/.plain", "/kernel"],
    ["alone", ""]
  ]
  for (const [own, rest] of old) {
    it(`of an older peer, ${own}${rest}: the session's part`, () => {
      assert.deepStrictEqual(splitStreamPath(`${own}${rest}`, false), [own, rest])
    })
  }
})
