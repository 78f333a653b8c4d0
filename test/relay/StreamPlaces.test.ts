/** Streams whose directory is somebody else's: one place beside it for all of a session, said once. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"

it.live("a directory with files of others is said once to be taken, however many streams go beside it", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const path = "h/s-20260102-030405"
    relay.output.write(`${path}/ust/ch_0`, "theirs")
    const { c } = yield* Script.make(relay, relay.output, () => {}).recording({ minor: 10 })
    for (const channel of ["ch_0", "ch_1"]) yield* c.addStream({ channel, path: `/${path}/ust` })
    const names = ["ch_0", "ch_1"].map((name) => `${path}-1/ust/${name}`)
    assert.deepStrictEqual(
      relay.output.files().filter((file) => !file.endsWith(".idx")),
      [...names, `${path}/ust/ch_0`].sort()
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
