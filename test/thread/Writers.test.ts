/** The threads that write files: how many there are, who gets what, and what is without them. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { allocateShared, type BesideWrite, type Piece } from "../../src/memory/Piece.ts"
import { defaultCount, hasSender, Writers, type WritersOptions } from "../../src/thread/Writers.ts"
import { turns, until } from "../support/turns.ts"
import * as Ending from "./ending.ts"

const byteCount = 20_000

const fillOf = (at: number) => 1 + (at % 200)

const piece = (fill: number): Piece => {
  const bytes = (allocateShared(byteCount) as Buffer).fill(fill)
  return { bytes, from: 0, to: byteCount, release: () => {} }
}

const make = (options: WritersOptions) =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "writers-"))),
      (path) => Effect.sync(() => fs.rmSync(path, { recursive: true }))
    )
    const writers = yield* Effect.acquireRelease(
      Effect.sync(() => new Writers(options)),
      (made) => Effect.sync(() => made.stop())
    )
    const path = join(directory, "f")
    const file = fs.openSync(path, "w")
    yield* Effect.addFinalizer(() => Effect.sync(() => fs.closeSync(file)))
    const jobs: Array<BesideWrite> = []
    const write = (onDone = () => {}) => {
      const { length } = jobs
      const posted = writers.write(file, [piece(fillOf(length))], length * byteCount, onDone)
      if (posted !== undefined) jobs.push(posted)
      return posted
    }
    /** Writes what jobs say that they left, as whoever posts them does: a thread that is being ended gets no memory. */
    const writeRest = () => {
      for (const [at, job] of jobs.entries()) {
        const count = job.settle()
        fs.writeSync(file, piece(fillOf(at)).bytes, count, byteCount - count, at * byteCount + count)
      }
    }
    /** Jobs that are taken until there are as many as can be. */
    const fill = (count: number) =>
      until(`${count} jobs to be taken`, () => {
        while (write() !== undefined);
        return jobs.length >= count
      })
    const expected = () => Buffer.concat(jobs.map((_, at) => Buffer.alloc(byteCount, fillOf(at))))
    return { writers, write, writeRest, fill, expected, count: () => jobs.length, content: () => fs.readFileSync(path) }
  })

/** Its threads take nothing, so that what they have is what they were given. */
const idling = (countMax: number) => {
  let startCount = 0
  const start: NonNullable<WritersOptions["start"]> = (shared, names) => {
    startCount++
    return Ending.idles(shared, names)
  }
  return Effect.map(make({ countMax, start }), (made) => ({ ...made, startCount: () => startCount }))
}

describe("threads that write files", () => {
  it("are one for each processor beyond two, four at most", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 4, 5, 6, 7, 16].map((processors) => defaultCount(processors)),
      [0, 0, 1, 2, 3, 4, 4, 4]
    )
  })

  it("one more answers viewers, unless there are to be none, or there is no processor for it", () => {
    assert.deepStrictEqual(
      [hasSender(undefined, 1), hasSender(undefined, 2), hasSender(0, 8), hasSender(1, 1)],
      [false, true, false, true]
    )
  })

  it.live("are none until they are needed, and one more when those that are there have enough to do", () =>
    Effect.gen(function* () {
      const { fill, startCount, write } = yield* idling(3)
      assert.strictEqual(startCount(), 0)
      assert.isUndefined(write(), "before it is there")
      assert.strictEqual(startCount(), 1)
      yield* fill(2)
      assert.strictEqual(startCount(), 2)
      yield* fill(6)
      yield* turns(20)
      assert.isUndefined(write())
      assert.strictEqual(startCount(), 3)
    })
  )

  it.live("get what is to do in turn, and all of it is done when they stop", () =>
    Effect.gen(function* () {
      const { content, expected, fill, writers } = yield* idling(2)
      yield* fill(4)
      assert.isTrue(writers.isUsable)
      writers.stop()
      assert.isFalse(writers.isUsable)
      assert.isTrue(content().equals(expected()))
    })
  )

  it.live("are none where there are to be none", () =>
    Effect.gen(function* () {
      const { startCount, write, writers } = yield* idling(0)
      assert.deepStrictEqual([write(), writers.hasRoom, writers.isUsable], [undefined, false, false])
      assert.isFalse(writers.close(99))
      yield* turns(5)
      assert.strictEqual(startCount(), 0)
    })
  )

  it.live("take nothing, and none is started, while processors are short", () =>
    Effect.gen(function* () {
      let isShort = true
      const made = yield* make({ countMax: 1, contention: { isShort: () => isShort } })
      assert.deepStrictEqual([made.write(), made.writers.hasRoom], [undefined, false])
      yield* turns(50)
      assert.isUndefined(made.write())
      isShort = false
      yield* made.fill(1)
      isShort = true
      assert.isUndefined(made.write())
    })
  )

  it.live("that end are told, and others, then the loop, do what there is to do", () =>
    Effect.gen(function* () {
      const { start, workers } = Ending.endable()
      let lostCount = 0
      const made = yield* make({ countMax: 2, start, onLost: () => void lostCount++ })
      yield* until("both to be there", () => {
        while (made.write() !== undefined);
        return workers.length === 2
      })
      for (const [at, worker] of workers.entries()) {
        const before = made.count()
        yield* made.fill(before + 5)
        void worker.terminate()
        yield* until("its end", () => {
          made.write()
          return lostCount === at + 1
        })
      }
      assert.deepStrictEqual([made.write(), made.writers.hasRoom, made.writers.isUsable], [undefined, false, false])
      assert.strictEqual(workers.length, 2, "none is started again")
      made.writeRest()
      assert.isTrue(made.content().equals(made.expected()))
    })
  )
})
