/** Files of suspended sessions: when they were written last counts as long as their edge is away, and no longer. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Untouched } from "../../src/connection/journal/Untouched.ts"
import type { SessionActor } from "../../src/relay/session/SessionActor.ts"

it.effect("what was noted is compared once, and not at all where the edge was back before it was known", () =>
  Effect.gen(function* () {
    const look = { path: "h/s/ch_0", writtenBytes: 16, byteCount: 16, modifiedMillis: 1 }
    const stream = { fileLooks: Effect.sync(() => [{ ...look }]) }
    const sessions = [{ streams: new Map([[1, stream]]) } as unknown as SessionActor]
    const untouched = new Untouched()
    const write = () => void look.modifiedMillis++
    const found = Effect.map(untouched.changes(sessions), (all) => all.map(({ shown }) => shown))
    yield* untouched.note(sessions, () => true)
    write()
    assert.deepStrictEqual(yield* found, ["h/s/ch_0 was written by others"])
    write()
    assert.deepStrictEqual(yield* found, [])
    yield* untouched.note(sessions, () => false)
    write()
    assert.deepStrictEqual(yield* found, [])
  })
)
