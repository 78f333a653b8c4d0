/** Room is made at once, not a segment whenever somebody asks for it again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import { Fullness } from "../../src/edge/spool/Fullness.ts"
import * as Losses from "../../src/edge/spool/Losses.ts"
import type { Policy } from "../../src/edge/spool/Overflow.ts"
import { thin } from "../../src/edge/spool/Thinning.ts"
import type { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { turns } from "../support/turns.ts"
import * as Local from "./Local.ts"

const packetBytes = 20_000
const packetCount = 60
const hour = 3_600_000

/** A journal of many segments, of which the relay has nothing. */
const waiting = Effect.fnUntraced(function* (files = new MemoryFiles().service) {
  const relay = yield* TestRelay.make()
  const local = yield* Local.start({ controlPort: 1, dataPort: 1, bytesMax: 4 * 1024 * 1024, files })
  const { c, d } = yield* Script.make(local, relay.output, () => {}).recording()
  const stream = yield* c.addStream()
  for (let seq = 0; seq < packetCount; seq++) {
    yield* d.packet(stream, seq, packetBytes)
    yield* c.index(stream, { seq, packetSeq: seq, bytes: packetBytes })
  }
  const { spool } = local.edge
  const [journal = assert.fail()] = spool.journals.values()
  return { journal, spool }
})

/** What is left of a segment of one is there, and not in its place yet. */
const half = Effect.gen(function* () {
  const memory = new MemoryFiles()
  const gate = Latch.makeUnsafe(false)
  let isAsked = false
  const rename: Files["Service"]["rename"] = (from, to) => {
    const renamed = memory.service.rename(from, to)
    if (!from.endsWith(".new")) return renamed
    isAsked = true
    return Effect.andThen(gate.await, renamed)
  }
  const { journal, spool } = yield* waiting({ ...memory.service, rename })
  const thinning = yield* Effect.forkChild(thin(journal, Number.POSITIVE_INFINITY))
  yield* until("a segment to be thinned", () => isAsked)
  return { goOn: () => gate.openUnsafe(), journal, memory, spool, thinning }
})

const fullness = (journal: Journal, isFull: () => boolean, policy: Policy = "drop") => {
  const fibers: Array<Fiber.Fiber<void>> = []
  const works: Array<string> = []
  const made = new Fullness({
    journals: new Map([[journal.token, journal]]),
    losses: new Losses.Losses(),
    policyOf: () => policy,
    isFull,
    fullness: () => "",
    onChange: () => {},
    run: (name, work) => {
      works.push(name)
      fibers.push(Effect.runFork(work))
    }
  })
  const done = Effect.suspend(() => Effect.forEach(fibers, Fiber.join, { discard: true }))
  return { made, works, done: Effect.andThen(asked, done) }
}

/** Room is looked for once what was asked in this turn is over. */
const asked = Effect.promise(() => Promise.resolve())

describe("room in a spool that is full", () => {
  it.live("is made until there is enough, and no further", () =>
    Effect.gen(function* () {
      const { journal } = yield* waiting()
      const segmentCount = journal.segments.all.length
      const { done, made } = fullness(journal, () => journal.droppedPacketCount < packetCount / 2)
      made.overflow(journal)
      yield* done
      assert.isAtLeast(journal.droppedPacketCount, packetCount / 2)
      assert.isBelow(journal.droppedPacketCount, packetCount / 2 + 10)
      assert.isAtLeast(journal.droppedByteCount, journal.droppedPacketCount * packetBytes)
      // What is left of several is one file.
      assert.isBelow(journal.segments.all.length, segmentCount)
    })
  )

  it.live("is said to be missing where tracers wait for it, and not again at once", () =>
    Effect.gen(function* () {
      const { journal } = yield* waiting()
      const worksOf = (policy: Policy) => {
        const { made, works } = fullness(journal, () => false, policy)
        made.overflow(journal)
        made.overflow(journal)
        return Effect.as(asked, works)
      }
      assert.deepStrictEqual(yield* worksOf("hold"), ["full"])
      assert.deepStrictEqual([...new Set(yield* worksOf("drop"))], ["room"])
    })
  )

  it.live("is made in the session that is the largest then, not in the one that was when it became full", () =>
    Effect.gen(function* () {
      const { journal } = yield* waiting()
      const { journal: other } = yield* waiting()
      let isGrown = false
      // Its tracer goes on as soon as there is room.
      Object.defineProperty(other.segments, "byteCount", {
        get: () => (isGrown ? Number.MAX_SAFE_INTEGER : 0),
        set: () => {}
      })
      const fibers: Array<Fiber.Fiber<void>> = []
      const made = new Fullness({
        journals: new Map([journal, other].map((one) => [one.token, one])),
        losses: new Losses.Losses(),
        policyOf: () => "drop",
        isFull: () => {
          isGrown = journal.droppedPacketCount > 0
          return other.droppedPacketCount === 0
        },
        fullness: () => "",
        onChange: () => {},
        run: (_, work) => void fibers.push(Effect.runFork(work))
      })
      made.overflow(journal)
      yield* asked
      yield* Effect.forEach(fibers, Fiber.join, { discard: true })
      assert.isBelow(journal.droppedPacketCount, 10)
    })
  )

  it.live("is looked for once for all that are held back in a turn, and the largest sought in few steps", () =>
    Effect.gen(function* () {
      const count = 500
      let [policyCount, sizeCount] = [0, 0]
      const empty = (number: number) => ({
        about: { name: `host/s${number}` },
        home: { stays: (act: () => Effect.Effect<undefined>) => act() },
        segments: {
          all: [],
          get byteCount() {
            sizeCount++
            return number
          }
        }
      })
      const all = Array.from({ length: count }, (_, number) => empty(number) as unknown as Journal)
      const fibers: Array<Fiber.Fiber<void>> = []
      const made = new Fullness({
        journals: new Map(all.map((journal) => [journal.about.name, journal])),
        losses: new Losses.Losses(),
        policyOf: () => {
          policyCount++
          return "drop"
        },
        isFull: () => true,
        fullness: () => "",
        onChange: () => {},
        run: (_, work) => void fibers.push(Effect.runFork(work))
      })
      for (const journal of all) made.overflow(journal)
      yield* asked
      yield* Effect.forEach(fibers, Fiber.join, { discard: true })
      assert.isAtMost(policyCount, 2 * count)
      assert.isAtMost(sizeCount, 2 * count)
    })
  )

  it.live("is no more made when nothing is left to drop, and said to be missing", () =>
    Effect.gen(function* () {
      const { journal } = yield* waiting()
      const { done, made, works } = fullness(journal, () => true)
      made.overflow(journal)
      yield* done
      assert.isAbove(journal.droppedPacketCount, packetCount / 2)
      assert.isUndefined(yield* thin(journal, Number.POSITIVE_INFINITY))
      assert.include(works, "full")
    })
  )

  it.live("is made of all that is too old in one pass", () =>
    Effect.gen(function* () {
      const { journal } = yield* waiting()
      for (const segment of journal.segments.all) segment.wroteAt -= 3 * hour
      // The next pass is a minute away.
      const passing = yield* Effect.forkChild(fullness(journal, () => true).made.age(2 * hour))
      yield* until("most of it to be dropped", () => journal.droppedPacketCount > packetCount / 2)
      yield* Fiber.interrupt(passing)
    })
  )

  it.live("is not made of a journal while that is put aside, nor afterwards", () =>
    Effect.gen(function* () {
      const { goOn, journal, memory, spool, thinning } = yield* half
      journal.cut()
      const aside = yield* Effect.forkChild(spool.abandon(journal, "as a test"))
      yield* until("it to be put aside", () => !spool.journals.has(journal.token))
      yield* turns(20)
      goOn()
      assert.isAbove((yield* Fiber.join(thinning))?.packetCount ?? 0, 0)
      yield* Fiber.join(aside)
      assert.strictEqual(spool.byteCount, 0)
      const left = memory.paths("/spool").filter((path) => /journal|new|spare/.test(path))
      assert.isAbove(left.length, 2)
      assert.isTrue(left.every((path) => path.startsWith(`/spool/${journal.token}.lost/`) && path.endsWith(".journal")))
      assert.isUndefined(yield* thin(journal, Number.POSITIVE_INFINITY))
    })
  )

  it.live("is not made of one that is removed meanwhile, of which nothing stays", () =>
    Effect.gen(function* () {
      const { goOn, journal, memory, spool, thinning } = yield* half
      const removed = yield* Effect.forkChild(spool.remove(journal))
      yield* turns(20)
      goOn()
      yield* Fiber.join(thinning)
      yield* Fiber.join(removed)
      assert.deepStrictEqual(memory.paths("/spool"), ["/spool/"])
      assert.deepStrictEqual([spool.byteCount, memory.openCount], [0, 0])
    })
  )
})
