/** When answers to several targets leave. What it saves is the benchmark's. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Outbox } from "../../src/relay/Outbox.ts"

/** Timers, sockets, then what is due immediately: one look is over. */
const looked = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

const targets = ["a", "b", "c", "d", "e"]

describe("answers of one look at the sockets", () => {
  it.live("leave at once while few targets wait for theirs", () =>
    Effect.gen(function* () {
      const outbox = new Outbox()
      for (let look = 0; look < 3; look++) {
        for (const target of targets.slice(0, 3)) assert.isFalse(outbox.post(() => assert.fail(target)))
        yield* looked
      }
    })
  )

  it.live("leave together at its end, in their order, when several do", () =>
    Effect.gen(function* () {
      const outbox = new Outbox()
      const sent: Array<string> = []
      const post = (target: string) => outbox.post(() => sent.push(target))
      // What a look is like tells the one before it.
      assert.deepStrictEqual(targets.map(post), [false, false, false, false, false])
      yield* looked
      assert.deepStrictEqual(targets.map(post), [true, true, true, true, true])
      assert.deepStrictEqual(sent, [])
      yield* looked
      assert.deepStrictEqual(sent, targets)
      // Nobody is forgotten when fewer come, and none is answered twice.
      assert.isTrue(post("last"))
      yield* looked
      assert.deepStrictEqual(sent, [...targets, "last"])
      assert.isFalse(post("alone"))
      yield* looked
      assert.deepStrictEqual(sent, [...targets, "last"])
    })
  )

  it.live("leave a look later if they are given while others leave", () =>
    Effect.gen(function* () {
      const outbox = new Outbox()
      const sent: Array<string> = []
      const again = (target: string) => () => {
        sent.push(target)
        assert.isTrue(outbox.post(() => sent.push(`${target} again`)))
      }
      for (const target of targets) outbox.post(() => assert.fail(target))
      yield* looked
      for (const target of targets) outbox.post(again(target))
      yield* looked
      assert.deepStrictEqual(sent, targets)
      yield* looked
      assert.deepStrictEqual(sent, [...targets, ...targets.map((target) => `${target} again`)])
    })
  )
})
