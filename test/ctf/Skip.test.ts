/** Skips that classes share do what each class alone would: those of one size are no others' for all that. */
import { assert, it } from "@effect/vitest"
import { Cursor } from "../../src/ctf/decode/Cursor.ts"
import { skip } from "../../src/ctf/decode/Skip.ts"
import { root, Slots } from "../../src/ctf/decode/Slots.ts"
import type { Encoding, FieldClass } from "../../src/ctf/model/FieldClass.ts"

const integer = (size: number, alignment: number): FieldClass => ({
  ...{ kind: "integer", size, alignment, byteOrder: "little-endian", isReversed: false },
  ...{ isSigned: false, base: 10, mappings: undefined, roles: [] }
})
const empty: FieldClass = { kind: "structure", members: [], alignment: 1 }
const array = (element: FieldClass, length: number): FieldClass => ({
  ...{ kind: "static-array", element, length, alignment: element.alignment }
})
const text = (encoding: Encoding): FieldClass => ({ kind: "string", encoding, alignment: 8 })

/** Bytes 1 to 7, then zeros. */
const bytes = Uint8Array.from({ length: 64 }, (_, at) => (at < 8 ? at : 0))

/** Where the cursor is after the field, from bit 8 on, and how many elements without any bits it counts. */
const skipped = (fieldClass: FieldClass): readonly [number, number] => {
  const cursor = new Cursor()
  cursor.bytes = bytes
  cursor.view = new DataView(bytes.buffer)
  cursor.content = cursor.end = bytes.length * 8
  cursor.at = 8
  skip(fieldClass, root("event-record-payload"), new Slots())(cursor)
  return [cursor.at, cursor.emptyCount]
}

it("skips of one size, alignment and encoding are shared, and no others", () => {
  const classes: ReadonlyArray<readonly [FieldClass, number, number]> = [
    [integer(16, 8), 24, 0],
    [integer(24, 8), 32, 0],
    [integer(16, 32), 48, 0],
    [integer(24, 32), 56, 0],
    [array(integer(8, 8), 2), 24, 0],
    [array(integer(8, 8), 3), 32, 0],
    [array(empty, 3), 8, 3],
    [array(empty, 7), 8, 7],
    [text("utf-8"), 72, 0],
    [text("utf-16le"), 88, 0]
  ]
  for (const [fieldClass, at, emptyCount] of [...classes, ...classes.toReversed()]) {
    assert.deepStrictEqual(skipped(fieldClass), [at, emptyCount], JSON.stringify(fieldClass))
  }
})
