/**
 * Answers of one look at the sockets leave together where several targets wait for theirs (`relay/Outbox`). Goal: what
 * is kept until then is what was to be said before, and nothing that came meanwhile and has still to wait.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import { turns } from "../support/turns.ts"
import { packet, type Relay, withRelay } from "./doubles.ts"

const record = (relay: Relay, sessionId: number) =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const d = yield* relay.data
    yield* c.session({ name: `s${sessionId}`, sessionId })
    const stream = yield* c.addStream()
    const bytes = (seq: number) => d.deliver(packet(stream, seq))
    const index = (seq: number) => c.post("SEND_INDEX", Commands.sendIndex(c.minor, stream, { seq, bytes: 16 }))
    const both = (seq: number) => {
      bytes(seq)
      index(seq)
    }
    return { c, bytes, index, both }
  })

describe("a crowd of targets", () => {
  it.live("is answered at the end of a look; an index that waits for its packet goes on waiting", () =>
    withRelay({}, (relay) =>
      Effect.gen(function* () {
        const targets = yield* Effect.forEach([1, 2, 3, 4, 5], (id) => record(relay, id))
        const [first] = targets
        if (first === undefined) return assert.fail()
        const crowd = (seq: number) => {
          for (const { both } of targets) both(seq)
        }
        // Files are opened, and a look like this one has been.
        for (const seq of [0, 1, 2]) {
          crowd(seq)
          yield* turns(1)
          for (const { c } of targets) assert.strictEqual((yield* c.take(4)).readUInt32BE(), 10)
        }
        crowd(3)
        for (const { c } of targets) assert.lengthOf(c.peer.received, 0, "not before the look is over")
        first.index(4)
        yield* turns(2)
        const lengths = targets.map(({ c }) => c.peer.received.length)
        assert.deepStrictEqual(lengths, [0, 4, 4, 4, 4], "what is in the files is answered")
        first.bytes(4)
        const answers = yield* first.c.take(8)
        assert.deepStrictEqual([answers.readUInt32BE(0), answers.readUInt32BE(4)], [10, 10])
      })
    )
  )
})
