/** A trace that is taken away while it is recorded. Goal: the log names it, once each time; the target goes on. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { Random } from "../support/Random.ts"
import { comes } from "../support/turns.ts"
import * as Sides from "./edge/Sides.ts"
import { play } from "./targets.ts"
import { VirtualTime } from "./world/VirtualTime.ts"

it("files that are removed while they are written are told of by name, once each time", () => {
  const told: Array<string> = []
  const logger = Logger.make(({ fiber, message }) => {
    if (fiber.getRef(References.CurrentLogAnnotations).code === "FILES_REMOVED") told.push(String(message))
  })
  const memory = new MemoryFiles()
  const streams = () => memory.paths(Sides.output).filter((path) => /\/ch\w*$/.test(path))
  const removed = Effect.suspend(() => {
    const path = streams().find((found) => !found.includes("/archives/")) ?? ""
    return Effect.as(Effect.orDie(memory.service.unlink(path)), path.slice(Sides.output.length + 1))
  })
  const longer = Effect.sleep("10 minutes")
  const scenario = {
    play: (target: Parameters<Parameters<typeof play>[1]["play"]>[0]) =>
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
  new VirtualTime(new Random(1)).run(Effect.provide(Effect.scoped(world), Logger.layer([logger])), 36_000_000)
})
