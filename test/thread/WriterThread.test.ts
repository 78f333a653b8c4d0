/** The thread that writes beside the loop: bytes are in their places whoever wrote them, and nobody waits in vain. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { Landing, Slabs } from "../../src/memory/Landing.ts"
import type { BesideWrite, Piece } from "../../src/memory/Piece.ts"
import { type Start, unknownBytes, WriterThread } from "../../src/thread/WriterThread.ts"
import { turns, until } from "../support/turns.ts"
import * as Ending from "./ending.ts"
import { started } from "./started.ts"

const holder = { released: () => {} }
const pieceBytes = 50_000

class Ground {
  readonly slabs = new Slabs()
  lostCount = 0
  readonly thread: WriterThread
  readonly #directory = fs.mkdtempSync(join(tmpdir(), "writer-"))
  readonly #landing = new Landing(this.slabs)
  readonly #open = new Set<number>()

  constructor(start?: Start) {
    const onLost = () => void this.lostCount++
    this.thread = new WriterThread({ jobCountMax: 4, onLost, ...(start === undefined ? {} : { start }) })
  }

  /** `pieceBytes` times `fill`, in a slab. */
  piece(fill: number, byteCount = pieceBytes): Piece {
    const held = this.#landing.hold(this.#landing.bytes, 0, byteCount, holder)
    this.#landing.received()
    held?.bytes.fill(fill, 0, byteCount)
    return held ?? this.piece(fill, byteCount)
  }

  open(name: string, flags = "w+"): number {
    const descriptor = fs.openSync(join(this.#directory, name), flags)
    this.#open.add(descriptor)
    return descriptor
  }

  /** Closed by somebody else. */
  forget(descriptor: number): void {
    this.#open.delete(descriptor)
  }

  content(name: string): Array<readonly [number, number]> {
    return runs(fs.readFileSync(join(this.#directory, name)))
  }

  close(): void {
    this.thread.stop()
    for (const descriptor of this.#open) fs.closeSync(descriptor)
    fs.rmSync(this.#directory, { recursive: true })
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

const withGround = <E>(body: (ground: Ground) => Effect.Effect<void, E, Scope.Scope>, start?: Start) => {
  const made = Effect.acquireRelease(
    Effect.sync(() => new Ground(start)),
    (ground) => Effect.sync(() => ground.close())
  )
  return Effect.scoped(Effect.flatMap(made, body))
}

/** With a thread that is at work. */
const withThread = <E>(body: (ground: Ground) => Effect.Effect<void, E, Scope.Scope>, start?: Start) =>
  withGround((ground) => Effect.andThen(started(ground.thread), body(ground)), start)

/** The same of one whose first job is not to be used up. */
const withUnusedThread = <E>(start: Start, body: (ground: Ground) => Effect.Effect<void, E, Scope.Scope>) =>
  withGround((ground) => {
    ground.thread.start()
    return Effect.andThen(
      until("the thread to be there", () => ground.thread.state === "ready"),
      body(ground)
    )
  }, start)

const posted = (write: BesideWrite | undefined): BesideWrite => {
  assert.isDefined(write)
  return write as BesideWrite
}

/** Writes by the thread, and waits until it is told. */
const writeAndHear = ({ thread }: Ground, file: number, pieces: ReadonlyArray<Piece>, position: number) =>
  Effect.gen(function* () {
    let isTold = false
    const write = posted(thread.write(file, pieces, position, () => (isTold = true)))
    yield* until("the write to be told", () => isTold)
    return write.settle()
  })

describe("the thread that writes beside the loop", () => {
  it.live("starts when it is first asked, and refuses until it is there", () =>
    withGround((ground) =>
      Effect.sync(() => {
        assert.isUndefined(ground.thread.write(ground.open("f"), [ground.piece(1)], 0, () => {}))
      })
    )
  )

  it.live("writes pieces one behind the other from where it is told, and says so", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        const pieces = [ground.piece(1), ground.piece(2), ground.piece(3, 10)]
        assert.strictEqual(yield* writeAndHear(ground, ground.open("f"), pieces, 7), 2 * pieceBytes + 10)
        assert.deepStrictEqual(ground.content("f"), [
          [0, 7],
          [1, pieceBytes],
          [2, pieceBytes],
          [3, 10]
        ])
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
        // Jobs are told in their order: whoever is to be told of an earlier one has been.
        const last = ground.piece(1)
        yield* writeAndHear(ground, file, [last], 0)
        last.release()
        assert.strictEqual(toldCount, 0)
        const expected = Array.from({ length: 500 }, (_, at) => [1 + (at % 200), pieceBytes] as const)
        assert.deepStrictEqual(ground.content("f"), expected)
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
        ground.open("f")
        assert.strictEqual(yield* writeAndHear(ground, ground.open("f", "r"), [ground.piece(1)], 0), 0)
        assert.strictEqual(yield* writeAndHear(ground, ground.open("f"), [ground.piece(2)], 0), pieceBytes)
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
        const piece = ground.piece(1)
        assert.isFalse(ground.thread.close(doomed), "by a thread that is not at work")
        posted(ground.thread.write(file, [piece], 0, () => {}))
        assert.isTrue(ground.thread.close(doomed))
        ground.forget(doomed)
        yield* until("the descriptor to be closed", () => !fs.existsSync(`/proc/self/fd/${doomed}`))
      })
    )
  )

  it.live("does what was posted before it stops, and nothing after", () =>
    withThread((ground) =>
      Effect.sync(() => {
        const file = ground.open("f")
        for (const fill of [1, 2]) {
          posted(ground.thread.write(file, [ground.piece(fill)], (fill - 1) * pieceBytes, () => {}))
        }
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

describe("a thread that ends by itself", () => {
  it.live("in the write of a file: the loop, which waits for it, writes all of it, and goes on without", () =>
    withUnusedThread(Ending.endsInJob, (ground) =>
      Effect.gen(function* () {
        const file = ground.open("f")
        const write = posted(ground.thread.write(file, [ground.piece(1), ground.piece(2)], 0, () => {}))
        yield* until("the thread to begin", () => ground.content("f").length > 0)
        assert.strictEqual(write.settle(), 2 * pieceBytes)
        assert.deepStrictEqual(ground.content("f"), [
          [1, pieceBytes],
          [2, pieceBytes]
        ])
        yield* until("its end to be told", () => ground.lostCount === 1)
        assert.isUndefined(ground.thread.write(file, [ground.piece(3)], 0, () => {}))
        assert.isFalse(ground.thread.close(file))
      })
    )
  )

  it.live("nobody waits for it: what it was at and what it had not begun is done, and told", () =>
    withUnusedThread(Ending.endsInJob, (ground) =>
      Effect.gen(function* () {
        const file = ground.open("f")
        const told: Array<number> = []
        for (const fill of [1, 2, 3]) {
          posted(ground.thread.write(file, [ground.piece(fill)], (fill - 1) * pieceBytes, () => told.push(fill)))
        }
        yield* until("all to be told", () => told.length === 3)
        assert.deepStrictEqual(ground.content("f"), [
          [1, pieceBytes],
          [2, pieceBytes],
          [3, pieceBytes]
        ])
        assert.strictEqual(ground.lostCount, 1)
      })
    )
  )

  it.live("in the write to a socket: how much of it went out is not known", () =>
    withUnusedThread(Ending.endsInJob, (ground) =>
      Effect.gen(function* () {
        const write = posted(ground.thread.write(ground.open("f"), [ground.piece(1)], undefined, () => {}))
        yield* until("its end to be told", () => ground.lostCount === 1)
        assert.strictEqual(write.settle(), unknownBytes)
      })
    )
  )

  it.live("with nothing to do", () => {
    const { start, workers } = Ending.endable()
    return withThread(
      (ground) =>
        Effect.gen(function* () {
          void workers[0]?.terminate()
          yield* until("its end to be told", () => ground.lostCount === 1)
          assert.isUndefined(ground.thread.write(ground.open("f"), [ground.piece(3)], 0, () => {}))
        }),
      start
    )
  })

  it.live("and one that the system does not give: the loop does everything", () =>
    withGround(
      (ground) =>
        Effect.sync(() => {
          for (const _ of [1, 2]) {
            assert.isUndefined(ground.thread.write(ground.open("f"), [ground.piece(3)], 0, () => {}))
          }
          assert.strictEqual(ground.lostCount, 1)
        }),
      () => undefined
    )
  )

  it.live("but not one that is stopped", () =>
    withThread((ground) =>
      Effect.gen(function* () {
        ground.thread.stop()
        yield* turns(20)
        assert.strictEqual(ground.lostCount, 0)
      })
    )
  )
})
