/** What an earlier edge wrote is as old as its files: what waits for too long does not begin anew with each edge. */
import * as fs from "node:fs"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { scan } from "../../src/edge/journal/Scan.ts"
import { clockMillis } from "../../src/Machine.ts"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Relays from "../support/relays.ts"
import * as Spools from "./spools.ts"

const hour = 3_600_000

const agesOf = (modifiedMillis: number | undefined) =>
  Effect.gen(function* () {
    const { service } = new MemoryFiles()
    const { journal } = yield* Spools.begin(service)
    const dated = Files.of({
      ...service,
      open: (path, mode) =>
        Effect.map(service.open(path, mode), (file) =>
          modifiedMillis === undefined ? file : { ...file, modifiedMillis }
        )
    })
    const { segments } = yield* scan(dated, journal.home.directory)
    return segments.map(({ wroteAt }) => Math.round((clockMillis() - wroteAt) / hour))
  })

it.live("two hours, when it was written two hours ago", () =>
  Effect.map(agesOf(Date.now() - 2 * hour), (ages) => assert.deepStrictEqual(ages, [2]))
)

for (const [when, modifiedMillis] of [
  ["by a clock that was not set", 86_400_000],
  ["by a clock that is ahead", Date.now() + 24 * hour],
  ["nobody knows when", undefined]
] as const) {
  it.live(`none, when it was written ${when}`, () =>
    Effect.map(agesOf(modifiedMillis), (ages) => assert.deepStrictEqual(ages, [0]))
  )
}

it.live("of a file on a disk it is known", () =>
  Effect.gen(function* () {
    const path = `${yield* Relays.temporaryDirectory("age")}/file`
    fs.writeFileSync(path, "")
    const modifiedMillis = Math.floor(Date.now() / 1000 - 7200) * 1000
    fs.utimesSync(path, modifiedMillis / 1000, modifiedMillis / 1000)
    const file = yield* (yield* Files).open(path, "continue")
    assert.strictEqual(file.modifiedMillis, modifiedMillis)
    yield* file.close
  }).pipe(Effect.scoped, Effect.provide(DiskFiles.layer))
)
