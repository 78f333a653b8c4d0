/** Directories with their parents, by threads and in the call. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Directory from "../../src/storage/Directory.ts"

const root = mkdtempSync(join(tmpdir(), "directory-"))
afterAll(() => rmSync(root, { recursive: true }))
writeFileSync(join(root, "file"), "")

const codeOf = async (made: () => Promise<void> | void): Promise<string | undefined> => {
  try {
    await made()
    return undefined
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code
  }
}

describe.each([
  ["by a thread", Directory.make],
  ["in the call", Directory.makeNow]
] as const)("%s", (name, make) => {
  it("makes what is missing, and leaves what is there", async () => {
    const path = join(root, name, "a", "b")
    assert.isUndefined(await codeOf(() => make(path)))
    assert.isTrue(existsSync(path))
    assert.isUndefined(await codeOf(() => make(path)))
    assert.isUndefined(await codeOf(() => make("/")))
  })

  it("says what the system says, also where it says that parents are missing that are there", async () => {
    assert.strictEqual(await codeOf(() => make("/proc/none/below")), "ENOENT")
    assert.strictEqual(await codeOf(() => make(join(root, "file"))), "EEXIST")
    assert.strictEqual(await codeOf(() => make(join(root, "file", "below"))), "ENOTDIR")
  })
})
