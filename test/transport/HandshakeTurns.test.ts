/** Whose handshake begins: so many a second, each origin in turn, and nobody's flood keeps others out. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../../src/testing/Waiting.ts"
import { type Bounds, type Handshake, HandshakeTurns } from "../../src/transport/HandshakeTurns.ts"
import { ByOrigin, originOf } from "../../src/transport/Origins.ts"

const many: Bounds = { perSecond: 1e6, burst: 1e6, badPerSecond: 1e6, badBurst: 1e6, atOnce: 1e6 }

const story = (bounds: Partial<Bounds>) => {
  const turns = new HandshakeTurns({ ...many, ...bounds })
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

const sit = (count: number) => Array.from({ length: count }, (_, index) => index)

describe("handshakes", () => {
  it.live("begin at once while there are few, then so many a second and no more", () =>
    Effect.gen(function* () {
      const { begun, enter } = story({ burst: 5, perSecond: 100 })
      const from = performance.now()
      for (const name of sit(25)) enter("a", `${name}`)
      assert.lengthOf(begun, 0)
      yield* until(
        "the first to begin",
        Effect.sync(() => begun.length >= 5)
      )
      assert.isBelow(performance.now() - from, 100)
      yield* until(
        "all to begin",
        Effect.sync(() => begun.length === 25)
      )
      assert.isAtLeast(performance.now() - from, 190)
      assert.deepStrictEqual(begun, sit(25).map(String))
    })
  )

  it.live("of who has few do not wait for those of who has many", () =>
    Effect.gen(function* () {
      const { begun, enter } = story({ burst: 1, perSecond: 200 })
      for (const _ of sit(50)) enter("flood")
      for (const origin of ["b", "c"]) for (const _ of sit(2)) enter(origin)
      yield* until(
        "theirs to begin",
        Effect.sync(() => begun.filter((origin) => origin !== "flood").length === 4)
      )
      // The first at once, then in turn.
      assert.isAtMost(begun.length, 8)
      yield* until(
        "the others",
        Effect.sync(() => begun.length === 54)
      )
    })
  )

  it.live("that come to nothing use up their origin's share; good ones do not", () =>
    Effect.gen(function* () {
      const { begun, enter, turns } = story({ badBurst: 10, badPerSecond: 20 })
      for (const name of sit(30)) {
        const good = enter("site", `good ${name}`)
        yield* until(
          "it to begin",
          Effect.sync(() => begun.length === name + 1)
        )
        turns.over(good, true)
      }
      const from = performance.now()
      for (const _ of sit(15)) enter("flood")
      enter("honest")
      yield* until(
        "the honest one",
        Effect.sync(() => begun.includes("honest"))
      )
      assert.isAtMost(begun.filter((name) => name === "flood").length, 11)
      yield* until(
        "the flood's",
        Effect.sync(() => turns.waitingCount === 0)
      )
      assert.isAtLeast(performance.now() - from, 200)
    })
  )

  it.live("under way are so many at once: of who has most the oldest is cut off", () =>
    Effect.gen(function* () {
      const { begun, cutOff, enter, turns } = story({ atOnce: 10 })
      const honest = enter("honest", "honest")
      for (const name of sit(30)) enter("half", `half ${name}`)
      yield* until(
        "all to begin",
        Effect.sync(() => begun.length === 31)
      )
      assert.strictEqual(turns.begunCount, 10)
      assert.deepStrictEqual(
        cutOff,
        sit(21).map((name) => `half ${name}`)
      )
      turns.over(honest, true)
      assert.strictEqual(turns.begunCount, 9)
    })
  )

  it.live("that end before their turn never begin", () =>
    Effect.gen(function* () {
      const { begun, enter, turns } = story({ burst: 1, perSecond: 100 })
      enter("a")
      turns.over(enter("gone"), false)
      enter("b")
      yield* until(
        "the last",
        Effect.sync(() => turns.waitingCount === 0)
      )
      assert.deepStrictEqual(begun, ["a", "b"])
    })
  )
})

it("an origin is an address, or a network of IPv6", () => {
  assert.strictEqual(originOf("10.1.2.3"), "10.1.2.3")
  assert.strictEqual(originOf("::ffff:10.1.2.3"), "10.1.2.3")
  assert.strictEqual(originOf("2001:db8:1:2:3:4:5:6"), originOf("2001:db8:1:2::9"))
  assert.notStrictEqual(originOf("2001:db8:1:2::1"), originOf("2001:db8:1:3::1"))
  assert.strictEqual(originOf("2001:db8::1"), originOf("2001:db8:0:0:ffff::"))
  assert.strictEqual(originOf("::1"), "0:0:0:0::/64")
})

it("the oldest of who has most is found, and size and members stay true", () => {
  const crowd = new ByOrigin<number>()
  for (const number of sit(10)) crowd.add(number % 3 === 0 ? "a" : "b", number)
  assert.strictEqual(crowd.oldestOfMost, 1)
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
