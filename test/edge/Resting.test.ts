/** Journals of other edges that are done with, as an edge on the way remembers them. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Passing from "../../src/edge/pass/Passing.ts"
import { Resting } from "../../src/edge/spool/Resting.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Spools from "./spools.ts"

const countMax = 4096
const tokenOf = (index: number) => index.toString(16).padStart(32, "0")

it.effect("nobody has others' forgotten that are done with, however many of its own are", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    const resting = new Resting({ files: memory.service, directory: "/spool", isSynced: false })
    const rest = (index: number, owner: string) => {
      memory.write(`/spool/${tokenOf(index)}.passed/over`, Buffer.alloc(0))
      return resting.add(tokenOf(index), owner)
    }
    yield* rest(0, "fair")
    for (let index = 1; index <= countMax; index++) yield* rest(index, "unfair")
    assert.deepStrictEqual(
      [0, 1, 2, countMax].map((index) => resting.has(tokenOf(index))),
      [true, false, true, true]
    )
    const marks = memory.paths("/spool").filter((path) => path.endsWith("/over"))
    assert.lengthOf(marks, countMax)
    assert.notInclude(marks, `/spool/${tokenOf(1)}.passed/over`)
  })
)

it.live("whose a journal is, is known to the next edge before its own comes", () =>
  Effect.gen(function* () {
    const { service } = new MemoryFiles()
    const first = yield* Spools.make(service)
    const token = tokenOf(1)
    yield* Passing.open(first)({ token, firstKept: 1n, edgeName: "before" }, "key fair")
    const journal = first.journals.get(token)
    journal?.append(Kind.control, 1)
    if (journal !== undefined) yield* Spools.written(journal)
    const next = yield* Spools.make(service)
    yield* next.recover
    assert.strictEqual(next.journals.get(token)?.passed?.owner, "key fair")
  })
)
