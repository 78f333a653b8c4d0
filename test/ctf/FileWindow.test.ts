/** Windows of files: memory of those that are over is that of the next ones, unless what they showed is kept. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, it } from "@effect/vitest"
import { Cursor } from "../../src/ctf/decode/Cursor.ts"
import { FileWindow } from "../../src/ctf/recorded/FileWindow.ts"

const root = mkdtempSync(join(tmpdir(), "window-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const windowBytes = 8

/** What is seen of files of so many bytes, each the file's number, which are read one after the other. */
const seen = (sizes: ReadonlyArray<number>, isKept: boolean): ReadonlyArray<Uint8Array> => {
  const options = { windowBytes, isKept, isHeld: false, spare: [] }
  return sizes.map((byteCount, number) => {
    const path = join(root, `${number}`)
    writeFileSync(path, new Uint8Array(byteCount).fill(number))
    const window = new FileWindow({ path, byteCount }, options)
    const cursor = new Cursor()
    window.from(0).load(cursor, 0, byteCount)
    assert.deepStrictEqual([...cursor.bytes], Array(byteCount).fill(number))
    window.release()
    return cursor.bytes
  })
}

const memories = (windows: ReadonlyArray<Uint8Array>): number => new Set(windows.map(({ buffer }) => buffer)).size

it("of files that are read one after the other use the same memory", () => {
  assert.strictEqual(memories(seen([8, 8, 5, 8], false)), 1)
})

it("that were larger than others leave no memory behind", () => {
  assert.strictEqual(memories(seen([8, 9, 9, 8], false)), 4)
})

it("that are kept stay as they were", () => {
  const windows = seen([8, 8, 5], true)
  assert.strictEqual(memories(windows), 3)
  assert.deepStrictEqual(
    windows.map(([byte]) => byte),
    [0, 1, 2]
  )
})

it("that have not moved are shown by what showed them before: of thousands of streams it would pile up", () => {
  const path = join(root, "same")
  writeFileSync(
    path,
    Uint8Array.from({ length: 24 }, (_, at) => at)
  )
  const window = new FileWindow({ path, byteCount: 24 }, { windowBytes, isKept: false, isHeld: false, spare: [] })
  const cursor = new Cursor()
  window.from(0).load(cursor, 0, 4)
  const { bytes, view } = cursor
  window.from(8).load(cursor, 0, 4)
  assert.strictEqual(cursor.bytes, bytes)
  assert.strictEqual(cursor.view, view)
  assert.strictEqual(view.getUint8(0), 8)
  window.from(8).load(cursor, 2, 4)
  assert.deepStrictEqual([...cursor.bytes], [10, 11, 12, 13, 14, 15])
  window.release()
})
