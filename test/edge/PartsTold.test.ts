/**
 * The host of an edge is told which part of a session has ended at the relay alone, and why: in the edge's log, by
 * `lttng-relay edge status`, and by a metric; also over other edges, and with peers of versions that know none of it.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { lines } from "../../src/cli/edge/EdgeStatus.ts"
import * as Report from "../../src/edge/Report.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { edgeSamples } from "../../src/telemetry/EdgeReading.ts"
import * as Instruments from "../../src/telemetry/Instruments.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import * as Older from "./Older.ts"
import { both, packet } from "./parts.ts"

const path = "ust/uid/1/64-bit"
const why = `${path}: FILE_FAILED: write h/s-20231114-221320/${path}/bad_0: EFBIG`

const nowhere = 1

/** What an edge has heard of lost parts. */
const heardBy = ({ edge }: Local.Local) => edge.spool.losses.parts.map((part) => part.why)

/** Of a session by way of two edges, one part fails at the relay; `olderAt`: who tells nobody. */
const failed = Effect.fnUntraced(function* (olderAt?: "relay" | "far") {
  const relay = yield* TestRelay.make()
  const link = yield* new Link(() => relay.controlPort).open
  const relayPort = olderAt === "relay" ? yield* Older.silent(link.port) : link.port
  const far = yield* Local.start({ controlPort: relayPort, dataPort: nowhere })
  const farPort = olderAt === "far" ? yield* Older.silent(far.controlPort) : far.controlPort
  const near = yield* Local.start({ controlPort: farPort, dataPort: nowhere })
  const script = Script.make(near, relay.output, () => {})
  const { bad, good, other, stream } = yield* both(script, path)
  yield* packet(good, other, 0, 50)
  yield* packet(bad, stream, 0, 100)
  yield* script.fileSize(bad.file("bad_0", undefined, path), 100)
  relay.faults.fail({ operation: "write", path: "bad_0", code: "EFBIG" })
  yield* packet(bad, stream, 1, 100)
  yield* until("one to fail", relay.relay.sessions, (sessions) => sessions.length === 1)
  yield* packet(good, other, 1, 50)
  yield* script.fileSize(good.file("good_0"), 100)
  yield* Local.marked(near)
  let seq = 2
  const goesOn = Effect.suspend(() =>
    Effect.andThen(packet(good, other, seq++, 50), script.fileSize(good.file("good_0"), 50 * seq))
  )
  return { far, goesOn, link, near, relay }
})

it.live("an edge, and one before it, are told once, however often the link is lost", () => {
  const { codes, layer, lines: log } = logged()
  return Effect.gen(function* () {
    const { far, goesOn, link, near } = yield* failed()
    const told = () => codes.filter((code) => code === "PART_LOST").length
    yield* until("both to be told", () => told() === 2)
    const line = log[codes.indexOf("PART_LOST")] ?? ""
    assert.match(line, /h\/s: ust\/uid\/1\/64-bit: FILE_FAILED: write .*\/bad_0: EFBIG$/)
    for (let count = 0; count < 2; count++) {
      const { lossCount } = far.edge.link
      link.cut()
      yield* until("the loss to be noticed", () => far.edge.link.lossCount > lossCount)
      // The relay says what is lost before it says what it has.
      yield* goesOn
      yield* Local.marked(far)
    }
    assert.deepStrictEqual([heardBy(far), heardBy(near)], [[why], [why]])
    assert.strictEqual(told(), 2)
  }).pipe(Effect.provide(layer))
})

it.live("an edge is told again that was killed before it had put that down", () => {
  const { layer } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const link = yield* new Link(() => relay.controlPort).open
    const ports = { controlPort: link.port, dataPort: nowhere }
    const files = new MemoryFiles()
    const scope = yield* Scope.make()
    const first = yield* Scope.provide(Local.start({ ...ports, files: files.service }), scope)
    const script = Script.make(first, relay.output, () => {})
    const { bad, good, other, stream } = yield* both(script, path)
    yield* packet(good, other, 0, 50)
    relay.faults.fail({ operation: "write", path: "bad_0", code: "EFBIG" })
    yield* packet(bad, stream, 0, 100)
    yield* until("it to be told", () => heardBy(first).length > 0)
    const image = Local.imageOf(files)
    link.isDown = true
    link.cut()
    yield* Scope.close(scope, Exit.void)
    link.isDown = false
    const second = yield* Local.start({ ...ports, files: image.service })
    yield* until("it to be told again", () => heardBy(second).length > 0)
    assert.deepStrictEqual(heardBy(second), [why])
    yield* second.forwarded
  }).pipe(Effect.provide(layer))
})

it.live("status and metrics have it, and still when the session is over", () => {
  const { layer } = logged()
  return Effect.gen(function* () {
    const { near } = yield* Effect.scoped(
      Effect.tap(failed(), ({ near }) => until("it to be told", () => heardBy(near).length > 0))
    )
    const status = Report.of(near.edge, "net://relay")
    assert.include(lines(status, true), `ended at the relay of h/s: ${why}`)
    const found = edgeSamples(status).find(({ instrument }) => instrument === Instruments.edgeLostParts)
    assert.strictEqual(found?.value, 1)
  }).pipe(Effect.provide(layer))
})

for (const [older, told] of [
  ["far", [1, 0]],
  ["relay", [0, 0]]
] as const) {
  it.live(
    `behind ${older === "far" ? "an edge" : "a relay"} of an earlier version the session goes on, and nobody is told`,
    () => {
      const { layer } = logged()
      return Effect.gen(function* () {
        const { far, near } = yield* failed(older)
        if (told[0] > 0) yield* until("the other to be told", () => heardBy(far).length > 0)
        assert.deepStrictEqual([heardBy(far).length, heardBy(near).length], [...told])
      }).pipe(Effect.provide(layer))
    }
  )
}

it("more parts than are listed are counted", () => {
  const parts = Array.from({ length: 3 }, (_, index) => ({ name: "h/s", why: `${index}` }))
  const status = { lostPartCount: 5, lostParts: parts, journals: [], losses: [] } as unknown as Report.EdgeStatus
  assert.deepStrictEqual(lines(status, true).slice(-4), [
    "ended at the relay before: 2 parts more of sessions",
    ...parts.map((part) => `ended at the relay of h/s: ${part.why}`)
  ])
})
