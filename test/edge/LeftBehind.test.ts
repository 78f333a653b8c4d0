/** What a relay puts down about the journals of edges, where its directory is shared, refused or loses its power. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { AttachedJournal } from "../../src/connection/journal/AttachedJournal.ts"
import type { HostedJournal } from "../../src/connection/journal/HostedJournal.ts"
import * as Spool from "../../src/edge/spool/Spool.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Away from "../../src/relay/journal/Away.ts"
import * as JournalFiles from "../../src/relay/journal/JournalFiles.ts"
import * as JournalHistory from "../../src/relay/journal/JournalHistory.ts"
import * as JournalsLeft from "../../src/relay/journal/JournalsLeft.ts"
import type { Registry } from "../../src/relay/Registry.ts"
import { FileFailed, Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { TraceStore } from "../../src/storage/TraceStore.ts"
import { isThere } from "../../src/storage/Walks.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { PowerFiles } from "../simulation/PowerFiles.ts"
import { output, withStore } from "../storage/stores.ts"
import * as Local from "./Local.ts"
import * as Spools from "./spools.ts"

const size = 64
const about = { edgeName: "here", peer: "127.0.0.1:1" }

/** What is there when the power was lost: nothing but what was synced. */
const leftOf = (put: (store: TraceStore["Service"]) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const power = new PowerFiles()
    const store = TraceStore.layerNoDeps({ output, openFileCountMax: 10, deviceOperationCountMax: 4 })
    yield* Effect.provide(
      Effect.flatMap(TraceStore, put),
      store.pipe(Layer.provide(Layer.succeed(Files, power.service)))
    )
    return yield* power.left(output, "dropped", 0)
  })

it.effect("that a journal is over outlives the machine's power where files are synced", () =>
  Effect.gen(function* () {
    const left = yield* leftOf((store) => JournalFiles.say(store, "token", "finished", true))
    assert.deepStrictEqual([...left.keys()], [".journals/token.finished"])
  })
)

it.effect("what a mark needs to be read outlives it, too", () =>
  Effect.gen(function* () {
    const marked = (store: TraceStore["Service"]) =>
      Effect.flatMap(JournalHistory.begin(store, "token", about, true), (history) => history.mark(1))
    const left = yield* leftOf(marked)
    assert.deepStrictEqual(
      [...left].map(([path, { length }]) => [path, length > 0]),
      [
        [".journals/token.json", true],
        [".journals/token.changes", false],
        [".journals/token.history", true]
      ]
    )
  })
)

it.effect("the directory may be removed by the end of another journal while one begins", () =>
  withStore({}, ({ faults, store }) =>
    Effect.gen(function* () {
      faults.fail({ code: "ENOENT", operation: "open", path: ".json", times: 1 })
      const history = yield* JournalHistory.begin(store, "token", about, false)
      yield* history.close
      faults.fail({ code: "ENOENT", operation: "open", path: ".finished", times: 1 })
      yield* JournalFiles.say(store, "other", "finished", false)
    })
  )
)

it.live("of a journal that is not found again nothing stays, though it was noted that its edge is away", () =>
  withStore({}, ({ store }) =>
    Effect.gen(function* () {
      yield* Away.note(store, "token", { sinceMillis: Date.UTC(2027), received: 1 })
      const options = { isSynced: false, countMax: 1, told: () => Effect.void }
      const found = new Set<JournalsLeft.Found>()
      yield* JournalsLeft.findAll(store, options, found, () => Effect.void)
      assert.strictEqual(found.size, 0)
      assert.isFalse(yield* isThere(store.retraceable.plain, `${output}/${JournalFiles.place}`))
    })
  )
)

/** `memory`, where the directory of journals fails to be listed, and perhaps to be found. */
const unlisted = (memory: MemoryFiles, code: string, isOutOfReach: boolean) => {
  const failing: MemoryFiles = Object.create(memory)
  const { list, size: sizeOf } = memory.service
  const failed = Effect.fail(new FileFailed({ operation: "readdir", path: "/.journals", code }))
  const service = Files.of({
    ...memory.service,
    list: (at) => (at.endsWith(".journals") ? failed : list(at)),
    size: (at) => (isOutOfReach && at.endsWith(".journals") ? failed : sizeOf(at))
  })
  Object.defineProperty(failing, "service", { value: service })
  return failing
}

for (const code of ["EIO", "EACCES"]) {
  it.live(`a relay that cannot tell what is there, for ${code}, does not begin: edges would put the rest aside`, () =>
    Effect.gen(function* () {
      const { goOnAt, relay, stop } = yield* Local.begun(size)
      yield* stop
      const { memory } = relay
      const begun = yield* Effect.exit(Effect.scoped(TestRelay.make({ memory: unlisted(memory, code, false) })))
      assert.include(String(begun), code)
      const next = yield* TestRelay.make({ memory })
      yield* goOnAt(next, size)
    })
  )
}

it.live("a relay begins where nothing can be recorded, as that may be put right while it runs", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ memory: unlisted(new MemoryFiles(), "EACCES", true) })
    assert.deepStrictEqual(yield* relay.relay.sessions, [])
  })
)

/** A journal of which nothing is open, and whose next session waits for a right; `end` is noted. */
const waitingFor = (isAny: boolean) => {
  let isEnded = false
  const waiting = { code: "QUOTA_REACHED", detail: "" }
  const journal = {
    received: 9,
    standing: { waiting, comesBy: () => {} },
    brought: { isAny, settled: Effect.succeed(false) },
    detach: () => true,
    end: () => {
      isEnded = true
    }
  } as unknown as HostedJournal
  const registry = { background: () => {} } as unknown as Registry["Service"]
  const edge = { name: "127.0.0.1:1", certificate: undefined }
  new AttachedJournal(registry, journal, edge).detach({ peer: "", onReady: () => {}, onReplaced: () => {} })
  return isEnded
}

it("a journal that waits when its link is lost begins anew, unless its edge has forgotten some of it", () => {
  assert.deepStrictEqual([waitingFor(false), waitingFor(true)], [true, false])
})

it.effect("an edge that syncs syncs the name of a session's directory, too, before a tracer is answered", () =>
  Effect.gen(function* () {
    const { service } = new MemoryFiles()
    const synced: Array<string> = []
    const syncDirectory = (at: string) => Effect.sync(() => void synced.push(at))
    const spool = yield* Spool.make({ ...Spools.options({ ...service, syncDirectory }), isSynced: true })
    const journal = Spools.open(spool)
    journal.append(Kind.control, 1)
    yield* Spools.written(journal)
    assert.deepStrictEqual(synced, [journal.home.directory, "/spool"])
  })
)

it.effect("what it says of a session outlives the machine's power, as what the tracer said does", () =>
  Effect.gen(function* () {
    const power = new PowerFiles()
    const spool = yield* Spool.make({ ...Spools.options(power.service), isSynced: true })
    const journal = Spools.open(spool)
    journal.append(Kind.control, 1)
    yield* Spools.written(journal)
    const left = yield* power.left(journal.home.directory, "dropped", 0)
    assert.deepStrictEqual(JSON.parse(`${left.get("about.json")}`), journal.about)
    assert.isAbove(left.get("0000000000000001.journal")?.length ?? 0, 0)
  })
)
