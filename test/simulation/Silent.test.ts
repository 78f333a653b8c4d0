/** A live session of which nothing is heard any more. Goal: the log names it, it is counted, and it ends. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { Random } from "../support/Random.ts"
import { comes } from "../support/turns.ts"
import * as Sides from "./edge/Sides.ts"
import { play } from "./targets.ts"
import { VirtualTime } from "./world/VirtualTime.ts"

it("a live session that falls silent is told of by name, and ends", () => {
  const told: Array<string> = []
  const logger = Logger.make(({ fiber }) => {
    const { code, session } = fiber.getRef(References.CurrentLogAnnotations)
    if (code === "SESSION_STALLED") told.push(String(session))
  })
  const silent = Effect.gen(function* () {
    const { registry, ...side } = yield* Sides.relay({ files: new MemoryFiles().service, sync: "none" })
    const scenario = { session: { liveTimer: 100_000 }, play: () => Effect.void }
    yield* play(side as unknown as Parameters<typeof play>[0], scenario, () => {})
    const [label] = [...registry.sessions.values()].map((session) => session.label)
    yield* comes(
      "its end",
      Effect.sync(() => registry.sessions.size === 0),
      600
    )
    assert.deepStrictEqual(told, [label])
    assert.strictEqual(registry.incidents.counts.get("SESSION_STALLED"), 1)
  })
  new VirtualTime(new Random(1)).run(Effect.provide(Effect.scoped(silent), Logger.layer([logger])), 3_600_000)
})
