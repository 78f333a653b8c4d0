/** Files that were shadows of a relay that goes through what an earlier one did. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { noDevice } from "../../src/storage/DeviceFigures.ts"
import type { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { anyInode } from "../../src/storage/ShadowFiles.ts"
import { withStore } from "./stores.ts"

it.live("what is written to a file that was a shadow counts for the device that it is really on", () => {
  const { service } = new MemoryFiles({ isImmediate: false })
  let isShadow = true
  const open: Files["Service"]["open"] = (path, mode) =>
    Effect.map(service.open(path, mode), (file) => {
      if (isShadow) return { ...file, device: noDevice, inode: anyInode }
      return { ...file, device: path.startsWith("/out/far") ? 2 : 1 }
    })
  return withStore({ files: { ...service, open } }, ({ store }) =>
    Effect.gen(function* () {
      const [far, near] = [store.directory("far/s"), store.directory("near/s")]
      const files = [yield* far.create("ust", "f", false), yield* near.create("ust", "f", false)]
      isShadow = false
      const text = [Buffer.from("text")]
      for (const file of files) yield* Effect.andThen(file.suspend, file.write(text, 0))
      // That one was still asked of the shadow.
      for (const file of files) yield* file.write(text, 4)
      const written = [2, 1].map((device) => store.pool.figures.of(device).writtenBytes.careful)
      assert.deepStrictEqual(written, [4, 4])
      for (const file of files) yield* file.close
    })
  )
})
