/**
 * How much does a relay keep of a session by an edge that rotates for months, and does it go on with it when it is
 * stopped and started? node test/endurance/rotation.ts [ROTATIONS] [RESTART EVERY]
 */
import { isDeepStrictEqual } from "node:util"
import { Effect, Logger } from "effect"
import { rotations } from "./rotations.ts"

const [rotationCount = 100_000, restartEvery = 1000] = process.argv.slice(2).map(Number)

const run = Effect.gen(function* () {
  const begunAt = Date.now()
  const { expected, historyBytesMax, restartCount, tree } = yield* rotations({ rotationCount, restartEvery })
  const isEqual = isDeepStrictEqual(tree, expected)
  const seconds = Math.round((Date.now() - begunAt) / 1000)
  const said = { rotationCount, restartCount, historyBytesMax, fileCount: tree.length, isEqual, seconds }
  process.stdout.write(`${JSON.stringify(said)}\n`)
  process.exitCode = isEqual ? 0 : 1
})

await Effect.runPromise(Effect.provide(Effect.scoped(run), Logger.layer([])))
