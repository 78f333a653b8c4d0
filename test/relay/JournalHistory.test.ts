/** What is put down of an edge's journal, where the disk refuses a part of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { headBytes, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { CommonMemory, Holding } from "../../src/relay/journal/CommonMemory.ts"
import * as HistoryRecord from "../../src/relay/journal/HistoryRecord.ts"
import * as JournalHistory from "../../src/relay/journal/JournalHistory.ts"
import * as JournalsLeft from "../../src/relay/journal/JournalsLeft.ts"
import type { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import type { TraceStore } from "../../src/storage/TraceStore.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Local from "../edge/Local.ts"
import { output, withStore } from "../storage/stores.ts"

const payloadBytes = 64

describe("a journal of which nothing can be put down", () => {
  for (const path of [".json", ".changes", ".history"]) {
    it.live(`is carried out all the same, and leaves no descriptor, when ${path} cannot be made`, () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        relay.faults.fail({ code: "ENAMETOOLONG", operation: "open", path })
        const opened = () => relay.faults.openCount
        assert.strictEqual(opened(), 0)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { packet, path: file } = yield* Local.recording(relay)
            yield* packet(0, payloadBytes)
            yield* until("the packet", () => relay.output.size(file) === payloadBytes)
          })
        )
        yield* relay.relay.sessions.pipe(
          Effect.flatMap((all) => Effect.forEach(all, ({ id }) => relay.relay.endSession(id)))
        )
        yield* until("the session to end", relay.relay.sessions, (sessions) => sessions.length === 0)
        yield* until("all files to be closed", () => opened() === 0)
      })
    )
  }
})

it.live("what follows the mark takes little more memory than it is, however much it is", () =>
  withStore({}, ({ store }) =>
    Effect.gen(function* () {
      const memory = new CommonMemory(256 * 1024 * 1024)
      const history = yield* JournalHistory.begin(store, "token", { edgeName: "edge", peer: "" }, false)
      history.heldIn(new Holding(memory, () => "owner"))
      const byteCount = 48 * 1024 * 1024
      const bytes = Buffer.alloc(byteCount)
      history.append(1, Kind.finish, 1, bytes, 0, byteCount)
      assert.isAbove(memory.heldBytes, byteCount)
      assert.isBelow(memory.heldBytes, byteCount + 20 * 1024 * 1024)
      yield* history.close
    })
  )
)

describe("what was put down of a journal since its mark", () => {
  it.live("is dropped where that does not lead to what is there, and stays where it cannot be", () =>
    withStore({}, ({ faults, store }) =>
      Effect.gen(function* () {
        const history = yield* JournalHistory.begin(store, "token", { edgeName: "edge", peer: "" }, false)
        const placesOf = Effect.map(
          JournalsLeft.find(store, "token", { isSynced: false, countMax: 1, told: Effect.die }),
          (found) => [...(found?.places ?? [])]
        )
        const entries = [{ kind: HistoryRecord.path, connection: 0, bytes: Buffer.from("host/left") }]
        let doneCount = 0
        const abridged = { entries, onDone: () => void doneCount++ }
        const memory = new CommonMemory(256 * 1024 * 1024)
        history.heldIn(new Holding(memory, () => "owner"))
        yield* history.mark(1)
        history.watch("host/astray")
        const byteCount = 1024 * 1024
        history.append(2, Kind.finish, 1, Buffer.alloc(byteCount), 0, byteCount)
        const mend = faults.fail({ operation: "rename", path: ".journals", code: "EBUSY" })
        assert.isFalse(yield* history.abridge(2, abridged))
        assert.deepStrictEqual([doneCount, yield* placesOf], [0, []])
        mend()
        assert.isTrue(yield* history.abridge(2, abridged))
        assert.deepStrictEqual([doneCount, yield* placesOf], [1, ["host/left"]])
        assert.strictEqual(memory.heldBytes, 0)
        yield* history.mark(3)
        assert.deepStrictEqual(yield* placesOf, ["host/left"])
      })
    )
  )
})

describe("directories of a journal", () => {
  it.live("are watched for as long as they are put down, and again when somebody records there again", () =>
    withStore({}, ({ store }) =>
      Effect.gen(function* () {
        const history = yield* JournalHistory.begin(store, "token", { edgeName: "edge", peer: "" }, false)
        const [watch] = store.retraceable.watches
        const all = Array.from({ length: 1000 }, (_, index) => `host/session/ust/pid/app-${index}`)
        for (const path of all) history.watch(path)
        assert.strictEqual(watch?.prefixes.size, all.length)
        const left = { kind: HistoryRecord.path, connection: 0, bytes: Buffer.from("host/session/ust/pid/app-7") }
        yield* history.mark(1, undefined, () => ({ entries: [left], onDone: () => {} }))
        assert.deepStrictEqual([...(watch?.prefixes ?? [])], [`${output}/host/session/ust/pid/app-7`])
        history.watch("host/session/ust/pid/app-8")
        yield* history.mark(2)
        const found = yield* JournalsLeft.find(store, "token", { isSynced: false, countMax: 1, told: Effect.die })
        assert.deepStrictEqual([...(found?.places ?? [])].sort(), [all[7], all[8]])
      })
    )
  )
})

describe("what is put down of a journal that has grown", () => {
  it.live("is abridged again when it has twice the length of what was left, however long that is", () =>
    withStore({}, ({ store }) =>
      Effect.gen(function* () {
        const history = yield* JournalHistory.begin(store, "token", { edgeName: "edge", peer: "" }, false)
        const left = { kind: HistoryRecord.path, connection: 0, bytes: Buffer.alloc(100_000, "s") }
        let abridgedCount = 0
        const marked = (number: number, byteCount: number) => {
          history.watch(`${number}`.padEnd(byteCount, "-"))
          const onDone = () => void abridgedCount++
          return history.mark(number, undefined, () => ({ entries: [left], onDone }))
        }
        yield* marked(1, 50_000)
        assert.strictEqual(abridgedCount, 1)
        yield* marked(2, 50_000)
        assert.strictEqual(abridgedCount, 1)
        yield* marked(3, 100_000)
        assert.strictEqual(abridgedCount, 2)
      })
    )
  )
})

describe("what follows the last marks, of all journals together", () => {
  it.live("is too much for the owner whose it is, and counts until it is written", () =>
    withStore({}, ({ faults, store }) =>
      Effect.gen(function* () {
        const memory = new CommonMemory(4 * 1024 * 1024)
        const begun = (owner: string) =>
          Effect.tap(JournalHistory.begin(store, owner, { edgeName: "edge", peer: "" }, false), (history) =>
            Effect.sync(() => history.heldIn(new Holding(memory, () => owner)))
          )
        const grow = (history: JournalHistory.JournalHistory, count: number) => {
          for (let index = 0; index < count; index++) history.watch(`${index}`.padEnd(100_000, "-"))
        }
        const [unfair, fair] = [yield* begun("unfair"), yield* begun("fair")]
        grow(unfair, 20)
        grow(fair, 5)
        assert.deepStrictEqual([unfair.isLong, fair.isLong], [true, false])
        const release = faults.stall("unfair.history")
        const marked = yield* Effect.forkChild(unfair.mark(1), { startImmediately: true })
        const held = memory.heldBytes
        assert.isAbove(held, 2_000_000)
        grow(fair, 2)
        assert.isFalse(fair.isLong)
        yield* release
        yield* Fiber.join(marked)
        assert.isBelow(memory.heldBytes, held - 1_500_000)
        yield* fair.close
        assert.strictEqual(memory.heldBytes, 0)
        yield* unfair.close
      })
    )
  )
})

/** A journal that was marked twice, with a path and a name that was made behind each. */
const twice = (store: TraceStore["Service"]) =>
  Effect.gen(function* () {
    const history = yield* JournalHistory.begin(store, "token", { edgeName: "edge", peer: "" }, false)
    for (const number of [1, 2]) {
      history.watch(`host/session-${number}`)
      yield* history.mark(number)
      yield* store.retraceable.service.makeDirectory(`${output}/host/session-${number}/ust`)
    }
    yield* history.close
  })

const filesOf = (memory: MemoryFiles) => {
  const paths = memory.paths(output).filter((path) => path.includes("/token."))
  return new Map(paths.map((path) => [path, Buffer.from(memory.read(path) ?? [])]))
}

describe("what was put down of a journal", () => {
  it.live("is not gone through again where somebody has changed a byte of it", () =>
    withStore({}, ({ memory, store }) =>
      Effect.gen(function* () {
        yield* twice(store)
        const whole = filesOf(memory)
        assert.deepStrictEqual(
          [...whole].filter(([, { length }]) => length > 0).map(([path]) => path.split(".").at(-1)),
          ["changes", "history", "json"]
        )
        const found = (path: string, changed: Buffer) =>
          Effect.gen(function* () {
            for (const [each, bytes] of whole) memory.write(each, bytes)
            memory.write(path, changed)
            const damaged: Array<string> = []
            const told = (at: string) => Effect.sync(() => void damaged.push(at))
            const left = yield* JournalsLeft.find(store, "token", { isSynced: false, countMax: 1, told })
            if (left !== undefined) yield* left.close
            return { damaged, marked: left?.marked }
          })
        for (const [path, bytes] of whole) {
          assert.deepStrictEqual(yield* found(path, bytes), { damaged: [], marked: 2 })
          // Without its end the last change is taken for one that was being written.
          const end = path.endsWith(".changes") ? bytes.length - 1 : bytes.length
          for (let at = 0; at < end; at++) {
            const changed = Buffer.from(bytes)
            changed[at] = (changed[at] as number) ^ 0x20
            const { damaged, marked } = yield* found(path, changed)
            assert.strictEqual(marked, undefined, `${path} at ${at}`)
            assert.strictEqual(damaged.length, 1, `${path} at ${at}`)
          }
        }
      })
    )
  )

  it.live("names no directory that was begun behind the last mark", () =>
    withStore({}, ({ memory, store }) =>
      Effect.gen(function* () {
        const history = yield* JournalHistory.begin(store, "token", { edgeName: "edge", peer: "" }, false)
        history.watch("host/session-1")
        yield* history.mark(1)
        const [changes = "", path = ""] = memory.paths(output).filter((each) => /token\.(changes|history)$/.test(each))
        const marked = Buffer.from(memory.read(changes) ?? [])
        history.watch("host/session-2")
        yield* history.mark(2)
        yield* history.close
        // The relay was killed as it wrote the second mark.
        memory.write(changes, marked)
        memory.write(path, Buffer.from(memory.read(path) ?? []).subarray(0, -1))
        const found = yield* JournalsLeft.find(store, "token", { isSynced: false, countMax: 1, told: Effect.die })
        assert.deepStrictEqual(
          { marked: found?.marked, places: [...(found?.places ?? [])] },
          {
            marked: 1,
            places: ["host/session-1"]
          }
        )
      })
    )
  )

  it.live("is gone through up to the mark of which the power has left the length, and zeros for its end", () =>
    withStore({}, ({ memory, store }) =>
      Effect.gen(function* () {
        yield* twice(store)
        const whole = filesOf(memory)
        const [path = ""] = [...whole.keys()].filter((each) => each.endsWith(".history"))
        const told = (at: string) => Effect.die(at)
        for (let lost = 1; lost <= headBytes; lost++) {
          for (const [each, bytes] of whole) memory.write(each, each.endsWith(".changes") ? Buffer.alloc(0) : bytes)
          const torn = Buffer.from(memory.read(path) ?? [])
          memory.write(path, torn.fill(0, torn.length - lost))
          const found = yield* JournalsLeft.find(store, "token", { isSynced: false, countMax: 1, told })
          // Without any sum, but whole otherwise, it is as by an earlier version.
          const isWithoutSum = lost >= headBytes - offsets.payloadSum && lost <= headBytes - offsets.connection
          assert.strictEqual(found?.marked, isWithoutSum ? 2 : 1, `${lost} bytes`)
        }
      })
    )
  )

  it.live("by an earlier version, without checksums, is gone through", () =>
    withStore({}, ({ memory, store }) =>
      Effect.gen(function* () {
        yield* twice(store)
        const [path = ""] = memory.paths(output).filter((each) => each.endsWith(".history"))
        const bytes = Buffer.from(memory.read(path) ?? [])
        for (let at = 0; at < bytes.length; at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)) {
          bytes.fill(0, at + offsets.payloadSum, at + headBytes)
        }
        memory.write(path, bytes)
        const told = (at: string) => Effect.die(at)
        assert.strictEqual(
          (yield* JournalsLeft.find(store, "token", { isSynced: false, countMax: 1, told }))?.marked,
          2
        )
      })
    )
  )
})
