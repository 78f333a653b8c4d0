/**
 * Connections that the relay ends for what their tracers said, while others of the tracing session go on.
 * Goal: by an edge no more ends than directly, and the relay's directory is the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Script from "../../src/testing/Script.ts"
import * as Commands from "../sidebyside/commands.ts"
import { both, byEdge, direct, joining, type Play, packet, shared, wheres } from "./parts.ts"

/** What the first of two consumer daemons of a tracing session says, so that the relay ends a connection of it. */
type Fault = (of: Script.Recording, stream: bigint) => Effect.Effect<void>

const unknown = 999n

const unknownCommand: Fault = ({ c }) => Effect.andThen(c.raw(Commands.header(99, 0)), c.closes())

const faults: Readonly<Record<string, Fault>> = {
  "a command that there is not": unknownCommand,
  "a command that there is not, with more behind it": ({ c }, stream) => {
    const more = Commands.message(Commands.numbers.CLOSE_STREAM, Commands.join(Commands.u64(stream), Commands.u64(0)))
    return Effect.andThen(c.raw(Commands.join(Commands.header(99, 0), more, more)), c.closes())
  },
  "a command that is too short": ({ c }) => c.refused("CLOSE_STREAM", Commands.none),
  "the index of a stream that there is not": ({ c }) =>
    c.refused("SEND_INDEX", Commands.sendIndex(c.minor, unknown, { seq: 0, bytes: 16 })),
  "metadata of a stream that there is not": ({ c }) =>
    Effect.andThen(c.metadata(unknown, Buffer.alloc(300_000)), c.closes()),
  "a packet of a stream that there is not": ({ d }) => Effect.andThen(d.packet(unknown, 0), d.closes()),
  "a packet of a stream that is in no trace chunk": ({ c, d }, stream) =>
    Effect.gen(function* () {
      yield* c.rotate(undefined, [[stream, 1]])
      yield* d.packet(stream, 1)
      yield* d.closes()
    })
}

/** Of a connection that the edge has ended, too, its host is told only where more had come. */
const toldOf = (name: string) =>
  name.includes("more behind") ? ["ust/uid/0/64-bit: COMMAND_UNKNOWN: command 99: unknown command 99"] : []

const played =
  (fault: Fault, between: Effect.Effect<void> = Effect.void) =>
  (script: Script.Script) =>
    Effect.gen(function* () {
      const { bad, good, other, stream } = yield* both(script)
      yield* packet(bad, stream, 0, 100)
      yield* fault(bad, stream)
      yield* bad.c.close
      yield* bad.d.close
      yield* between
      for (let seq = 0; seq < 3; seq++) {
        yield* packet(good, other, seq, 50)
      }
      yield* good.c.createChunk(1, Commands.start + 10)
      yield* good.c.rotate(1, [[other, 3]])
      yield* good.c.closeChunk(0, Commands.start + 10, 0)
      yield* good.c.untilChunkGone(0)
      yield* packet(good, other, 3, 70)
      yield* good.c.closeStream(other, 3)
      yield* good.c.alive
    })

describe("a connection that the relay ends for", () => {
  for (const [name, fault] of Object.entries(faults)) {
    for (const [where, meanwhile] of wheres) {
      it.live(`${name}: the others go on${where}`, () =>
        Effect.gen(function* () {
          const expected = yield* direct(played(fault))
          const found = yield* byEdge((between) => played(fault, between), meanwhile)
          assert.deepStrictEqual(found, { ...expected, isLost: false, lost: toldOf(name) })
        })
      )
    }
  }

  it.live("a command that there is not, alone: another one that comes goes on", () =>
    Effect.gen(function* () {
      const play: Play = (script) =>
        Effect.gen(function* () {
          const bad = yield* script.recording(shared)
          const stream = yield* bad.c.addStream({ channel: "bad_0" })
          yield* packet(bad, stream, 0, 100)
          yield* unknownCommand(bad, stream)
          const good = yield* script.recording(joining)
          const other = yield* good.c.addStream({ channel: "good_0" })
          yield* packet(good, other, 0, 50)
        })
      const expected = yield* direct(play)
      const found = yield* byEdge(() => play)
      assert.deepStrictEqual(found, { ...expected, isLost: false, lost: [] })
    })
  )

  const inTheWay =
    (between: Effect.Effect<void> = Effect.void): Play =>
    (script) =>
      Effect.gen(function* () {
        const bad = yield* script.recording(shared)
        const good = yield* script.recording(joining)
        const other = yield* good.c.addStream({ channel: "good_0" })
        yield* script.exists(good.file("good_0"))
        yield* script.write(bad.file("bad_0/in the way"), "")
        const stream = yield* bad.c.addStream({ channel: "bad_0" })
        for (let seq = 0; seq < 3; seq++) {
          yield* bad.d.packet(stream, seq)
          yield* bad.c.index(stream, { seq })
          yield* packet(good, other, seq, 50)
        }
        yield* between
        yield* packet(good, other, 3, 70)
      })

  for (const [where, meanwhile] of wheres) {
    it.live(`a stream that only the relay could not make: the others go on${where}`, () =>
      Effect.gen(function* () {
        const expected = yield* direct(inTheWay())
        const { isLost, tree } = yield* byEdge(inTheWay, meanwhile)
        assert.deepStrictEqual({ isLost, tree }, { isLost: false, tree: expected.tree })
      })
    )
  }
})
