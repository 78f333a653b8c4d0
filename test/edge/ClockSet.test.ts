/**
 * An edge on a host whose clock is set while it runs: what is dated for later processes has the dates that it would
 * have had, whether the clock was decades or hours off. Otherwise they would take it for too old, or new for ever.
 */
import { afterEach, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as About from "../../src/edge/journal/About.ts"
import { Setting } from "../../src/edge/journal/Dates.ts"
import { Home } from "../../src/edge/journal/Home.ts"
import { scan } from "../../src/edge/journal/Scan.ts"
import { Segments } from "../../src/edge/journal/Segments.ts"
import * as Machine from "../../src/Machine.ts"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Relays from "../support/relays.ts"
import * as Spools from "./spools.ts"

const hour = 3_600_000
const day = 24 * hour
const now = Date.UTC(2027, 5, 1)

const clock = { millis: 0, wallMillis: now }
let restore = () => {}
afterEach(() => restore())

const start = (wallMillis: number) => {
  Object.assign(clock, { millis: 1000 * day, wallMillis })
  restore = Machine.replace({ ...Machine, clockMillis: () => clock.millis, wallMillis: () => clock.wallMillis })
}
const pass = (millis: number) => {
  clock.millis += millis
  clock.wallMillis += millis
}
const set = (wallMillis: number) => {
  clock.wallMillis = wallMillis
}

/** Files in memory that have dates. */
const dated = () => {
  const { service } = new MemoryFiles()
  const dates = new Map<string, number>()
  const files = Files.of({
    ...service,
    open: (path, mode) =>
      Effect.map(service.open(path, mode), (file) => {
        const modifiedMillis = dates.get(path)
        return modifiedMillis === undefined ? file : { ...file, modifiedMillis }
      }),
    date: (path, millis) => Effect.sync(() => void dates.set(path, millis))
  })
  return { files, dates }
}

for (const [what, wrong] of [
  ["in 1970", 0],
  ["on the date of its firmware", Date.UTC(2026, 2, 1)],
  ["an hour ahead", now + hour]
] as const) {
  it.live(`what an edge wrote that began ${what} is as old as it is`, () =>
    Effect.gen(function* () {
      start(wrong)
      const { dates, files } = dated()
      const spool = yield* Spools.make(files)
      const journal = spool.open({ key: "key", name: "h/s", createdMillis: wrong })
      pass(10_000)
      journal.append(1, 1)
      yield* Spools.written(journal)
      pass(2 * hour)
      set(now)
      yield* spool.redate
      const { directory } = journal.home
      assert.deepStrictEqual([...dates.values()], [now - 2 * hour])
      assert.strictEqual((yield* About.read(files, directory))?.createdMillis, now - 2 * hour - 10_000)
      assert.strictEqual(journal.about.createdMillis, now - 2 * hour - 10_000)
      const { segments } = yield* scan(files, directory)
      assert.deepStrictEqual(
        segments.map(({ wroteAt }) => clock.millis - wroteAt),
        [2 * hour]
      )
    })
  )
}

it.live("files of an earlier edge that are ahead of the clock get their age once it is set", () =>
  Effect.gen(function* () {
    start(now)
    const { dates, files } = dated()
    const { journal } = yield* Spools.begin(files)
    const { directory } = journal.home
    dates.set(`${directory}/${(yield* files.list(directory)).find(({ name }) => name.endsWith(".journal"))?.name}`, now)
    // The host starts again, without a battery.
    set(0)
    const found = yield* scan(files, directory)
    const [segment] = found.segments
    assert.strictEqual(segment?.wroteAt, clock.millis)
    const segments = new Segments({ files, home: new Home(directory) } as never)
    segments.all.push(...found.segments)
    pass(hour)
    yield* segments.redate
    assert.strictEqual(clock.millis - (segment?.wroteAt ?? 0), hour)
    set(now + 3 * day)
    yield* segments.redate
    assert.strictEqual(clock.millis - (segment?.wroteAt ?? 0), 3 * day)
    assert.deepStrictEqual([...dates.values()], [now])
  })
)

describe("dates", () => {
  it("say nothing if they are of a clock that was not set, or ahead of one that is not", () => {
    start(now)
    assert.deepStrictEqual([0, now + 1, now - 5].map(Machine.agoOf), [undefined, undefined, 5])
    set(0)
    assert.isUndefined(Machine.agoOf(now - 5))
  })

  it("are none if they were not written whole", () => {
    start(now)
    assert.deepStrictEqual(["", "\0\0\0", "Infinity"].map(Number).map(Machine.agoOf), [undefined, undefined, undefined])
  })

  it("are made anew once for each time that the clock is set by a minute or more", () => {
    start(0)
    const setting = new Setting()
    pass(365 * day)
    assert.isFalse(setting.isNew)
    set(clock.wallMillis + 59_000)
    assert.isFalse(setting.isNew)
    set(clock.wallMillis + 1_000)
    assert.isTrue(setting.isNew)
    assert.isFalse(setting.isNew)
    set(now)
    assert.isTrue(setting.isNew)
    set(now - hour)
    assert.isTrue(setting.isNew)
    assert.isFalse(setting.isNew)
  })
})

it.live("a file on a disk takes a date", () =>
  Effect.gen(function* () {
    const path = `${yield* Relays.temporaryDirectory("date")}/file`
    const files = yield* Files
    const made = yield* files.open(path, "create")
    yield* made.close
    for (const millis of [now, 1000, -86_400_000]) {
      yield* files.date?.(path, millis) ?? Effect.void
      const file = yield* files.open(path, "continue")
      assert.strictEqual(file.modifiedMillis, Math.max(0, millis))
      yield* file.close
    }
  }).pipe(Effect.scoped, Effect.provide(DiskFiles.layer))
)
