/** A spool whose disk cannot be written says so, for as long as that is so. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { FileFailed, Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Spools from "./spools.ts"

it.live("while what was heard cannot be written, and not any more when it could be", () =>
  Effect.gen(function* () {
    let isBroken = true
    const { service } = new MemoryFiles()
    const files = Files.of({
      ...service,
      open: (path, mode) =>
        Effect.suspend(() =>
          isBroken ? Effect.fail(new FileFailed({ operation: "open", path, code: "EROFS" })) : service.open(path, mode)
        )
    })
    const spool = yield* Spools.make(files)
    const journal = Spools.open(spool)
    assert.isFalse(journal.isFailing)
    journal.append(Kind.control, 1)
    journal.flush()
    const isFailing = Effect.sync(() => journal.isFailing)
    yield* until("it to fail", isFailing)
    isBroken = false
    yield* until("it to be written", isFailing, (failing) => !failing)
    assert.strictEqual(journal.written, journal.last)
  })
)
