/**
 * Whose handshake begins: so many a second, each origin in turn, and nobody's flood keeps others out. In a time of
 * their own, in which nothing but what is said here takes any.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Machine from "../../src/Machine.ts"
import { networkOf } from "../../src/protocol/Addresses.ts"
import { ByOrigin } from "../../src/transport/Origins.ts"
import {
  type Bounds,
  type Handshake,
  HandshakeTurns,
  suspectWaitingMax
} from "../../src/transport/tls/HandshakeTurns.ts"
import { VirtualTime } from "../simulation/world/VirtualTime.ts"
import { Random } from "../support/Random.ts"
import { until } from "../support/turns.ts"

const many: Bounds = {
  perSecond: 1e6,
  burst: 1e6,
  badPerSecond: 1e6,
  badBurst: 1e6,
  badDebt: 1e6,
  suspectPerSecond: 1e6,
  suspectBurst: 1e6,
  atOnce: 1e6
}

const story = (bounds: Partial<Bounds>, isBusy = () => true) => {
  const turns = new HandshakeTurns({ bounds: { ...many, ...bounds }, isBusy })
  const begun: Array<string> = []
  const cutOff: Array<string> = []
  const enter = (origin: string, name = origin): Handshake => {
    const handshake: Handshake = {
      origin,
      begin: () => void begun.push(name),
      cutOff: () => {
        cutOff.push(name)
        turns.over(handshake, false)
      }
    }
    turns.enter(handshake)
    return handshake
  }
  return { turns, begun, cutOff, enter }
}

const lives = (name: string, body: (time: VirtualTime) => Effect.Effect<void>) =>
  it(name, () => {
    const time = new VirtualTime(new Random(1))
    time.run(body(time), 3_600_000)
  })

const sit = (count: number) => Array.from({ length: count }, (_, index) => index)

describe("handshakes", () => {
  lives("begin at once while there are few, then so many a second and no more", () =>
    Effect.gen(function* () {
      const { begun, enter } = story({ burst: 5, perSecond: 100 })
      const from = Machine.clockMillis()
      for (const name of sit(25)) enter("a", `${name}`)
      assert.lengthOf(begun, 0)
      yield* until("the first to begin", () => begun.length >= 5)
      assert.isBelow(Machine.clockMillis() - from, 10)
      yield* until("all to begin", () => begun.length === 25)
      assert.isAtLeast(Machine.clockMillis() - from, 190)
      assert.deepStrictEqual(begun, sit(25).map(String))
    })
  )

  lives("of who has few do not wait for those of who has many", () =>
    Effect.gen(function* () {
      const { begun, enter } = story({ burst: 1, perSecond: 200 })
      for (const _ of sit(50)) enter("flood")
      for (const origin of ["b", "c"]) for (const _ of sit(2)) enter(origin)
      yield* until("theirs to begin", () => begun.filter((origin) => origin !== "flood").length === 4)
      // The first at once, then in turn.
      assert.isAtMost(begun.length, 8)
      yield* until("the others", () => begun.length === 54)
    })
  )

  lives("of much that come to nothing are fewer: suspects owe for what they cost, for no longer than a second", () =>
    Effect.gen(function* () {
      const { begun, enter, turns } = story({ badBurst: 1, badPerSecond: 1, suspectPerSecond: 20, suspectBurst: 1 })
      const vain = (name: string, byteCount: number) =>
        Effect.gen(function* () {
          const handshake = enter("flood", name)
          yield* until(`${name} to begin`, () => begun.includes(name))
          turns.over(handshake, false, byteCount)
        })
      yield* vain("first", 0)
      yield* vain("small", 4000)
      const from = Machine.clockMillis()
      for (const name of sit(4)) yield* vain(`${name}`, 40_000)
      // Each for itself, and those after the first for five pieces of the one before.
      assert.isAtLeast(Machine.clockMillis() - from, (1000 / 20) * (4 + 3 * 4) - 50)
      for (const name of sit(50)) {
        const handshake = enter(`${name}`)
        yield* until("it to begin", () => turns.begunCount === 1)
        turns.over(handshake, false, 100_000)
      }
      const after = Machine.clockMillis()
      yield* vain("last", 0)
      assert.isAtMost(Machine.clockMillis() - after, 1800)
    })
  )

  lives("that come to nothing cost their origin its credit; good ones do not", () =>
    Effect.gen(function* () {
      const { begun, enter, turns } = story({ badBurst: 10, badPerSecond: 1, suspectPerSecond: 20, suspectBurst: 1 })
      const one = (origin: string, name: string, isGood: boolean) =>
        Effect.gen(function* () {
          const handshake = enter(origin, name)
          yield* until(`${name} to begin`, () => begun.includes(name))
          turns.over(handshake, isGood)
        })
      for (const name of sit(30)) yield* one("site", `good ${name}`, true)
      for (const name of sit(10)) yield* one("flood", `bad ${name}`, false)
      const from = Machine.clockMillis()
      for (const name of sit(10)) enter("flood", `late ${name}`)
      for (const name of sit(5)) enter("site", `site ${name}`)
      yield* until("those of the site", () => begun.includes("site 4"))
      assert.isAtMost(begun.filter((name) => name.startsWith("late")).length, 1)
      yield* until("the flood's", () => turns.waitingCount === 0)
      assert.isAtLeast(Machine.clockMillis() - from, 400)
      // Who stays is the oldest soon, who comes last the youngest.
      assert.deepStrictEqual(
        begun.filter((name) => name.startsWith("late")),
        [0, 9, 1, 8, 2, 7, 3, 6, 4, 5].map((name) => `late ${name}`)
      )
    })
  )

  lives("that come to nothing are owed for a while, however many they were", () =>
    Effect.gen(function* () {
      const { begun, enter, turns } = story({
        badBurst: 5,
        badPerSecond: 50,
        badDebt: 10,
        suspectPerSecond: 1e-3,
        suspectBurst: 1
      })
      // An hour's worth of a flood, in one turn.
      for (const _ of sit(100_000)) turns.disappointed({ origin: "flood" })
      const from = Machine.clockMillis()
      for (const name of ["its share", "one more"]) enter("flood", name)
      yield* until("its credit to be back", () => begun.length === 2)
      assert.isAtLeast(Machine.clockMillis() - from, ((10 + 1) / 50) * 1000 - 30)
    })
  )

  lives("of who has no credit begin like others while nothing is recorded", () =>
    Effect.gen(function* () {
      let isBusy = false
      const slow = { badBurst: 1, badPerSecond: 1e-3, suspectPerSecond: 1e-3, suspectBurst: 1 }
      const { begun, enter, turns } = story(slow, () => isBusy)
      const one = (name: string) =>
        Effect.gen(function* () {
          const handshake = enter("a", name)
          yield* until(`${name} to begin`, () => begun.includes(name))
          turns.over(handshake, true)
          // Good, and of no use.
          turns.disappointed(handshake)
        })
      for (const name of sit(10)) yield* one(`${name}`)
      isBusy = true
      // Those are not owed: its share is all there.
      yield* one("of its share")
      enter("a", "late")
      yield* until("it to wait in vain, and others not", () => {
        if (turns.waitingCount === 1) enter("b", "other")
        return begun.includes("other")
      })
      assert.notInclude(begun, "late")
    })
  )

  lives("of who has no credit, in turn, and some of each wait: the oldest give way", () =>
    Effect.gen(function* () {
      const { begun, cutOff, enter, turns } = story({
        badBurst: 1,
        badPerSecond: 1e-3,
        suspectPerSecond: 50,
        suspectBurst: 1
      })
      for (const origin of ["a", "b"]) {
        const handshake = enter(origin, `${origin} bad`)
        yield* until("it to begin", () => begun.includes(`${origin} bad`))
        turns.over(handshake, false)
      }
      for (const name of sit(suspectWaitingMax + 20)) enter("a", `a ${name}`)
      assert.deepStrictEqual(
        cutOff,
        sit(20).map((name) => `a ${name}`)
      )
      enter("b", "b late")
      yield* until("that of who has few", () => begun.includes("b late"))
      assert.isAtMost(begun.filter((name) => name.startsWith("a ")).length, 3)
    })
  )

  lives("begin in a turn of the loop in which others want little, or after a while", (time) =>
    Effect.gen(function* () {
      const { begun, enter } = story({})
      const { turnMillis } = time
      time.turnMillis = 1
      const from = Machine.clockMillis()
      enter("a")
      yield* until("it to begin", () => begun.length === 1)
      const waited = Machine.clockMillis() - from
      time.turnMillis = turnMillis
      assert.isAtLeast(waited, 9)
      const quiet = Machine.clockMillis()
      for (const name of sit(20)) enter("b", `${name}`)
      yield* until("all of them", () => begun.length === 21)
      assert.isBelow(Machine.clockMillis() - quiet, 20 * 9)
    })
  )

  lives("under way are so many at once: of who has most the oldest is cut off", () =>
    Effect.gen(function* () {
      const { begun, cutOff, enter, turns } = story({ atOnce: 10 })
      const honest = enter("honest", "honest")
      for (const name of sit(30)) enter("half", `half ${name}`)
      yield* until("all to begin", () => begun.length === 31)
      assert.strictEqual(turns.begunCount, 10)
      assert.deepStrictEqual(
        cutOff,
        sit(21).map((name) => `half ${name}`)
      )
      turns.over(honest, true)
      assert.strictEqual(turns.begunCount, 9)
    })
  )

  lives("under way of one origin do not look like targets that come back, if they are many: it has no credit", () =>
    Effect.gen(function* () {
      const { begun, enter } = story({ suspectPerSecond: 1e-3, suspectBurst: 1 })
      for (const name of sit(200)) enter("half", `half ${name}`)
      yield* until("others to begin, and those in vain", () => {
        if (begun.length >= 130) enter("other", "other")
        return begun.includes("other")
      })
      assert.isAtMost(begun.filter((name) => name.startsWith("half")).length, 130)
    })
  )

  lives("that end before their turn never begin", () =>
    Effect.gen(function* () {
      const { begun, enter, turns } = story({ burst: 1, perSecond: 100 })
      enter("a")
      turns.over(enter("gone"), false)
      enter("b")
      yield* until("the last", () => turns.waitingCount === 0)
      assert.deepStrictEqual(begun, ["a", "b"])
    })
  )
})

it("an origin is an address, or a network of IPv6", () => {
  assert.strictEqual(networkOf("10.1.2.3"), "10.1.2.3")
  assert.strictEqual(networkOf("::ffff:10.1.2.3"), "10.1.2.3")
  assert.strictEqual(networkOf("2001:db8:1:2:3:4:5:6"), networkOf("2001:db8:1:2::9"))
  assert.notStrictEqual(networkOf("2001:db8:1:2::1"), networkOf("2001:db8:1:3::1"))
  assert.strictEqual(networkOf("2001:db8::1"), networkOf("2001:db8:0:0:ffff::"))
  assert.strictEqual(networkOf("::1"), "0:0:0:0::/64")
})

it("the oldest of who has most is found, and size and members stay true", () => {
  const crowd = new ByOrigin<number>()
  for (const number of sit(10)) crowd.add(number % 3 === 0 ? "a" : "b", number)
  crowd.add("c", 10)
  assert.strictEqual(crowd.oldestOfMost, 1)
  assert.isTrue(crowd.delete("c", 10))
  assert.isTrue(crowd.delete("b", 1))
  assert.isFalse(crowd.delete("b", 1))
  assert.isFalse(crowd.delete("c", 2))
  assert.strictEqual(crowd.size, 9)
  assert.sameMembers([...crowd.all], [0, 2, 3, 4, 5, 6, 7, 8, 9])
  const taken = sit(9).map(() => crowd.take(() => true))
  assert.deepStrictEqual(taken, [0, 2, 3, 4, 6, 5, 9, 7, 8])
  assert.strictEqual(
    crowd.take(() => true),
    undefined
  )
})
