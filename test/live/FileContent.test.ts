/** Ranges of files on their way to viewers: what is in memory at a time, and what becomes of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as FileContent from "../../src/relay/stream/FileContent.ts"
import type { TraceFile } from "../../src/storage/TraceFile.ts"

const kibibyte = 1024
const largeCountMax = 32
const size = 600 * kibibyte
const content = Buffer.from(Array.from({ length: size }, (_, at) => (at * 7) % 251))
const head = Buffer.from("head")
const range = { from: 0, byteCount: size }

const readFrom: TraceFile["read"] = (into, position) =>
  Effect.sync(() => content.copy(into, 0, position, position + into.length))
const fileOf = (read: TraceFile["read"]) => ({ read }) as TraceFile
const file = fileOf(readFrom)

/** Takes pieces and answers what they were; `isKept` ones are never said to be sent. */
const collect = (isKept = false) => {
  const sizes: Array<number> = []
  const parts: Array<Buffer> = []
  const unsent: Array<() => void> = []
  const take: FileContent.TakePiece = (piece, sent) => {
    sizes.push(piece.length)
    parts.push(Buffer.from(piece))
    if (sent !== undefined) {
      if (isKept) unsent.push(sent)
      else sent()
    }
    return isKept ? Effect.never : Effect.void
  }
  return { sizes, unsent, take, bytes: () => Buffer.concat(parts) }
}

const expected = Buffer.concat([head, content])
const largeSizes = [256 * kibibyte + head.length, 256 * kibibyte, 88 * kibibyte]

const sizesSent = Effect.gen(function* () {
  const { bytes, sizes, take } = collect()
  yield* FileContent.send(file, range, head, take)
  assert.isTrue(bytes().equals(expected))
  return sizes
})

describe("a range of a file", () => {
  it.effect("goes out in pieces, the head in front of the first", () =>
    Effect.map(sizesSent, (sizes) => assert.deepStrictEqual(sizes, largeSizes))
  )

  it.effect("goes out in small pieces while viewers that do not read hold all large ones", () =>
    Effect.gen(function* () {
      const holders = Array.from({ length: largeCountMax }, () => collect(true))
      const fibers = yield* Effect.forEach(holders, ({ take }) =>
        Effect.forkChild(FileContent.send(file, range, head, take), { startImmediately: true })
      )
      const sizes = yield* sizesSent
      assert.isAtMost(Math.max(...sizes), 16 * kibibyte)
      // Interrupted or not, the memory is theirs until it is sent.
      yield* Fiber.interruptAll(fibers)
      assert.isAtMost(Math.max(...(yield* sizesSent)), 16 * kibibyte)
      for (const { unsent } of holders) for (const sent of unsent) sent()
      assert.deepStrictEqual(yield* sizesSent, largeSizes)
    })
  )

  it.effect("that is interrupted while it is read, or fails, costs the others nothing", () =>
    Effect.gen(function* () {
      const stalled = fileOf((into, position) => (into.length === 1 ? readFrom(into, position) : Effect.never))
      for (let count = 0; count <= largeCountMax; count++) {
        const fiber = yield* Effect.forkChild(FileContent.send(stalled, range, head, collect().take), {
          startImmediately: true
        })
        yield* Fiber.interrupt(fiber)
        const short = fileOf((into, position) => (into.length === 1 ? readFrom(into, position) : Effect.succeed(1)))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(FileContent.send(short, range, head, collect().take))))
      }
      assert.deepStrictEqual(yield* sizesSent, largeSizes)
    })
  )

  it.effect("that the file does not hold is refused before its first piece", () =>
    Effect.gen(function* () {
      const { sizes, take } = collect()
      const beyond = { from: 1, byteCount: size }
      assert.isTrue(Exit.isFailure(yield* Effect.exit(FileContent.send(file, beyond, head, take))))
      assert.deepStrictEqual(sizes, [])
    })
  )
})
