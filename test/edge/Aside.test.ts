/** What an edge has put aside can be found with its size, and is no more than that: `edge status` shows it. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { asideLines, lines } from "../../src/cli/edge/EdgeStatus.ts"
import type * as Report from "../../src/edge/Report.ts"
import { asideIn } from "../../src/edge/spool/Aside.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Spools from "./spools.ts"

it.effect("what was put aside is found with its size, and not what is forwarded or of others", () =>
  Effect.gen(function* () {
    const files = new MemoryFiles()
    const { journal, spool } = yield* Spools.begin(files.service)
    Spools.open(spool, "another").append(1, 1)
    files.write("/spool/notes.lost/x", Buffer.alloc(10))
    assert.deepStrictEqual(yield* asideIn(files.service, "/spool"), [])
    yield* spool.abandon(journal, "the relay ended the session")
    const directory = `/spool/${journal.token}.lost`
    const sizes = files.paths(directory).map((path) => files.read(path)?.length ?? 0)
    const byteCount = sizes.reduce((sum, size) => sum + size, 0)
    const [aside, ...others] = yield* asideIn(files.service, "/spool")
    assert.deepStrictEqual(aside, { name: "h/s", createdMillis: 0, directory, byteCount, isFromBeginning: true })
    assert.deepStrictEqual(others, [])
    assert.isAbove(byteCount, 0)
    const [line = ""] = asideLines(aside === undefined ? [] : [aside])
    assert.match(line, /^put aside of h\/s.*: \d+ B in \/spool\/[0-9a-f]{8}…\.lost, with its beginning$/)
  }).pipe(Effect.scoped)
)

it.effect("one that is damaged itself, or without its beginning, is found, too, and none that goes meanwhile", () =>
  Effect.gen(function* () {
    const files = new MemoryFiles()
    const [one, other] = ["a", "b"].map((digit) => `/spool/${digit.repeat(32)}.passed.lost`)
    files.write(`${one}/about.json`, Buffer.from("{"))
    files.write(`${one}/0000000000000002.journal`, Buffer.alloc(4))
    files.write(`${other}/0000000000000001.journal`, Buffer.alloc(1))
    const faulty = new FaultyFiles(files.service)
    faulty.fail({ operation: "readdir", path: "bbbb", code: "ENOENT" })
    assert.deepStrictEqual(yield* asideIn(faulty.service, "/spool"), [
      { directory: one, byteCount: 5, isFromBeginning: false }
    ] as ReadonlyArray<unknown>)
    assert.deepStrictEqual(yield* asideIn(files.service, "/nowhere"), [])
  })
)

it("records that are damaged are told of their session", () => {
  const journal = { name: "h/s", byteCount: 0, heardCount: 9, receivedCount: 9, isScanned: true, damagedCount: 2 }
  const status = { lostPartCount: 0, lostParts: [], journals: [journal], losses: [] } as unknown as Report.EdgeStatus
  assert.match(lines(status, true).at(-1) ?? "", /^h\/s: .*up to date, 2 records left out as damaged$/)
})
