/** A relay that begins while its disk cannot be written goes on with sessions of edges once it can; nothing is lost. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Fault, FaultyFiles, type Operation } from "../../src/storage/FaultyFiles.ts"
import type { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

const size = 64

/** Over the same files, some of which fail. */
const over = (memory: MemoryFiles, files: FaultyFiles): MemoryFiles =>
  Object.create(memory, { service: { value: files.service } })

/** The next relay begins over files that fail, and has told the edge that it waits; answers what ends that. */
const waiting = (
  { leadTo, link, relay }: Effect.Success<ReturnType<typeof Local.begun>>,
  codes: ReadonlyArray<unknown>,
  fault: Fault
) =>
  Effect.gen(function* () {
    const faults = new FaultyFiles(relay.memory.service)
    const mend = faults.fail(fault)
    leadTo(yield* TestRelay.make({ memory: over(relay.memory, faults) }))
    link.cut()
    yield* until("the edge to be told", () => codes.filter((each) => each === "JOURNAL_WAITS").length > 1)
    return mend
  })

const cut: Fault = { code: "EDQUOT", operation: "truncate", path: ".history" }

const steps: ReadonlyArray<[what: string, operation: Operation, path: string]> = [
  ["what was put down is cut to its mark", "truncate", ".history"],
  ["what was put down is gone on with", "open", ".changes"],
  ["a trace file is cut to where it was", "truncate", "ch_0"]
]

for (const code of ["EDQUOT", "EROFS", "EIO", "EMFILE", "EACCES"]) {
  for (const [what, operation, path] of steps) {
    it.live(`where ${what}: ${code}`, () => {
      const { codes, layer } = logged()
      return Effect.gen(function* () {
        const begun = yield* Local.begun(size)
        const { link, packet, path: file, relay, stop } = begun
        yield* stop
        // A relay that is killed has written more than is put down.
        const at = relay.memory.paths("/traces").find((each) => each.endsWith(file)) ?? ""
        relay.memory.write(at, Buffer.concat([Buffer.from(relay.memory.read(at) ?? []), Buffer.alloc(7)]))
        const mend = yield* waiting(begun, codes, { code, operation, path })
        // It asks again and again: an operator's log is no longer by that.
        const { endedCount } = link
        yield* until("more attempts", () => link.endedCount > endedCount + 2)
        assert.lengthOf(
          codes.filter((each) => each === "JOURNAL_WAITS"),
          2
        )
        mend()
        yield* packet(1, size)
        yield* until("both packets", () => relay.output.size(file) === 2 * size)
        assert.notInclude(codes, "NAME_TAKEN")
        assert.notInclude(codes, "JOURNAL_UNMARKED")
      }).pipe(Effect.provide(layer))
    })
  }
}

it.live(
  "a trace file that the disk has lost a part of with power has zeros there, as at a relay that need not wait",
  () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const begun = yield* Local.begun(size)
      const { packet, path: file, relay, stop } = begun
      yield* stop
      const at = relay.memory.paths("/traces").find((each) => each.endsWith(file)) ?? ""
      relay.memory.write(at, Buffer.alloc(7))
      const mend = yield* waiting(begun, codes, cut)
      mend()
      yield* packet(1, size)
      yield* until("both packets", () => relay.output.size(file) === 2 * size)
      yield* until("that to be told", () => codes.includes("JOURNAL_CHANGED"))
      assert.notInclude(codes, "JOURNAL_LOST")
    }).pipe(Effect.provide(layer))
  }
)

const taken = (memory: MemoryFiles) => memory.service.rename("/traces/h", "/elsewhere")

const losses: ReadonlyArray<
  readonly [what: string, code: string, said: string, lose: (memory: MemoryFiles) => Effect.Effect<unknown, unknown>]
> = [
  ["somebody has taken its directory", "JOURNAL_CHANGED", "is gone", taken],
  [
    "its history is gone",
    "JOURNAL_UNMARKED",
    ".history",
    (memory) => memory.service.unlink(memory.paths("/traces").find((path) => path.endsWith(".history")) ?? "")
  ]
]

it.live.each(losses)("what waits, and cannot be gone on with since %s, is told", ([, code, said, lose]) => {
  const { codes, layer, lines } = logged()
  return Effect.gen(function* () {
    const begun = yield* Local.begun(size)
    const { relay, stop } = begun
    yield* stop
    const mend = yield* waiting(begun, codes, cut)
    yield* lose(relay.memory)
    mend()
    yield* until("that to be told", () => lines.some((line, at) => codes[at] === code && line.includes(said)))
  }).pipe(Effect.provide(layer))
})

/** As many of one owner as are kept. */
const expiredCount = 4096

it.live("where as many are expired as are kept: the oldest of those goes, and not what waits", () => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const begun = yield* Local.begun(size)
    const { packet, path: file, relay, stop } = begun
    yield* stop
    const about = Buffer.from(JSON.stringify({ edgeName: "gone", peer: "127.0.0.1:1" }))
    for (let count = 0; count < expiredCount; count++) {
      const at = `/traces/.journals/${count}`
      for (const suffix of ["history", "expired"]) relay.memory.write(`${at}.${suffix}`, Buffer.alloc(0))
      relay.memory.write(`${at}.json`, about)
    }
    const mend = yield* waiting(begun, codes, cut)
    mend()
    yield* packet(1, size)
    yield* until("both packets", () => relay.output.size(file) === 2 * size)
    assert.notInclude(codes, "NAME_TAKEN")
    const left = relay.output.files().filter((path) => path.endsWith(".expired"))
    assert.strictEqual(left.length, expiredCount - 1)
  }).pipe(Effect.provide(layer))
})
