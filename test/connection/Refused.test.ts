/**
 * Sessions of a journal that were refused: a relay that goes through its history again, after it was killed, refuses
 * them once more. Their names would lead elsewhere, past the rules for access.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Logger, Scope } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import type { Wire } from "../../src/testing/Wire.ts"
import { opened, opening, record, version } from "../support/journal.ts"

const { join, message, none, numbers, u64 } = Commands

const access: AccessFile = {
  principals: [{ name: "web", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["web"], record: [{ host: "web*" }] }]
}

const token = "0123456789abcdef0123456789abcdef"
const ask = message(numbers.GET_CONFIGURATION, u64(0))
const session = (host: string, name: string) =>
  message(numbers.CREATE_SESSION, Commands.createSession(13, { name, host }))
const chunk = message(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(0, Commands.start))
const stream = message(numbers.ADD_STREAM, Commands.addStream(13, {}))

const durable = (wire: Wire, number: number) =>
  Effect.gen(function* () {
    const { acknowledgement } = OpenJournal
    for (;;) {
      const told = yield* wire.read(acknowledgement.size)
      if (Number(told.readBigUInt64BE(acknowledgement.offsets.durable)) >= number) return
    }
  })

for (const [what, refused] of [
  ["a name that leads elsewhere", session("web1/../db1", "stolen")],
  ["a directory that could not be made", session("web-linked", "outside")]
] as const) {
  it.live(`a session that was refused for ${what} is refused by a later relay, too`, () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(TestRelay.make({ access }), scope)
      first.faults.fail({ code: "ENAMETOOLONG", operation: "mkdir", path: "web-linked" })
      const wire = yield* first.wire("control")
      yield* opened(wire, opening(token))
      const commands: ReadonlyArray<readonly [connection: number, command: Buffer]> = [
        // It says more at once, and so is not ended.
        ...[version, refused, ask].map((command) => [1, command] as const),
        ...[version, session("web1", "own"), chunk, stream].map((command) => [2, command] as const)
      ]
      const brought = commands.map(([connection, command], index) =>
        record(3 + index, Kind.command, command, connection)
      )
      yield* wire.send(join(record(1, Kind.control, none, 1), record(2, Kind.control, none, 2), ...brought))
      yield* durable(wire, 2 + commands.length)
      const names = ({ relay }: TestRelay.TestRelay) => Effect.map(relay.sessions, (all) => all.map(({ name }) => name))
      assert.deepStrictEqual(yield* names(first), ["own"])
      const before = first.output.files().filter((path) => !path.startsWith(".journals/"))
      yield* Scope.close(scope, Exit.void)

      const later = yield* TestRelay.make({ access, memory: first.memory })
      assert.deepStrictEqual(yield* names(later), ["own"])
      const files = () => later.output.files().filter((path) => !path.startsWith(".journals/"))
      assert.deepStrictEqual(files(), before)
    }).pipe(Effect.provide(Logger.layer([])))
  )
}
