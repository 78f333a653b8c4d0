/**
 * When a stream begins that is announced while others are watched: never later than anything in it, whatever the delays
 * of beacons, questions and answers, and hardly earlier than the last question before it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Flags, Status } from "../../src/protocol/live/GetNextIndex.ts"
import { Newcomers } from "../../src/viewer/Newcomers.ts"
import { Random } from "../support/Random.ts"

const millis = 1_000_000n
/** The tracer's clock counts from the start of its machine, and says since when in its metadata. */
const clock = { frequency: 1_000_000_000n, offsetSeconds: 1_700_000_000n, offsetCycles: 123_456_789n }
const tracerAhead = 9_000_000_000n
const epochOf = (cycles: bigint) => clock.offsetSeconds * 1_000_000_000n + clock.offsetCycles + cycles

const reply = (status: number, cycles: bigint, flags = 0) => ({
  offset: 0n,
  packetSize: 0n,
  contentSize: 0n,
  timestampBegin: 0n,
  timestampEnd: cycles,
  eventsDiscarded: 0n,
  streamId: 0n,
  status,
  flags
})

describe("a stream that is announced", () => {
  it("begins after the last question whose answer did not know of it, and before anything in it", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed)
      let now = 0n
      const newcomers = new Newcomers(() => now)
      let toldNanos = 0n
      let askedNanos = 0n
      for (let question = 0; question < 30; question++) {
        now += BigInt(random.below(50)) * millis
        newcomers.onAsk()
        askedNanos = now
        // A beacon has been on its way for a while, and so is the answer.
        now += BigInt(random.below(3)) * millis
        const told = now - BigInt(random.below(40)) * millis
        if (told > toldNanos) toldNanos = told
        now += BigInt(random.below(3)) * millis
        newcomers.onReply(reply(Status.inactive, toldNanos + tracerAhead), clock)
      }
      const beginning = newcomers.beginningOf({ path: "vm/s/ust/pid/app" }) ?? assert.fail("not known")
      // It was published just behind the last question.
      assert.isBelow(Number(beginning - epochOf(askedNanos + tracerAhead)), 0, `seed ${seed}`)
      assert.isAbove(Number(beginning - epochOf(askedNanos + tracerAhead)), -60e6, `seed ${seed}: of little use`)
    }
  })

  it("begins, by an edge, after what was told without it, however late the relay hears of it", () => {
    let now = 1_000n * millis
    const newcomers = new Newcomers(() => now)
    const ask = (status: number, cycles: bigint, flags = 0) => {
      newcomers.onAsk()
      newcomers.onReply(reply(status, cycles, flags | Flags.byEdge), clock)
    }
    ask(Status.retry, 0n)
    assert.isUndefined(newcomers.beginningOf({ path: "ust" }))
    ask(Status.inactive, 900n * millis)
    // The link is lost: nothing is told, and nothing new is known.
    now = 9_000n * millis
    ask(Status.retry, 0n)
    assert.strictEqual(newcomers.beginningOf({ path: "ust" }), epochOf(900n * millis))
    ask(Status.ok, 800n * millis)
    ask(Status.ok, 5_000n * millis, Flags.newStream)
    assert.strictEqual(newcomers.beginningOf({ path: "ust" }), epochOf(900n * millis))
    assert.isUndefined(newcomers.beginningOf({ path: "vm/s-20261126/kernel" }))
  })

  it("may have begun before an answer that tells of new streams", () => {
    let now = 0n
    const newcomers = new Newcomers(() => now)
    newcomers.onAsk()
    newcomers.onReply(reply(Status.inactive, 0n), clock)
    const before = newcomers.beginningOf({ path: "ust" })
    now = 1_000n * millis
    newcomers.onAsk()
    newcomers.onReply(reply(Status.inactive, 1_000n * millis, Flags.newStream), clock)
    assert.strictEqual(newcomers.beginningOf({ path: "ust" }), before)
  })

  it("has no beginning before a time was told, nor where the kernel's tracer announces it", () => {
    const newcomers = new Newcomers(() => 0n)
    newcomers.onAsk()
    newcomers.onReply(reply(Status.retry, 0n), clock)
    newcomers.onReply(reply(Status.ok, 5n), undefined)
    assert.isUndefined(newcomers.beginningOf({ path: "ust" }))
    newcomers.onReply(reply(Status.ok, 5n), clock)
    assert.isDefined(newcomers.beginningOf({ path: "ust" }))
    assert.isUndefined(newcomers.beginningOf({ path: "vm/s-20261126/kernel" }))
  })
})
