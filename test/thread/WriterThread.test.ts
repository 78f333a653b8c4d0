/** The thread that writes beside the loop: bytes are in their places whoever wrote them, and nobody waits in vain. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { Landing, Slabs } from "../../src/memory/Landing.ts"
import type { BesideWrite, Piece } from "../../src/memory/Piece.ts"
import { WriterThread } from "../../src/thread/WriterThread.ts"
import * as Process from "../support/process.ts"

const holder = { released: () => {} }
const pieceBytes = 50_000

class Ground {
  readonly slabs = new Slabs()
  readonly thread = new WriterThread(4, true)
  readonly directory = fs.mkdtempSync(join(tmpdir(), "writer-"))
  readonly #landing = new Landing(this.slabs)

  /** `pieceBytes` times `fill`, in a slab. */
  piece(fill: number, byteCount = pieceBytes): Piece {
    const held = this.#landing.hold(this.#landing.bytes, 0, byteCount, holder)
    this.#landing.received()
    held?.bytes.fill(fill, 0, byteCount)
    return held ?? this.piece(fill, byteCount)
  }

  open(name: string, flags = "w+"): number {
    return fs.openSync(join(this.directory, name), flags)
  }

  content(name: string): Array<readonly [number, number]> {
    const bytes = fs.readFileSync(join(this.directory, name))
    return runs(bytes)
  }
}

/** `[fill, count]` of equal bytes. */
const runs = (bytes: Buffer): Array<readonly [number, number]> => {
  const found: Array<readonly [number, number]> = []
  for (let from = 0; from < bytes.length; ) {
    let to = from
    while (bytes[to] === bytes[from] && to < bytes.length) to++
    found.push([bytes[from] as number, to - from])
    from = to
  }
  return found
}

/** A thread that is at work. */
const withThread = <E>(body: (ground: Ground) => Effect.Effect<void, E, Scope.Scope>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const ground = yield* Effect.acquireRelease(
        Effect.sync(() => new Ground()),
        ({ thread, directory }) =>
          Effect.sync(() => {
            thread.stop()
            fs.rmSync(directory, { recursive: true })
          })
      )
      const first = ground.open("first")
      const byte = ground.piece(1, 1)
      const isReady = Effect.sync(() => {
        const write = ground.thread.write(first, [byte], 0, () => {})
        write?.settle()
        return write !== undefined
      })
      yield* Process.until("the thread to be ready", isReady, { everyMillis: 1 })
      yield* body(ground)
    })
  )

const posted = (write: BesideWrite | undefined): BesideWrite => {
  assert.isDefined(write)
  return write as BesideWrite
}

/** Some write, once there is room for it. */
const post = (write: () => BesideWrite | undefined) =>
  Effect.gen(function* () {
    let found: BesideWrite | undefined
    yield* Process.until(
      "room for a job",
      Effect.sync(() => {
        found ??= write()
        return found !== undefined
      }),
      { everyMillis: 1 }
    )
    return found as BesideWrite
  })

describe("the thread that writes beside the loop", () => {
  it.live("starts when it is first asked, and refuses until it is there", () =>
    Effect.sync(() => {
      const ground = new Ground()
      assert.isUndefined(ground.thread.write(ground.open("f"), [ground.piece(1)], 0, () => {}))
      ground.thread.stop()
      fs.rmSync(ground.directory, { recursive: true })
    })
  )

  it.live("writes pieces one behind the other from where it is told, and says so", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        let isDone = false
        const write = yield* post(() =>
          ground.thread.write(ground.open("f"), [ground.piece(1), ground.piece(2), ground.piece(3, 10)], 7, () => {
            isDone = true
          })
        )
        yield* Process.until(
          "the write",
          Effect.sync(() => isDone),
          { everyMillis: 1 }
        )
        assert.deepStrictEqual(ground.content("f"), [
          [0, 7],
          [1, pieceBytes],
          [2, pieceBytes],
          [3, 10]
        ])
        assert.strictEqual(write.settle(), 2 * pieceBytes + 10)
      })
    )
  )

  it.live("what is settled at once is there, whoever wrote it, and nobody is told", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        const file = ground.open("f")
        let toldCount = 0
        for (let at = 0; at < 500; at++) {
          const piece = ground.piece(1 + (at % 200))
          const write = posted(ground.thread.write(file, [piece], at * pieceBytes, () => toldCount++))
          // Otherwise the thread has begun, or is done.
          for (let idle = 0; idle < (at % 7) * 200; idle++) Math.random()
          assert.strictEqual(write.settle(), pieceBytes)
          assert.strictEqual(write.settle(), pieceBytes)
          piece.release()
        }
        yield* Effect.sleep("5 millis")
        assert.strictEqual(toldCount, 0)
        const expected = Array.from({ length: 500 }, (_, at) => [1 + (at % 200), pieceBytes] as const)
        assert.deepStrictEqual(ground.content("f"), expected)
        assert.isAtMost(ground.slabs.usedCount, 3)
      })
    )
  )

  it.live("takes a few jobs at a time, in any order of settling", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        const file = ground.open("f")
        for (let round = 0; round < 100; round++) {
          const writes: Array<BesideWrite> = []
          const pieces = Array.from({ length: 10 }, (_, at) => ground.piece(1 + at))
          for (const [at, piece] of pieces.entries()) {
            const write = ground.thread.write(file, [piece], (round * 10 + at) * pieceBytes, () => {})
            if (write === undefined)
              fs.writeSync(file, Buffer.alloc(pieceBytes, 1 + at), 0, pieceBytes, (round * 10 + at) * pieceBytes)
            else writes.push(write)
          }
          for (const write of round % 2 === 0 ? writes.reverse() : writes)
            assert.strictEqual(write.settle(), pieceBytes)
          for (const piece of pieces) piece.release()
        }
        const expected = Array.from({ length: 1000 }, (_, at) => [1 + (at % 10), pieceBytes] as const)
        assert.deepStrictEqual(ground.content("f"), expected)
      })
    )
  )

  it.live("a write that fails is short, and the thread goes on", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        fs.writeFileSync(join(ground.directory, "r"), "")
        const readOnly = ground.open("r", "r")
        assert.strictEqual(
          (yield* post(() => ground.thread.write(readOnly, [ground.piece(1)], 0, () => {}))).settle(),
          0
        )
        const file = ground.open("f")
        let isDone = false
        yield* post(() => ground.thread.write(file, [ground.piece(2)], 0, () => (isDone = true)))
        yield* Process.until(
          "the next write",
          Effect.sync(() => isDone),
          { everyMillis: 1 }
        )
        assert.deepStrictEqual(ground.content("f"), [[2, pieceBytes]])
      })
    )
  )

  it.live("refuses what is not in its memory, and more pieces than a job has places", () =>
    withThread((ground) =>
      Effect.sync(() => {
        const file = ground.open("f")
        const foreign: Piece = { bytes: Buffer.alloc(10), from: 0, to: 10, release: () => {} }
        assert.isUndefined(ground.thread.write(file, [foreign], 0, () => {}))
        const many = Array.from({ length: 9 }, () => ground.piece(1, 10))
        assert.isUndefined(ground.thread.write(file, many, 0, () => {}))
      })
    )
  )

  it.live("closes a descriptor behind what is being written", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        const [file, doomed] = [ground.open("f"), ground.open("doomed")]
        yield* Process.until(
          "the descriptor to be taken",
          Effect.sync(() => {
            ground.thread.write(file, [ground.piece(1)], 0, () => {})
            return ground.thread.close(doomed)
          }),
          { everyMillis: 1 }
        )
        const isClosed = Effect.sync(() => !fs.existsSync(`/proc/self/fd/${doomed}`))
        yield* Process.until("the descriptor to be closed", isClosed, { everyMillis: 1 })
      })
    )
  )

  it.live("does what was posted before it stops, and nothing after", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        const file = ground.open("f")
        yield* post(() => ground.thread.write(file, [ground.piece(1)], 0, () => {}))
        yield* post(() => ground.thread.write(file, [ground.piece(2)], pieceBytes, () => {}))
        ground.thread.stop()
        assert.deepStrictEqual(ground.content("f"), [
          [1, pieceBytes],
          [2, pieceBytes]
        ])
        assert.isUndefined(ground.thread.write(file, [ground.piece(3)], 0, () => {}))
        assert.isFalse(ground.thread.close(file))
      })
    )
  )
})
