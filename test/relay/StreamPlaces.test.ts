/** Streams whose directory is somebody else's: one place beside it for all of a session, said once. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { StreamPlaces } from "../../src/relay/session/StreamPlaces.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"

const own = "h/s-20260102-030405"

it.live("a directory with files of others is said once to be taken, however many streams go beside it", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    relay.output.write(`${own}/ust/ch_0`, "theirs")
    const { c } = yield* Script.make(relay, relay.output, () => {}).recording({ minor: 10 })
    for (const channel of ["ch_0", "ch_1"]) yield* c.addStream({ channel, path: `/${own}/ust` })
    const names = ["ch_0", "ch_1"].map((name) => `${own}-1/ust/${name}`)
    assert.deepStrictEqual(
      relay.output.files().filter((file) => !file.endsWith(".idx")),
      [...names, `${own}/ust/ch_0`].sort()
    )
    const { incidents } = yield* relay.relay.activity
    assert.deepStrictEqual(
      incidents.map(({ code, count }) => `${code} ${count}`),
      ["NAME_TAKEN 1"]
    )
  })
)

it.live("a trace chunk whose place cannot be looked at keeps its own name", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const { c } = yield* Script.make(relay, relay.output, () => {}).recording({ chunk: "none" })
    const heal = relay.faults.fail({ code: "EIO", operation: "readdir", path: "snapshot-1" })
    yield* c.createChunk(0, 1_700_000_000, "snapshot-1")
    heal()
    yield* c.addStream()
    const [file] = relay.output.files().filter((path) => path.endsWith("/ch_0"))
    assert.match(file ?? "", /\/snapshot-1\//)
  })
)

it.effect("a journal's streams that are made again go where they were, and others where there is nothing", () =>
  Effect.gen(function* () {
    /** `at`: the suffix numbers of places that the journal has; `taken`: of those with files, its own among them. */
    const foundAt = (path: string, at: ReadonlyArray<string>, taken: ReadonlyArray<string>, first = 0) => {
      const places = new Set(at)
      const surroundings = {
        journals: { ofSession: () => ({ places, firsts: new Map(), records: (place: string) => places.add(place) }) },
        incidents: { report: () => Effect.void },
        nextTraceId: () => 1n
      }
      const made = new StreamPlaces({ hasChunks: false, id: 1 } as never, surroundings as never)
      if (first > 0) made.numbers = [[own, first]]
      const directory = { isTaken: (place: string) => Effect.succeed(taken.includes(place)) }
      return Effect.map(made.find(directory as never, path), (place) => [place, places.has(place), made.numbers])
    }
    const [ust, kernel] = [`${own}/ust`, `${own}/kernel`]
    const second = `${own}-2/ust`
    const three = [ust, `${own}-1/ust`, second]
    assert.deepStrictEqual(yield* foundAt(ust, [ust], [ust]), [ust, true, []])
    assert.deepStrictEqual(yield* foundAt(ust, [second], three), [second, true, [[own, 2]]])
    assert.deepStrictEqual(yield* foundAt(kernel, [second], [kernel]), [`${own}-1/kernel`, true, [[own, 1]]])
    assert.deepStrictEqual(yield* foundAt(ust, [ust, second], three, 1), [second, true, [[own, 2]]])
    assert.deepStrictEqual(yield* foundAt(ust, [ust], [ust], 1), [`${own}-1/ust`, true, [[own, 1]]])
  })
)
