/**
 * How much does a relay keep of a session by an edge that rotates for months, and does it go on with it when it is
 * stopped and started? node test/endurance/rotation.ts [ROTATIONS] [RESTART EVERY] [DIRECTORY]
 *
 * With a directory, a new one on a disk, it is the relay as it is shipped, and every second time it is killed.
 */
import { isDeepStrictEqual } from "node:util"
import { Effect, Logger } from "effect"
import { setup } from "../support/bundle.ts"
import { rotations } from "./rotations.ts"

const [rotationText = "100000", restartText = "1000", directory] = process.argv.slice(2)
const [rotationCount, restartEvery] = [Number(rotationText), Number(restartText)]

const run = Effect.gen(function* () {
  const begunAt = Date.now()
  const { tree, ...rest } = yield* rotations({ rotationCount, restartEvery, directory })
  const { complaints, expected, historyBytesMax, restartCount } = rest
  const isEqual = isDeepStrictEqual(tree, expected)
  const seconds = Math.round((Date.now() - begunAt) / 1000)
  const said = { rotationCount, restartCount, historyBytesMax, fileCount: tree.length, isEqual, complaints, seconds }
  process.stdout.write(`${JSON.stringify(said)}\n`)
  process.exitCode = isEqual ? 0 : 1
})

await setup()
await Effect.runPromise(Effect.provide(Effect.scoped(run), Logger.layer([])))
