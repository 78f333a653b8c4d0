/** Two segments that were being joined when the edge was killed: nothing of them is damaged. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { scan } from "../../src/edge/journal/Scan.ts"
import { headBytes, Kind } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Spools from "./spools.ts"

const payloadBytes = 64 * 1024
const record = { bytes: Buffer.alloc(payloadBytes), from: 0, to: payloadBytes }
const recordCount = 40

it.live.each([0, 1, 5])("nothing is damaged where %i records were copied when the edge was killed", (count) =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    const spool = yield* Spools.make(memory.service)
    const journal = Spools.open(spool)
    for (let at = 0; at < recordCount; at++) {
      journal.append(Kind.rest, 0, record)
      journal.writing.flush()
      yield* Spools.written(journal)
    }
    const { directory } = journal.home
    const [first = "", second = ""] = memory.paths(directory).filter((path) => path.endsWith(".journal"))
    const copied = memory.read(second)?.subarray(0, count * (headBytes + payloadBytes)) ?? assert.fail()
    memory.write(first, Buffer.concat([memory.read(first) ?? assert.fail(), copied]))
    const { damage, last } = yield* scan(memory.service, directory)
    assert.deepStrictEqual(damage, [])
    assert.strictEqual(last, recordCount)
  })
)
