/**
 * What each packet looks in is laid out by the runtime as an object with places, not as a table of names: an accessor
 * of an object's own makes it one, and each look in it a search.
 */
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { Files } from "../../src/storage/Files.ts"

setFlagsFromString("--allow-natives-syntax")
const hasPlaces = new Function("value", "return %HasFastProperties(value)") as (value: object) => boolean

it("a table of names is told apart", () => {
  assert.isFalse(
    hasPlaces({
      get own() {
        return 1
      }
    })
  )
  assert.isTrue(hasPlaces({ own: 1 }))
})

it.live("a file that is written has places", () =>
  Effect.gen(function* () {
    const files = yield* Files
    const path = join(tmpdir(), `shape-${process.pid}`)
    const file = yield* files.open(path, "new")
    assert.isTrue(hasPlaces(file))
    yield* file.close
    yield* files.unlink(path)
  }).pipe(Effect.provide(DiskFiles.layer))
)
