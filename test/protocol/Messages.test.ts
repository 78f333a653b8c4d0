/**
 * What holds for every message in every version: what is written is read back, the direct reader and the Schema codec
 * agree, no cut and no rubbish makes a decoder throw, surplus bytes change nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import { Exit, Result, Schema } from "effect"
import { SendMetadata } from "../../src/protocol/control/index.ts"
import * as RotateStreams from "../../src/protocol/control/RotateStreams.ts"
import { goldens } from "./goldens.ts"
import { messages } from "./layouts.ts"

const runs = { arbitrary: { runs: 60 } }
const isRotate = (layout: unknown) => layout === RotateStreams.request(13)
const isOpenEnded = (layout: unknown) => layout === SendMetadata.request(13)

for (const { name, layout } of messages) {
  describe(name, () => {
    const decodeExit = Schema.decodeExit(layout.codec)
    const encodeSync = Schema.encodeSync(layout.codec)

    it.prop(
      "is read as it was written, by reader and codec alike",
      [layout.schema],
      ([value]) => {
        const bytes = layout.encode(value)
        assert.strictEqual(bytes.length, layout.sizeOf(value))
        assert.deepStrictEqual(Result.getOrThrow(layout.decode(bytes)), value)
        assert.deepStrictEqual(encodeSync(value), bytes)
        assert.deepStrictEqual(Exit.isSuccess(decodeExit(bytes)) && Schema.decodeSync(layout.codec)(bytes), value)
      },
      runs
    )

    it.prop(
      "is refused when cut anywhere",
      [layout.schema],
      ([value]) => {
        if (isRotate(layout)) return // its own test: some cuts are whole messages of another peer
        const bytes = layout.encode(value)
        const due = isOpenEnded(layout) ? SendMetadata.headerSize : bytes.length
        // Long messages are mostly padding: try every cut of the first bytes, then some.
        const step = Math.max(1, Math.floor(due / 300))
        for (let length = 0; length < due; length += length < 100 ? 1 : step) {
          assert.isTrue(Result.isFailure(layout.decode(bytes.subarray(0, length))), `cut at ${length} of ${due}`)
        }
        if (due > 0) assert.isTrue(Result.isFailure(layout.decode(bytes.subarray(0, due - 1))))
      },
      { arbitrary: { runs: 10 } }
    )

    it.prop(
      "ignores what follows, and lies at any offset of its buffer",
      [layout.schema, Schema.Uint8Array],
      ([value, surplus]) => {
        if (isRotate(layout) || isOpenEnded(layout)) return // exact and open-ended: surplus has a meaning there
        const bytes = layout.encode(value)
        const longer = Buffer.concat([Buffer.alloc(3, 0xa5), bytes, surplus, Buffer.alloc(5, 0xa5)])
        assert.deepStrictEqual(Result.getOrThrow(layout.decode(longer.subarray(3))), value)
      },
      { arbitrary: { runs: 20 } }
    )

    it.prop(
      "never makes a decoder throw, and reader and codec judge rubbish alike",
      [Schema.Uint8Array],
      ([rubbish]) => {
        const result = layout.decode(rubbish)
        const exit = decodeExit(rubbish)
        if (Result.isFailure(result)) assert.isTrue(Exit.isFailure(exit))
        else {
          assert.deepStrictEqual(Exit.isSuccess(exit) && exit.value, result.success)
          assert.deepStrictEqual(Result.getOrThrow(layout.decode(layout.encode(result.success))), result.success)
        }
      },
      { arbitrary: { runs: 100 } }
    )
  })
}

describe("every cut of every real message", () => {
  for (const { name, layout, bytes } of goldens) {
    if (isRotate(layout) || isOpenEnded(layout)) continue
    it(`${name} is refused unless whole`, () => {
      for (let length = 0; length < bytes.length; length++) {
        assert.isTrue(Result.isFailure(layout.decode(bytes.subarray(0, length))), `cut at ${length}`)
      }
    })
  }
})

describe("one wrong byte in a real message", () => {
  for (const { name, layout, bytes } of goldens) {
    it(`${name} is read or refused, never thrown at`, () => {
      for (let at = 0; at < Math.min(bytes.length, 500); at++) {
        for (const wrong of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
          const changed = Uint8Array.from(bytes)
          changed[at] = wrong
          const result = layout.decode(changed)
          assert.isTrue(Result.isSuccess(result) || result.failure._tag === "Malformed")
        }
      }
    })
  }
})
