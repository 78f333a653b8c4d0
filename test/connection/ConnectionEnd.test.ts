/** How a connection ends, by value: the first that happens counts, and the log is told once. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { ConnectionEnd } from "../../src/connection/ConnectionEnd.ts"
import { Connections } from "../../src/relay/Connections.ts"
import { Incidents } from "../../src/relay/Incidents.ts"
import type { Peer, SocketEnd } from "../../src/transport/Peer.ts"
import { logged } from "../support/logged.ts"

const make = () => {
  let id = 0
  const connections = new Connections({ next: () => ++id })
  const connection = connections.open("control", "peer")
  let gone: SocketEnd | undefined
  const whenGone: Peer["whenGone"] = (then) => gone !== undefined && then(gone)
  const { layer, lines } = logged()
  const incidents = new Incidents()
  const end = new ConnectionEnd(connections, incidents, connection)
  const reason = Effect.provide(end.reason("control", { whenGone } as Peer), layer)
  const breakSocket = () => {
    gone = "stalled"
  }
  return { connection, incidents, end, lines, reason, breakSocket }
}

describe("the end of a connection", () => {
  it.effect("is the first one decided, with its complaint", () =>
    Effect.gen(function* () {
      const { connection, end, lines, reason } = make()
      end.decide("refused", "too early")
      end.decide("protocol error", "too late")
      assert.strictEqual(yield* reason, "refused")
      assert.deepStrictEqual([connection.reason, connection.complaint], ["refused", "too early"])
      assert.deepStrictEqual(lines, ["control connection ended: refused: too early"])
    })
  )

  it.effect("is counted once, as what the peer did wrong is called", () =>
    Effect.gen(function* () {
      const { end, incidents, reason } = make()
      end.decide("refused", "no such stream", "STREAM_UNKNOWN")
      end.decide("refused", "too late", "METADATA_REFUSED")
      yield* reason
      assert.deepStrictEqual([...incidents.counts], [["STREAM_UNKNOWN", 1]])
    })
  )

  it.effect("is counted by its reason, where nothing says more; a peer that was done is no incident", () =>
    Effect.gen(function* () {
      const stalled = make()
      stalled.breakSocket()
      yield* stalled.reason
      assert.deepStrictEqual([...stalled.incidents.counts], [["CONNECTION_STALLED", 1]])
      const done = make()
      done.end.decide("peer closed")
      yield* done.reason
      assert.deepStrictEqual([...done.incidents.counts], [])
    })
  )

  it.effect("is the socket's, where nothing was decided; what comes after it changes nothing", () =>
    Effect.gen(function* () {
      const { connection, end, reason, breakSocket } = make()
      breakSocket()
      assert.strictEqual(yield* reason, "stalled")
      end.decide("refused", "too late")
      end.forget()
      assert.deepStrictEqual([connection.reason, connection.complaint], ["stalled", ""])
    })
  )

  it.effect("is a defect's, which the fiber ends with: nothing more is taken from the peer", () =>
    Effect.gen(function* () {
      const { connection, end, reason } = make()
      const defect = new Error("a fault of ours")
      end.onDefect(defect)
      assert.isTrue(end.hasCome)
      const exit = yield* Effect.exit(reason)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause) && Cause.squash(exit.cause) === defect)
      end.forget()
      assert.strictEqual(connection.reason, "defect")
    })
  )

  it.effect("is a defect's, too, of what the fiber carries out", () =>
    Effect.gen(function* () {
      const { connection, end, reason } = make()
      const defect = new Error("a fault of ours")
      end.carryOut(Effect.die(defect))
      const exit = yield* Effect.exit(reason)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause) && Cause.squash(exit.cause) === defect)
      assert.isTrue(end.hasCome)
      end.forget()
      assert.strictEqual(connection.reason, "defect")
    })
  )

  it("that is interrupted is the relay's stop", () => {
    const { connection, end } = make()
    end.forget()
    assert.deepStrictEqual([end.hasCome, connection.reason], [true, "relay stopped"])
  })
})
