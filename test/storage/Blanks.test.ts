import { assert, describe, it } from "@effect/vitest"
import { Blanks } from "../../src/storage/Blanks.ts"

const blank = (path: string) => ({ path, found: 1, size: 2 })
const pathsIn = (blanks: Blanks, ...directories: ReadonlyArray<string>) =>
  blanks
    .within(new Set(directories))
    .map(({ path }) => path)
    .sort()

describe("files that zeros were added to", () => {
  it("are found below directories, by their names of now", () => {
    const blanks = new Blanks()
    for (const path of ["/a/b/c", "/a/b/d", "/a/bb/c", "/e/c"]) blanks.add(blank(path))
    assert.deepStrictEqual(pathsIn(blanks, "/a", "/a/b"), ["/a/b/c", "/a/b/d", "/a/bb/c"])
    blanks.rename("/a/b", "/e")
    assert.deepStrictEqual(pathsIn(blanks, "/a"), ["/a/bb/c"])
    assert.deepStrictEqual(pathsIn(blanks, "/e"), ["/e/c", "/e/d"])
    blanks.rename("/e/c", "/a/c")
    blanks.remove("/e/d")
    blanks.remove("/e/d")
    assert.deepStrictEqual(pathsIn(blanks, "/a", "/e", "/nowhere"), ["/a/bb/c", "/a/c"])
    for (const path of ["/a/bb/c", "/a/c"]) blanks.remove(path)
    assert.deepStrictEqual(pathsIn(blanks, "/"), [])
    assert.isTrue(blanks.isEmpty)
  })

  it("are not gone through for those in one directory, however many there are", () => {
    const blanks = new Blanks()
    for (let number = 0; number < 1000; number++) blanks.add(blank(`/traces/host/s${number}/ust/uid/0/ch_0`))
    let lookCount = 0
    const directories = new Set(["/traces/host/s7"])
    directories.has = (path) => {
      lookCount++
      return path === "/traces/host/s7"
    }
    assert.deepStrictEqual(
      blanks.within(directories).map(({ path }) => path),
      ["/traces/host/s7/ust/uid/0/ch_0"]
    )
    assert.isAtMost(lookCount, 10)
  })
})
