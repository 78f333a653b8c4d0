/**
 * The power fails after every single operation on files, in scenarios that a target plays. Bytes that nobody synced are
 * kept, dropped, or torn, names kept or lost. Then: what an answer promised is there, a repair makes the rest readable
 * and changes nothing the second time, and a relay that starts over it records the next session beside it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Sync } from "../../src/model/Sync.ts"
import * as Check from "../../src/recovery/Check.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { withRelay } from "../connection/doubles.ts"
import * as Trees from "../recovery/trees.ts"
import { output } from "../storage/stores.ts"
import { comes, until } from "../support/turns.ts"
import { type Names, PowerFiles, type Unsynced } from "./PowerFiles.ts"
import { missing, play, type Scenario, scenarios, sequences, type Target } from "./targets.ts"

interface Way {
  readonly unsynced: Unsynced
  readonly names: Names
}

interface Crashed extends Way {
  readonly files: Trees.Files
  /** As they were when the power failed. */
  readonly targets: ReadonlyArray<Target>
  readonly isPromised: boolean
}

const assertRecovered = ({ files, isPromised, names, targets, unsynced }: Crashed): void => {
  if (unsynced === "kept") {
    const codes = Check.check(Trees.tree(files)).findings.map(({ code }) => code)
    assert.notInclude(codes, "index-past-data", "no record points past what was written")
  }
  const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
  assert.deepStrictEqual(failures, [])
  const isOwed = isPromised && targets.some(({ clearedCount, promisedCount }) => promisedCount > clearedCount)
  // Nobody can repair packets whose metadata was lost with its name; it may be, before anything was promised.
  const left = report.findings.filter(
    ({ code, severity }) => severity === "damage" && (isOwed || code !== "metadata-missing")
  )
  assert.deepStrictEqual(left, [], "a repair leaves no damage")
  assert.deepStrictEqual(Repair.plan(report.findings), [], "nothing is left to repair")
  for (const target of isPromised ? targets : []) {
    const what = `${target.channel}, ${target.promisedCount} promised, bytes ${unsynced}, names ${names}`
    assert.deepStrictEqual(missing(files, target), [], what)
  }
}

const next: Scenario = { play: (target) => Effect.andThen(target.packets(3), target.settled) }

/** A relay over what is left records, and leaves alone what was there. */
const assertGoesOn = (files: Trees.Files): Effect.Effect<void> =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    for (const [path, bytes] of files) if (!path.endsWith("/")) memory.write(`${output}/${path}`, bytes)
    yield* withRelay({ files: memory.service }, (relay) => play(relay, next, () => {}))
    const after = new Map(
      memory.paths(output).map((path) => [path.slice(output.length + 1), memory.read(path) ?? Buffer.alloc(0)])
    )
    for (const [path, bytes] of files) {
      if (!path.endsWith("/")) assert.strictEqual(Buffer.compare(after.get(path) ?? Buffer.alloc(0), bytes), 0, path)
    }
    const added = new Map([...after].filter(([path]) => !files.has(path)))
    assert.deepStrictEqual([...sequences(added, "ch_0")], [0, 1, 2])
    assert.isFalse(Check.isDamaged(Check.check(Trees.tree(added))))
  })

interface Case {
  readonly sync: Sync
  readonly scenario: Scenario
}

const losses: ReadonlyArray<Way> = [
  { unsynced: "dropped", names: 1 },
  { unsynced: "dropped", names: 0 },
  { unsynced: 0, names: 0.5 },
  { unsynced: 0.5, names: 1 },
  { unsynced: 1, names: 0 },
  { unsynced: "kept", names: 0.5 },
  { unsynced: "kept", names: 0 }
]

/** Of a process that was killed, and of two of the machines that lost their power. */
const waysOf = (stopsAt: number): ReadonlyArray<Way> => [
  { unsynced: "kept", names: 1 },
  losses[stopsAt % losses.length] as Way,
  losses[(stopsAt + 3) % losses.length] as Way
]
/** Every so many operations another relay starts over what is left. */
const goesOnEvery = 7

/** How many operations there were. */
const crash = ({ scenario, sync }: Case, stopsAt: number): Effect.Effect<number> =>
  Effect.gen(function* () {
    const power = new PowerFiles()
    power.stopsAt = stopsAt
    const targets: Array<Target> = []
    const crashed = yield* withRelay({ files: power.service, sync, syncsNames: sync !== "none" }, (relay) =>
      Effect.gen(function* () {
        const playing = yield* Effect.forkScoped(play(relay, scenario, (target) => targets.push(target)))
        yield* until("the end", () => power.isStopped || playing.pollUnsafe() !== undefined)
        const found: Array<Crashed> = []
        for (const way of waysOf(stopsAt)) {
          const isKilled = way.unsynced === "kept" && way.names === 1
          const files = yield* power.left(output, way.unsynced, way.names)
          const stopped = targets.map((target) => Object.assign(Object.create(target), { ...target }))
          found.push({ ...way, files, targets: stopped, isPromised: sync !== "none" || isKilled })
        }
        power.release()
        yield* Fiber.await(playing)
        return found
      })
    )
    if (stopsAt % goesOnEvery === 0) yield* assertGoesOn(new Map(crashed[0]?.files))
    for (const each of crashed) assertRecovered(each)
    return power.operationCount
  })

const names = Object.keys(scenarios)

/** Two times: what came in the first interval, and what came when all before it was synced. */
it.live("--sync=interval: packets and metadata outlive the power soon after they were sent, and nobody asks", () =>
  Effect.gen(function* () {
    const power = new PowerFiles()
    yield* withRelay({ files: power.service, sync: { intervalMillis: 1 }, syncsNames: true }, (relay) => {
      const isOnDisk = (target: Target) =>
        Effect.gen(function* () {
          const files = yield* power.left(output, "dropped", 0)
          if (missing(files, { ...target, promisedCount: target.sentCount } as Target).length > 0) return false
          return !Check.isDamaged(Check.check(Trees.tree(files)))
        })
      const twice: Scenario = {
        play: (target) =>
          Effect.gen(function* () {
            yield* target.packets(3)
            yield* comes("three packets on the disk", isOnDisk(target))
            yield* target.packets(2)
            yield* comes("two more", isOnDisk(target))
          })
      }
      return play(relay, twice, () => {})
    })
  })
)

describe("when the power fails after any operation", () => {
  const cases: ReadonlyArray<{ readonly sync: Sync; readonly name: string }> = [
    ...(["none", "close"] as const).flatMap((sync) => names.map((name) => ({ sync, name }))),
    { sync: "always", name: "ring" },
    { sync: "always", name: "rotations" }
  ]
  it.live.each(cases)("$name, --sync=$sync: what was promised is there", ({ name, sync }) =>
    Effect.gen(function* () {
      const played = { sync, scenario: scenarios[name] as Scenario }
      const operationCount = yield* crash(played, Number.MAX_SAFE_INTEGER)
      assert.isAbove(operationCount, 5)
      const crashes = Array.from({ length: operationCount - 1 }, (_, at) => crash(played, at + 1))
      yield* Effect.all(crashes, { concurrency: 16, discard: true })
    })
  )
})
