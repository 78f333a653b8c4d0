/**
 * An edge that was killed when it had put down that the relay has all of a session, and had not yet removed that.
 * Goal: the next edge removes it, whatever its relay knows, and nobody is told that something is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as About from "../../src/edge/journal/About.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"
import * as Older from "./Older.ts"
import * as Spools from "./spools.ts"

const left = Effect.gen(function* () {
  const files = new MemoryFiles()
  const { journal } = yield* Spools.begin(files.service)
  for (const kind of [Kind.end, Kind.finish]) journal.append(kind, 1)
  yield* Spools.written(journal)
  yield* About.markOver(files.service, journal.home.directory, false)
  return files
}).pipe(Effect.scoped)

describe("a session that is at the relay, and still in the spool,", () => {
  for (const [where, takesJournals] of [
    ["a relay that has forgotten it", true],
    ["one that takes no journals", false]
  ] as const) {
    it.live(`is removed before ${where}`, () => {
      const { codes, layer } = logged()
      return Effect.gen(function* () {
        const files = (yield* left).service
        const relay = yield* TestRelay.make()
        const { dataPort } = relay
        const controlPort = takesJournals ? relay.controlPort : yield* Older.withoutJournals(relay.controlPort)
        const local = yield* Local.start({ controlPort, dataPort, files })
        yield* local.forwarded
        assert.notInclude(codes, "JOURNAL_LOST")
        assert.deepStrictEqual(relay.output.tree(), [])
      }).pipe(Effect.scoped, Effect.provide(layer))
    })
  }
})
