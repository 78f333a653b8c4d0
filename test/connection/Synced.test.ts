/** Where what is written is synced: what was cut off and written anew is, too. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../support/turns.ts"
import { assertNothingLeft, packet, withRelay } from "./doubles.ts"

it.live("a packet in the place of one that was cut off is synced, although the file is as long as before", () =>
  withRelay({ sync: { intervalMillis: 1_000_000 } }, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      yield* c.session({ name: "mine" })
      const mine = yield* c.addStream()
      const other = yield* relay.control
      yield* other.session({ name: "theirs", sessionId: 8 })
      const theirs = yield* other.addStream()
      const synced = Effect.suspend(() => relay.registry.streams.get(Number(theirs))?.log.synced ?? Effect.void)
      const d = yield* relay.data
      d.deliver(packet(mine, 0))
      d.deliver(packet(theirs, 0, 100).subarray(0, 32 + 28))
      yield* synced
      d.finish()
      yield* until("its connection to be gone", () => d.isClosed)
      relay.faults.fail({ code: "EIO", operation: "fsync", path: "64-bit/ch_0" })
      const again = yield* relay.data
      again.deliver(packet(theirs, 1, 28))
      assert.strictEqual((yield* Effect.flip(synced)).code, "EIO", "it asks for the sync")
    })
  )
)

it.live("a defect in the sync before a file is closed ends the stream, and the session can end", () =>
  withRelay({ sync: "close", isDisk: true }, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      yield* c.session({ name: "mine" })
      const stream = yield* c.addStream()
      const d = yield* relay.data
      d.deliver(packet(stream, 0))
      assert.strictEqual(yield* c.index(stream, { seq: 0 }), 10)
      relay.faults.fail({ code: "bug", operation: "fsync", isDefect: true })
      c.peer.finish()
      d.finish()
      yield* assertNothingLeft(relay)
    })
  )
)
