/** Journals that edges leave behind are bounded: one too many waits for room, and leaves nothing behind. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import { rightsOf } from "../../src/access/Access.ts"
import { Standing } from "../../src/connection/journal/Standing.ts"
import { hasRoom } from "../../src/model/JournalRoom.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { viewOf } from "../../src/protocol/Struct.ts"
import { Room } from "../../src/relay/journal/Room.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Journal from "../support/journal.ts"

it("each owner may have half of what others leave, and there is always room for the next", () => {
  assert.isTrue(hasRoom(0, 0, 4096))
  assert.isFalse(hasRoom(4096, 0, 4096))
  const counts: Array<number> = []
  let open = 0
  for (let owner = 0; owner < 6; owner++) {
    let owned = 0
    for (; hasRoom(open, owned, 64); open++) owned++
    counts.push(owned)
  }
  assert.deepStrictEqual(counts, [32, 16, 8, 4, 2, 1])
})

const noShares = { sharesOf: () => [] } as never

const certificateOf = (name: string) => ({
  subject: `CN=${name}`,
  alternativeNames: [`URI:lttng://target/${name}`],
  keyHash: name.padEnd(64, "0")
})

it("who is one principal by the rules is one owner, whatever certificates it shows; without rules each is one", () => {
  const access: AccessFile = {
    principals: [{ name: "fleet", names: ["URI:lttng://target/web*"] }],
    rules: [{ principals: ["fleet"], record: [{}] }]
  }
  const permissions = { rightsOf: undefined as undefined | ((identity: never) => never), allowances: noShares }
  const standing = (name: string, certificate?: ReturnType<typeof certificateOf>) =>
    new Standing({
      permissions: permissions as never,
      edge: { name, certificate },
      sessions: () => [],
      onWait: () => {},
      onGood: () => {}
    })
  const all = [
    standing("10.0.0.1:1", certificateOf("web1")),
    standing("10.0.0.2:1", certificateOf("web2")),
    standing("10.0.0.3:1", certificateOf("db1")),
    standing("10.0.0.4:1"),
    standing("10.0.0.4:2")
  ]
  const owners = () => new Set(all.map(({ owner }) => owner)).size
  assert.strictEqual(owners(), 4)
  permissions.rightsOf = rightsOf(access) as never
  assert.strictEqual(owners(), 3)
  assert.strictEqual(all[0]?.owner, "fleet")
  // It comes again with another certificate.
  all[0]?.comesBy({ name: "10.0.0.1:2", certificate: certificateOf("db1") })
  assert.strictEqual(all[0]?.owner, all[2]?.owner)
  permissions.rightsOf = undefined
  assert.strictEqual(owners(), 3)
})

it("an edge that comes from another address has the rights of that one", () => {
  const principals = [{ name: "here", addresses: ["10.0.0.1"] }]
  const standing = new Standing({
    permissions: {
      rightsOf: rightsOf({ principals, rules: [{ principals: ["here"], record: [{}] }] }),
      allowances: noShares
    },
    edge: { name: "10.0.0.2:1", certificate: undefined },
    sessions: () => [{ identity: { hostname: "web1", sessionName: "s" } } as never],
    onWait: () => {},
    onGood: () => {}
  })
  const isGood = [standing.isGood]
  for (const name of ["10.0.0.1:1", "10.0.0.3:1", "10.0.0.1:2"]) {
    standing.comesBy({ name, certificate: undefined })
    isGood.push(standing.isGood)
  }
  assert.deepStrictEqual(isGood, [false, true, false, true])
})

it("who was let in counts at once, who waits does not, and a place that becomes free is there at once", () => {
  const guests = Array.from({ length: 10 }, () => ({ standing: { owner: "one", waiting: undefined }, isOutside: true }))
  const room = new Room(
    () => guests,
    () => 0
  )
  const admitted = () => {
    let count = 0
    for (const guest of guests) {
      if (!guest.isOutside || !room.admits(guest, 8)) continue
      guest.isOutside = false
      count++
    }
    return count
  }
  assert.strictEqual(admitted(), 4)
  assert.strictEqual(admitted(), 0)
  guests.splice(0, 1)
  room.change()
  assert.strictEqual(admitted(), 1)
})

const tokenOf = (index: number) => index.toString(16).padStart(32, "0")

const open = (relay: TestRelay.TestRelay, index: number) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    const { state } = yield* Journal.opened(wire, Journal.opening(tokenOf(index)))
    assert.strictEqual(state, OpenJournal.State.begun, `journal ${index}`)
    return wire
  })

const { acknowledgement, Outcome } = OpenJournal

/** Of a journal, which nothing is kept of before. */
const first = Journal.record(1, Kind.control)

const histories = (relay: TestRelay.TestRelay) =>
  relay.output.files().filter((path) => path.endsWith(".history")).length

it.live("who leaves journals behind without end leaves half of them to others, and nothing of those beyond", () =>
  Effect.gen(function* () {
    const countMax = 32
    const relay = yield* TestRelay.make({ journalCountMax: 2 * countMax })
    const left = Effect.fnUntraced(function* (index: number) {
      const wire = yield* open(relay, index)
      yield* wire.send(first)
      while (acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0).durable < 1n);
      yield* wire.close
    })
    yield* Effect.forEach(Array.from({ length: countMax }).keys(), left, { concurrency: 16, discard: true })
    yield* until("all to be put down", () => histories(relay) === countMax)
    const late = yield* open(relay, countMax)
    const said = yield* late.read(acknowledgement.size)
    assert.strictEqual(said[acknowledgement.size - 1], Outcome.waitsForQuota)
    const { incidents } = yield* relay.relay.activity
    assert.deepInclude(incidents, { code: "JOURNAL_WAITS", count: 1 })
    yield* late.close
    relay.faults.fail({ code: "ENAMETOOLONG", operation: "open", path: tokenOf(countMax) })
    // Who comes later finds room a moment after the other one was looked at for the last time.
    yield* open(relay, countMax + 1)
    yield* relay.relay.setLimits({ journalCountMax: 4 * countMax })
    yield* until("the last to be put down", () => histories(relay) > countMax)
    const { incidents: all } = yield* relay.relay.activity
    assert.notInclude(
      all.map(({ code }) => code),
      "JOURNAL_UNMARKED"
    )
  }).pipe(Effect.provide(Logger.layer([])))
)

it.live("who may record nothing has no place among them, and gets one when it may", () =>
  Effect.gen(function* () {
    const principals = [{ name: "eye", addresses: ["127.0.0.0/8"] }]
    const viewing = { principals, rules: [{ principals: ["eye"], view: [{}] }] }
    const relay = yield* TestRelay.make({ access: viewing })
    const wire = yield* open(relay, 1)
    yield* wire.send(Journal.record(1, Kind.finish))
    const said = () => Effect.map(wire.read(acknowledgement.size), (bytes) => acknowledgement.read(viewOf(bytes), 0))
    const { outcome, received } = yield* said()
    assert.deepStrictEqual([outcome, received], [Outcome.waitsForRights, 0n])
    const { journals } = yield* relay.relay.counters
    assert.strictEqual(journals?.openCount, 0)
    assert.deepStrictEqual(relay.output.files(), [])
    yield* relay.relay.replaceAccess({ principals, rules: [{ principals: ["eye"], record: [{ host: "web" }] }] })
    while ((yield* said()).outcome !== Outcome.finished);
  }).pipe(Effect.provide(Logger.layer([])))
)
