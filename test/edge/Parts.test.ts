/**
 * Files of one consumer daemon that only the relay cannot make or write, while others of the tracing session go on.
 * Goal: by an edge no more ends than directly, at this relay and at the next, and the directory is the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "../../src/storage/FaultyFiles.ts"
import type * as Script from "../../src/testing/Script.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Commands from "../sidebyside/commands.ts"
import * as Local from "./Local.ts"
import { type Between, both, byEdge, direct, type Play, packet, type Relays, restart, shared, wheres } from "./parts.ts"

/** Where the streams of the one that fails are. */
const path = "ust/uid/1/64-bit"

/** What one says that has a stream with a packet, and then files that fail. */
interface Failing {
  readonly fault: Fault
  /** What its host is told, behind where its streams are, which is `PLACE` in it. */
  readonly told: string
  readonly says: (of: Script.Recording, stream: bigint) => Effect.Effect<unknown>
}

const packets = (of: Script.Recording, stream: bigint) =>
  Effect.forEach([1, 2, 3], (seq) => packet(of, stream, seq, 100))

const metadata = ({ c }: Script.Recording) =>
  Effect.flatMap(c.addStream({ channel: "metadata", path }), (stream) => c.metadata(stream, Buffer.from("more text")))

const failing: Readonly<Record<string, Failing>> = {
  "a packet": {
    fault: { operation: "write", path: "uid/1/64-bit/bad_0", code: "EFBIG" },
    told: "FILE_FAILED: write PLACE/bad_0: EFBIG",
    says: packets
  },
  "an index": {
    fault: { operation: "write", path: "bad_0.idx", code: "EFBIG" },
    told: "FILE_FAILED: write PLACE/index/bad_0.idx: EFBIG",
    says: packets
  },
  metadata: {
    fault: { operation: "write", path: "uid/1/64-bit/metadata", code: "EFBIG" },
    told: "FILE_FAILED: write PLACE/metadata: EFBIG",
    says: metadata
  },
  "the file of a stream": {
    fault: { operation: "open", path: "uid/1/64-bit/metadata", code: "ENAMETOOLONG" },
    told: "STREAM_FILE: open PLACE/metadata: ENAMETOOLONG",
    says: metadata
  },
  "the file of a stream, of which packets come": {
    fault: { operation: "open", path: "uid/1/64-bit/more", code: "ENAMETOOLONG" },
    told: "STREAM_FILE: open PLACE/more: ENAMETOOLONG",
    says: (of) => Effect.flatMap(of.c.addStream({ channel: "more", path }), (stream) => packets(of, stream))
  }
}

/** A fault of the relay's own. A relay that begins anew does not have it, so that more comes to its end there. */
const defect: Failing = {
  fault: { operation: "open", path: "uid/1/64-bit/metadata", code: "EIO", isDefect: true },
  told: "CONNECTION_DEFECT",
  says: metadata
}

const toldOf = ({ told }: Pick<Failing, "told">) => `${path}: ${told.replace("PLACE", `h/s-20231114-221320/${path}`)}`

const played =
  ({ fault, says }: Failing, between: Effect.Effect<void> = Effect.void): Play =>
  (script, fails) =>
    Effect.gen(function* () {
      const { bad, good, other, stream } = yield* both(script, path)
      yield* packet(bad, stream, 0, 100)
      yield* packet(good, other, 0, 50)
      yield* script.fileSize(bad.file("index/bad_0.idx", undefined, path), 24 + 8 * 8)
      yield* script.fileSize(good.file("good_0"), 50)
      fails(fault)
      yield* says(bad, stream)
      yield* packet(good, other, 1, 50)
      yield* script.fileSize(good.file("good_0"), 100)
      yield* between
      yield* good.c.createChunk(1, Commands.start + 10)
      yield* good.c.rotate(1, [[other, 2]])
      yield* good.c.closeChunk(0, Commands.start + 10, 0)
      yield* packet(good, other, 2, 70)
      yield* good.c.closeStream(other, 2)
    })

/** What is put down cannot be replaced. */
const unmarked: Fault = { operation: "rename", path: ".journals", code: "EBUSY" }

/** The same, where nothing fails. */
const whole = (what: Failing) => direct((script) => played(what)(script, () => {}))

describe("of one consumer daemon the relay cannot write", () => {
  const goOn = (name: string, what: Failing, meanwhile?: Between) =>
    it.live(name, () =>
      Effect.gen(function* () {
        const expected = yield* direct(played(what))
        const { isLost, lost, tree } = yield* byEdge((between) => played(what, between), meanwhile)
        assert.deepStrictEqual({ isLost, tree }, { isLost: false, tree: expected.tree })
        assert.deepStrictEqual(lost, [toldOf(what)])
      })
    )
  for (const [name, what] of Object.entries(failing)) {
    for (const [where, meanwhile] of wheres) goOn(`${name}: the others go on${where}`, what, meanwhile)
  }
  goOn("a stream, for a fault of its own: the others go on", defect)

  it.live("the file of the stream of its first packet: that is told once, as what it is", () =>
    Effect.gen(function* () {
      const { fault, told } = failing["the file of a stream, of which packets come"] as Failing
      const first: Play = (script, fails) =>
        Effect.gen(function* () {
          const { bad, good, other } = yield* both(script, path)
          yield* packet(good, other, 0, 50)
          yield* script.fileSize(good.file("good_0"), 50)
          fails(fault)
          yield* Effect.flatMap(bad.c.addStream({ channel: "more", path }), (stream) => packet(bad, stream, 0, 100))
          yield* packet(good, other, 1, 50)
          yield* script.fileSize(good.file("good_0"), 100)
        })
      const expected = yield* direct(first)
      const { isLost, lost, tree } = yield* byEdge(() => first)
      assert.deepStrictEqual({ isLost, tree }, { isLost: false, tree: expected.tree })
      assert.deepStrictEqual(lost, [toldOf({ told })])
    })
  )

  it.live("a packet: what was not put down yet is recorded by a relay that can write it", () =>
    Effect.gen(function* () {
      const what = failing["a packet"] as Failing
      // Nor can what is left be put down.
      const expected = yield* whole(what)
      const { isLost, tree } = yield* byEdge(
        (between) => (script, fails) =>
          played(what, between)(script, (fault) => {
            fails(unmarked)
            fails(fault)
          }),
        ({ relay, restarted }) =>
          Effect.andThen(
            Effect.orDie(until("one to fail", relay().relay.sessions, (sessions) => sessions.length === 1)),
            restarted(true)
          )
      )
      assert.deepStrictEqual({ isLost, tree }, { isLost: false, tree: expected.tree })
    })
  )

  it.live("a packet: what it goes on saying does not have all put down anew", () =>
    Effect.gen(function* () {
      const talking =
        (marked: Effect.Effect<void> = Effect.void): Play =>
        (script, fails) =>
          Effect.gen(function* () {
            const { bad, good, other, stream } = yield* both(script, path)
            fails((failing["a packet"] as Failing).fault)
            for (let seq = 0; seq < 3; seq++) {
              yield* packet(bad, stream, seq, 100)
              yield* packet(good, other, seq, 50)
              yield* script.fileSize(good.file("good_0"), 50 * (seq + 1))
              yield* marked
              fails(unmarked)
            }
          })
      const expected = yield* direct(talking())
      const { isLost, tree } = yield* byEdge(talking, (_, local) => Local.marked(local))
      assert.deepStrictEqual({ isLost, tree }, { isLost: false, tree: expected.tree })
    })
  )

  for (const where of ["this", "the next"]) {
    it.live(`a packet, and the others end: what it goes on saying is told to be lost, at ${where} relay`, () =>
      Effect.gen(function* () {
        let relays: Relays | undefined
        const isLeft = Effect.suspend(() => relays?.relay().relay.sessions ?? Effect.succeed([]))
        const { isLost } = yield* byEdge(
          (restarts) => (script, fails) =>
            Effect.gen(function* () {
              const { bad, good, other, stream } = yield* both(script, path)
              fails((failing["a packet"] as Failing).fault)
              yield* packet(bad, stream, 0, 100)
              yield* packet(good, other, 0, 50)
              yield* script.fileSize(good.file("good_0"), 50)
              yield* restarts
              yield* Effect.andThen(good.d.close, good.c.close)
              yield* Effect.orDie(until("their end", isLeft, ({ length }) => length === 0))
              yield* packet(bad, stream, 1, 100)
            }),
          (all, local) => {
            relays = all
            return where === "this" ? Effect.void : restart(all, local)
          }
        )
        assert.isTrue(isLost)
      })
    )
  }

  it.live("a packet, and the others end: that is told, too, where the next relay has found nothing of either", () =>
    Effect.gen(function* () {
      let relays: Relays | undefined
      let mend = () => {}
      const sessions = Effect.suspend(() => relays?.relay().relay.sessions ?? Effect.succeed([]))
      const left = (count: number) => Effect.orDie(until("their end", sessions, ({ length }) => length === count))
      const { isLost } = yield* byEdge(
        (restarts) => (script, fails) =>
          Effect.gen(function* () {
            const { bad, good, other, stream } = yield* both(script, path)
            yield* packet(good, other, 0, 50)
            yield* script.fileSize(good.file("good_0"), 50)
            // What is left is put down once nothing is.
            mend = relays?.relay().faults.fail(unmarked) ?? mend
            fails((failing["a packet"] as Failing).fault)
            yield* packet(bad, stream, 0, 100)
            yield* left(1)
            yield* Effect.andThen(good.d.close, good.c.close)
            yield* restarts
            yield* packet(bad, stream, 1, 100)
          }),
        (all, local) => {
          relays = all
          return Effect.andThen(
            left(0),
            Effect.suspend(() => {
              mend()
              return restart(all, local)
            })
          )
        }
      )
      assert.isTrue(isLost)
    })
  )

  it.live("a packet, and there is no other: the session ends, and that is told", () =>
    Effect.gen(function* () {
      const alone: Play = (script, fails) =>
        Effect.gen(function* () {
          const bad = yield* script.recording(shared)
          const stream = yield* bad.c.addStream({ channel: "bad_0", path })
          yield* packet(bad, stream, 0, 100)
          yield* script.fileSize(bad.file("index/bad_0.idx", undefined, path), 24 + 8 * 8)
          fails((failing["a packet"] as Failing).fault)
          yield* packets(bad, stream)
        })
      const expected = yield* direct(alone)
      const { isLost, tree } = yield* byEdge(() => alone)
      assert.deepStrictEqual({ isLost, tree }, { isLost: true, tree: expected.tree })
    })
  )

  it.live("of a snapshot: it is lost alone, as directly, though the next ones are in the spool with it", () =>
    Effect.gen(function* () {
      const { fault } = failing["a packet"] as Failing
      const snapshots: Play = (script, fails) =>
        Effect.gen(function* () {
          fails({ ...fault, times: 1 })
          const snapshot = (number: number, channel: string) =>
            Effect.gen(function* () {
              const of = yield* script.recording({ ...shared, snapshot: true, chunk: "none" })
              yield* of.c.createChunk(number, Commands.start + number, `snapshot-${number}`)
              const stream = yield* of.c.addStream({ channel, path })
              for (const seq of [0, 1]) yield* packet(of, stream, seq, 100)
            })
          yield* snapshot(0, "bad_0")
          yield* snapshot(1, "good_0")
          yield* snapshot(2, "good_1")
          yield* script.totalBytes("good_1", 200)
        })
      const expected = yield* direct(snapshots)
      const { isLost, lost, tree } = yield* byEdge(() => snapshots)
      assert.deepStrictEqual({ isLost, tree }, { isLost: false, tree: expected.tree })
      assert.match(lost.join("\n"), /^ust\/uid\/1\/64-bit: FILE_FAILED: write .*bad_0: EFBIG$/)
    })
  )
})
