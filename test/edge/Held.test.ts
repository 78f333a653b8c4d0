/**
 * Tracers' connections as the edge hears them: when they are read, and what of them reaches which journal.
 * Goal: nobody is read against the relay's will, and nothing that a full spool waits for stays in memory.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import { Journals } from "../../src/edge/tap/Journals.ts"
import { TappedData } from "../../src/edge/tap/TappedData.ts"
import { Slabs } from "../../src/memory/Landing.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { join } from "../../src/testing/PeerBytes.ts"
import { until } from "../../src/testing/Waiting.ts"
import { PeerDouble, packet } from "../connection/doubles.ts"
import * as Spools from "./spools.ts"

/** A data connection; two sessions that have the streams 0 and 1; a spool that has room when it is told so. */
const scene = Effect.gen(function* () {
  const spool = yield* Spools.make()
  const state = { hasRoom: true, goesOn: true, resumeCount: 0, asked: [] as Array<() => void> }
  Object.assign(spool.holding, {
    hasRoomFor: () => state.hasRoom,
    whenRoom: (then: () => void) => void state.asked.push(then)
  })
  const journals = new Journals(spool, () => undefined)
  const each = [0n, 1n].map((stream) => {
    const journal: Journal = Spools.open(spool, `${stream}`)
    journals.streams.set(stream, journal)
    // Its control connection.
    journal.join(Kind.control)
    const ends: Array<number> = []
    const append = journal.append.bind(journal)
    journal.append = (kind, connection, one, two) => {
      if (kind === Kind.end) ends.push(one?.bytes[0] ?? -1)
      append(kind, connection, one, two)
    }
    return { journal, ends }
  })
  const peer = Object.assign(new PeerDouble("tracer", new Slabs()), { resume: () => void state.resumeCount++ })
  const data = new TappedData(peer, journals)
  data.start({ receive: () => state.goesOn, ended: () => {}, drained: () => {} })
  state.resumeCount = 0
  const receive = (...all: ReadonlyArray<Buffer>) => data.receive(join(...all), join(...all).length)
  const [one, other] = each
  if (one === undefined || other === undefined) return assert.fail()
  return { data, one, other, receive, spool, state }
})

it.live("who is held back for room is not read before the relay wants more, either", () =>
  Effect.gen(function* () {
    const { data, one, receive, state } = yield* scene
    Object.assign(state, { hasRoom: false, goesOn: false })
    assert.isFalse(receive(packet(0n, 0)))
    assert.isTrue(one.journal.halves.arePacketsHeld)
    state.hasRoom = true
    state.asked.shift()?.()
    assert.isFalse(one.journal.halves.arePacketsHeld)
    assert.strictEqual(state.resumeCount, 0)
    data.resume()
    assert.strictEqual(state.resumeCount, 1)
  })
)

it.live(
  "what came of a packet is written when its rest is held back: the relay has to have it before there is room",
  () =>
    Effect.gen(function* () {
      const { one, receive, state } = yield* scene
      receive(packet(0n, 0, 1000).subarray(0, 500))
      assert.isBelow(one.journal.written, one.journal.last)
      state.hasRoom = false
      receive(packet(0n, 0, 1000).subarray(500, 600))
      assert.strictEqual(one.journal.written, one.journal.last)
    })
)

it.live("a connection with packets of two sessions ends for the first: of the other its end says nothing", () =>
  Effect.gen(function* () {
    const { data, one, other, receive } = yield* scene
    receive(packet(0n, 0), packet(1n, 0))
    yield* until("both to be written", () => [one, other].every(({ journal }) => journal.written === journal.last))
    data.close()
    assert.deepStrictEqual([one.ends, other.ends], [[1], []])
    assert.deepStrictEqual([one.journal.beforeEnds.size, other.journal.beforeEnds.size], [0, 0])
    // Nor is anything heard of it afterwards, which would keep the session for ever.
    receive(packet(0n, 1))
    assert.strictEqual(one.journal.open.size, 1)
  })
)

it.live("a session that was stopped goes on to be read, and each of its packets is lost once", () =>
  Effect.gen(function* () {
    const { one, receive, spool } = yield* scene
    const lost: Array<number> = []
    spool.lose = (_, byteCount) => void lost.push(byteCount)
    receive(packet(0n, 0, 100).subarray(0, 80))
    one.journal.stop()
    receive(packet(0n, 0, 100).subarray(80), packet(0n, 1, 200))
    assert.deepStrictEqual(lost, [100, 200])
  })
)
