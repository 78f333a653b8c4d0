/** Spools in memory, and journals in them, without an edge. */
import { Effect } from "effect"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import * as Spool from "../../src/edge/spool/Spool.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import type { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

export const options = (files: Files["Service"] = new MemoryFiles().service): Spool.Options => ({
  files,
  directory: "/spool",
  bytesMax: 64 * 1024 * 1024,
  isSynced: false,
  policyOf: () => "hold",
  ageMillisMax: undefined
})

/** Its journals are gone, and what they took of memory and disk is there again. */
export const isEmpty = ({ byteCount, journals, memory }: Spool.Spool): boolean =>
  journals.size + byteCount + memory.usedBytes + memory.unwrittenBytes === 0

/** Below `/spool`. */
export const make = (files?: Files["Service"]) => Spool.make(options(files))

export const open = (spool: Spool.Spool, key = "key"): Journal => spool.open({ key, name: "h/s", createdMillis: 0 })

/** Done when what it was told is in its files. */
export const written = (journal: Journal) =>
  Effect.callback<void>((resume) => journal.whenWritten(() => resume(Effect.void)))

/** Of a tracer's first connection, which is written. */
export const begin = (files?: Files["Service"]) =>
  Effect.gen(function* () {
    const spool = yield* make(files)
    const journal = open(spool)
    journal.append(Kind.control, 1)
    yield* written(journal)
    return { spool, journal }
  })
