/** What the answer to an index waits for. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import { turns, until } from "../support/turns.ts"
import { packet, withRelay } from "./doubles.ts"

const disks = [
  ["near, and slow since before the stream began", true, 0],
  ["far", false, 4]
] as const

it.live.each(disks)("a disk that is %s", ([, isNear, answeredBytes]) =>
  withRelay({ isDisk: true, isNear }, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      yield* c.session({ name: "one" })
      const stream = yield* c.addStream()
      const d = yield* relay.data
      const release = relay.faults.stall("ch_0")
      d.deliver(packet(stream, 0))
      c.post("SEND_INDEX", Commands.sendIndex(c.minor, stream, { seq: 0, bytes: 16 }))
      yield* until("the write to have begun", () => relay.faults.stalledCount > 0)
      yield* turns(20)
      assert.strictEqual(c.peer.received.length, answeredBytes)
      yield* release
      assert.strictEqual((yield* c.take(4)).readUInt32BE(), 10)
    })
  )
)
