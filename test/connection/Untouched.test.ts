/** Files of suspended sessions: when they were written last counts as long as their edge is away, and no longer. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Untouched } from "../../src/connection/journal/Untouched.ts"
import type { SessionActor } from "../../src/relay/session/SessionActor.ts"

it.effect("what was noted is compared while the edge is away since then, and no more", () =>
  Effect.gen(function* () {
    const look = { path: "h/s/ch_0", writtenBytes: 16, byteCount: 16, modifiedMillis: 1 }
    const stream = { fileLooks: Effect.sync(() => [{ ...look }]) }
    // Two write the same file, whose length neither knows.
    const shared = { fileLooks: Effect.succeed([{ ...look, path: "h/s/ch_1", byteCount: 32 }]) }
    const streams = new Map(Object.entries([stream, shared, shared]))
    const sessions = [{ streams } as unknown as SessionActor]
    const untouched = new Untouched()
    const write = () => void look.modifiedMillis++
    const found = (since: number) =>
      Effect.map(untouched.changes(sessions, since), (all) => all.map(({ shown }) => shown))
    yield* untouched.note(sessions, 1, () => true)
    write()
    assert.deepStrictEqual(yield* found(1), ["h/s/ch_0 was written by others"])
    write()
    assert.deepStrictEqual(yield* found(2), [])
    yield* untouched.note(sessions, 3, () => false)
    write()
    assert.deepStrictEqual(yield* found(3), [])
  })
)
