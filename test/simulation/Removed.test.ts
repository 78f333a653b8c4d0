/** A trace that is taken away while it is recorded. Goal: the log names it, once each time; the target goes on. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { Random } from "../support/Random.ts"
import { comes } from "../support/turns.ts"
import * as Sides from "./edge/Sides.ts"
import { play } from "./targets.ts"
import { VirtualTime } from "./world/VirtualTime.ts"

type Play = Parameters<typeof play>[1]["play"]

const logging = (told: Array<string>) =>
  Logger.make(({ fiber, message }) => {
    if (fiber.getRef(References.CurrentLogAnnotations).code === "FILES_REMOVED") told.push(String(message))
  })

const streamsOf = (memory: MemoryFiles) => memory.paths(Sides.output).filter((path) => /\/ch\w*$/.test(path))

it("files that are removed while they are written are told of by name, once each time", () => {
  const told: Array<string> = []
  const memory = new MemoryFiles()
  const streams = () => streamsOf(memory)
  const removed = Effect.suspend(() => {
    const path = streams().find((found) => !found.includes("/archives/")) ?? ""
    return Effect.as(Effect.orDie(memory.service.unlink(path)), path.slice(Sides.output.length + 1))
  })
  const longer = Effect.sleep("10 minutes")
  const scenario = {
    play: (target: Parameters<Play>[0]) =>
      Effect.gen(function* () {
        yield* target.packets(2)
        yield* target.settled
        yield* target.rotated()
        yield* target.packets(1)
        yield* longer
        assert.deepStrictEqual(told, [])
        for (const count of [1, 2]) {
          const name = yield* removed
          yield* comes(
            "the line",
            Effect.sync(() => told.length === count),
            60
          )
          assert.include(told[count - 1], name)
          yield* target.packets(2)
          yield* target.settled
          yield* longer
          yield* target.rotated()
          yield* target.packets(1)
          yield* longer
          assert.strictEqual(told.length, count)
        }
      })
  }
  const world = Effect.gen(function* () {
    const { registry, ...side } = yield* Sides.relay({ files: memory.service, sync: "none" })
    yield* play(side as unknown as Parameters<typeof play>[0], scenario, () => {})
    assert.strictEqual(registry.incidents.counts.get("FILES_REMOVED"), 2)
  })
  new VirtualTime(new Random(1)).run(Effect.provide(Effect.scoped(world), Logger.layer([logging(told)])), 36_000_000)
})

it("a file that was closed, and removed then, while somebody looked for it is none of these", () => {
  const told: Array<string> = []
  const memory = new MemoryFiles()
  const files = Files.of({
    ...memory.service,
    open: (path, mode) =>
      Effect.map(memory.service.open(path, mode), (file) => ({
        ...file,
        isRemoved: Effect.andThen(Effect.sleep("20 seconds"), file.isRemoved ?? Effect.succeed(false))
      }))
  })
  const archived = () => streamsOf(memory).filter((path) => path.includes("/archives/"))
  const scenario = {
    play: (target: Parameters<Play>[0]) =>
      Effect.gen(function* () {
        for (let round = 0; round < 20; round++) {
          yield* target.packets(2)
          yield* target.settled
          yield* Effect.sleep(`${round} seconds`)
          yield* target.rotated()
          yield* target.packets(1)
          yield* target.settled
          assert.isNotEmpty(archived())
          for (const path of archived()) yield* Effect.orDie(memory.service.unlink(path))
        }
        yield* Effect.sleep("10 minutes")
      })
  }
  const world = Effect.gen(function* () {
    const { registry: _, ...side } = yield* Sides.relay({ files, sync: "none" })
    yield* play(side as unknown as Parameters<typeof play>[0], scenario, () => {})
  })
  new VirtualTime(new Random(1)).run(Effect.provide(Effect.scoped(world), Logger.layer([logging(told)])), 36_000_000)
  assert.deepStrictEqual(told, [])
})
