/** Bytes a second towards the relay, in virtual time, and which rate holds when. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Edge from "../../src/edge/Edge.ts"
import * as Pace from "../../src/edge/forwarding/Pace.ts"
import * as Schedule from "../../src/edge/forwarding/Schedule.ts"
import { checksums } from "../../src/edge/journal/Checksums.ts"
import { Outcome } from "../../src/protocol/journal/OpenJournal.ts"
import { headBytes, isHead, isWhole, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Dial from "../../src/transport/Dial.ts"
import * as Outward from "./outward.ts"
import * as Spools from "./spools.ts"

const rateOf = (text: string) => {
  const rate = Number(text)
  if (!(rate >= 0)) throw new Error(`${text} is no number`)
  return rate
}
const scheduleOf = (text: string) => Schedule.parse(text, rateOf)

/** A Monday, local time. */
const monday = (hour: number, minute = 0, day = 0) => new Date(2024, 0, 1 + day, hour, minute).getTime()

describe("a limit of bytes a second", () => {
  it.effect("holds over all who send, from the first second on", () =>
    Effect.gen(function* () {
      const pace = Pace.scheduled(scheduleOf("1000"))
      let sent = 0
      const sender = Effect.forever(Effect.tap(pace.admit(100), () => Effect.sync(() => (sent += 100))))
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(sender))
      for (let second = 1; second <= 20; second++) {
        yield* TestClock.adjust("1 second")
        assert.isAtLeast(sent, 1000 * second - 400)
        assert.isAtMost(sent, 1000 * second + 400)
      }
      yield* Effect.forEach(fibers, Fiber.interrupt)
    })
  )

  it.effect("holds when the clock is set back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(monday(8))
      const pace = Pace.scheduled(scheduleOf("1000"))
      yield* Effect.forkChild(pace.admit(100))
      yield* TestClock.adjust("1 second")
      yield* TestClock.setTime(monday(7))
      const done = yield* Effect.forkChild(pace.admit(1000))
      yield* TestClock.adjust("2 seconds")
      assert.isDefined(done.pollUnsafe())
    })
  )

  it.effect("is another one as soon as its hours begin", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(monday(7, 59))
      const pace = Pace.scheduled(scheduleOf("mon-fri 8-18=1000,10"))
      const done = yield* Effect.forkChild(Effect.andThen(pace.admit(3600), Clock.currentTimeMillis))
      yield* TestClock.adjust("10 minutes")
      // A minute at 10, then the rest at 1000; it looks every 15 s.
      const at = (yield* Fiber.join(done)) - monday(8)
      assert.isAtLeast(at, 2900)
      assert.isAtMost(at, 20_000)
      yield* TestClock.setTime(monday(3))
      assert.isTrue(yield* pace.isLimited)
    })
  )

  it.effect("holds again after hours without one, for which nothing is owed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(monday(8))
      const pace = Pace.scheduled(scheduleOf("8-9=none,1000000"))
      for (let count = 0; count < 2; count++) yield* pace.admit(1_000_000_000)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* pace.pieceBytes, 100_000)
      const done = yield* Effect.forkChild(pace.admit(1_000_000))
      yield* TestClock.adjust("900 millis")
      assert.isUndefined(done.pollUnsafe())
      yield* TestClock.adjust("100 millis")
      assert.isDefined(done.pollUnsafe())
    })
  )
})

it.live("a piece that may be sent waits for the link all the same", () =>
  Effect.gen(function* () {
    const pieceBytes = 4096
    const relay = yield* TestRelay.make()
    const to = { control: { host: "127.0.0.1", port: relay.controlPort }, data: { host: "127.0.0.1", port: 1 } }
    const story: Array<"taken" | "sent"> = []
    const told = (link: Dial.Link): Dial.Link => ({
      ...link,
      drained: Effect.tap(link.drained, () => Effect.sync(() => story.push("taken"))),
      write: (parts, sent) => {
        if (parts[0]?.length === pieceBytes) story.push("sent")
        link.write(parts, sent)
      }
    })
    const pace = { ...Pace.unlimited, isUnlimited: false, pieceBytes: Effect.succeed(pieceBytes) }
    const options = { ...Spools.options(), to, pace, copy: undefined, compression: "off", name: "here" } as const
    const dial: typeof Dial.dial = (...where) => Effect.map(Dial.dial(...where), told)
    const { spool } = yield* Edge.upstream(options, dial).pipe(Effect.provideService(Files, new MemoryFiles().service))
    const journal = Spools.open(spool)
    journal.append(Kind.packet, 1, { bytes: Buffer.alloc(8 * pieceBytes), from: 0, to: 8 * pieceBytes })
    journal.writing.flush()
    yield* until("it to be sent", () => story.filter((each) => each === "sent").length >= 8)
    const before = story.filter((_, at) => story[at + 1] === "sent")
    assert.deepStrictEqual([...new Set(before)], ["taken"])
  })
)

/** The kinds of records that lie one behind the other; each is whole. */
const kindsOf = (bytes: Buffer): ReadonlyArray<number> => {
  const kinds: Array<number> = []
  for (let at = 0; at < bytes.length; at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)) {
    assert.isTrue(isHead(bytes, at, checksums) && isWhole(bytes, at, checksums), `${at}`)
    kinds.push(bytes.readUInt16BE(at + offsets.kind))
  }
  return kinds
}

it.effect("between the pieces of a record comes neither how the edge is, nor that it has forgotten the journal", () =>
  Effect.gen(function* () {
    const { acknowledge, records, spool } = yield* Outward.start({ pace: Pace.scheduled(scheduleOf("4096")) })
    const journal = Spools.open(spool)
    journal.append(Kind.packet, 1, { bytes: Buffer.alloc(8 * 4096), from: 0, to: 8 * 4096 })
    journal.writing.flush()
    yield* TestClock.adjust("5 seconds")
    yield* acknowledge(0, Outcome.ended)
    yield* TestClock.adjust("10 seconds")
    const kinds = kindsOf(Buffer.concat(records().map(({ bytes }) => bytes)))
    assert.deepStrictEqual(kinds, [Kind.report, Kind.packet, Kind.report, Kind.forgotten])
  })
)

describe("rates by hours", () => {
  const schedule = scheduleOf("sat-sun 0-24=none, mon-fri 8:30-18=250, 22-6=5000, 1000")

  for (const [when, at, rate] of [
    ["on a working day", monday(8, 30), 250],
    ["before it", monday(8, 29), 1000],
    ["at its end", monday(18), 1000],
    ["in the night", monday(23), 5000],
    ["after midnight", monday(5, 59, 1), 5000],
    ["on a Saturday", monday(12, 0, 5), Number.POSITIVE_INFINITY],
    ["on a Sunday", monday(12, 0, 6), Number.POSITIVE_INFINITY],
    ["after it", monday(0, 1, 7), 5000]
  ] as const) {
    it(when, () => assert.strictEqual(Schedule.rateAt(schedule, at), rate))
  }

  it("a night belongs to the day it begins on", () => {
    const night = scheduleOf("fri 22-6=5")
    assert.strictEqual(Schedule.rateAt(night, monday(5, 0, 5)), 5)
    assert.strictEqual(Schedule.rateAt(night, monday(5, 0, 4)), Number.POSITIVE_INFINITY)
  })

  for (const text of ["", "8-18", "8-25=5", "xyz 8-18=5", "8:60-9=5", "0", "8-18=0", "8-18=", "mon 5"]) {
    it(`${text} is refused`, () => assert.throws(() => scheduleOf(text)))
  }
})
