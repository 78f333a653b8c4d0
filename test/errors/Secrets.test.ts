/** Tokens of journals are secrets, and names of files: what tells of such a file tells how its name begins. */
import { assert, it } from "@effect/vitest"
import { Cause, Effect, Logger } from "effect"
import { report } from "../../src/errors/Report.ts"
import { masked } from "../../src/errors/Secrets.ts"
import { FileFailed } from "../../src/storage/Files.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { logged } from "../support/logged.ts"

const token = "0123456789abcdef0123456789abcdef"
const dashed = "01234567-89ab-cdef-0123-456789abcdef"
const place = "/traces/.journals"

it("of a token that is a name in a path, its beginning is left", () => {
  for (const [text, shown] of [
    [token, "01234567…"],
    [`read ${place}/${token}.history.new: EIO`, `read ${place}/01234567….history.new: EIO`],
    [`/spool/${token}.passed/0000000000000001.journal`, "/spool/01234567….passed/0000000000000001.journal"],
    [`/spool/${dashed}: a, /spool/${token}: b`, "/spool/01234567…: a, /spool/01234567…: b"]
  ] as const)
    assert.strictEqual(masked(text), shown)
})

it("what is none stays: keys, other numbers, session names in a line", () => {
  for (const text of [`${token}${token}`, `key ${token}`, `/host/${token}0`, `/host/a${token}`, "/a/0123456789abcdef"])
    assert.strictEqual(masked(text), text)
})

it.effect("lines of the log and their causes", () => {
  const { layer, lines } = logged()
  const causes: Array<string> = []
  const logger = Logger.make(({ cause }) => causes.push(Cause.pretty(cause)))
  const failure = new FileFailed({ operation: "open", path: `${place}/${token}.history`, code: "EACCES" })
  return Effect.gen(function* () {
    yield* report("JOURNAL_UNMARKED", failure.message)
    yield* report("SPOOL_DAMAGED", `/spool/${token}/0000000000000001.journal: 7 bytes are no records`)
    yield* report("JOURNAL_UNMARKED", undefined, Cause.fail(failure)).pipe(Effect.provide(Logger.layer([logger])))
    assert.strictEqual(lines.length, 2)
    assert.include(lines[0], `open ${place}/01234567….history: EACCES`)
    assert.include(causes.join(), `open ${place}/01234567….history: EACCES`)
    assert.notInclude([...lines, ...causes].join(), token)
  }).pipe(Effect.provide(layer))
})

it.live("of a journal that a relay cannot read when it starts again", () => {
  const { codes, layer, lines } = logged()
  return Effect.gen(function* () {
    const { memory } = yield* TestRelay.make()
    yield* memory.service.makeDirectory(`${place}/${token}.history`)
    yield* memory.service.makeDirectory(`${place}/${token}.json`)
    yield* TestRelay.make({ memory })
    const told = lines.filter((_, at) => codes[at] === "JOURNAL_UNMARKED")
    assert.isNotEmpty(told)
    for (const line of told) {
      assert.notInclude(line, token)
      assert.include(line, token.slice(0, 8))
    }
  }).pipe(Effect.provide(layer))
})
