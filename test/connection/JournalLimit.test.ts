/** Journals that edges leave behind are bounded: one too many waits for room, and leaves nothing behind. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger, Result } from "effect"
import { hasRoom, openCountMax } from "../../src/connection/journal/Room.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { join, message, numbers, u32 } from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"

it("each owner may have half of what others leave, and there is always room for the next", () => {
  assert.isTrue(hasRoom(0, 0))
  assert.isFalse(hasRoom(openCountMax, 0))
  const counts: Array<number> = []
  let open = 0
  for (let owner = 0; owner < 6; owner++) {
    let owned = 0
    for (; hasRoom(open, owned, 64); open++) owned++
    counts.push(owned)
  }
  assert.deepStrictEqual(counts, [32, 16, 8, 4, 2, 1])
})

const tokenOf = (index: number) => index.toString(16).padStart(32, "0")

const open = (relay: TestRelay.TestRelay, index: number) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    const request = OpenJournal.request(0).encode({ token: tokenOf(index), firstKept: 1n, edgeName: "edge" })
    yield* wire.send(join(message(numbers.VERSION, join(u32(2), u32(13))), message(OpenJournal.number, request)))
    yield* wire.read(8)
    const reply = OpenJournal.reply(0).decode(yield* wire.read(OpenJournal.replyBytes))
    assert.strictEqual(Result.getOrThrow(reply).state, OpenJournal.State.begun, `journal ${index}`)
    return wire
  })

const { acknowledgement, Outcome } = OpenJournal

const histories = (relay: TestRelay.TestRelay) =>
  relay.output.files().filter((path) => path.endsWith(".history")).length

it.live("who leaves journals behind without end leaves half of them to others, and nothing of those beyond", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const countMax = openCountMax / 2
    const left = Effect.fnUntraced(function* (index: number) {
      yield* (yield* open(relay, index)).close
    })
    yield* Effect.forEach(Array.from({ length: countMax }).keys(), left, { concurrency: 16, discard: true })
    yield* until(
      "all to be put down",
      Effect.sync(() => histories(relay) === countMax)
    )
    const late = yield* open(relay, countMax)
    const said = yield* late.read(acknowledgement.size)
    assert.strictEqual(said[acknowledgement.size - 1], Outcome.waitsForQuota)
    const { incidents } = yield* relay.relay.activity
    assert.deepInclude(incidents, { code: "JOURNAL_WAITS", count: 1 })
    yield* late.close
    assert.strictEqual(histories(relay), countMax)
  }).pipe(Effect.provide(Logger.layer([])))
)
