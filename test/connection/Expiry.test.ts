/** A journal is let rest: what was put down of it is closed when nothing more is done to files of its sessions. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Latch } from "effect"
import { Brought } from "../../src/connection/journal/Brought.ts"
import { rest } from "../../src/connection/journal/Expiry.ts"
import type { HostedJournal } from "../../src/connection/journal/HostedJournal.ts"
import { Incidents } from "../../src/relay/Incidents.ts"
import type { Registry } from "../../src/relay/Registry.ts"
import { Chunks } from "../../src/relay/session/Chunks.ts"
import type { SessionActor } from "../../src/relay/session/SessionActor.ts"
import type { TraceChunk } from "../../src/relay/TraceChunk.ts"
import { turns } from "../support/turns.ts"

const ownerOf = (id: number) => ({ sessiondUuid: "a", sessionKey: BigInt(id) })

/** Its chunk is put away until `settled`; `over` ends it. */
const sessionOf = (id: number) => {
  const [over, settled] = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
  const identity = { hasChunks: true, owner: ownerOf(id), outputPath: `h/s-${id}` }
  const session = { identity, ended: Deferred.await(over) } as unknown as SessionActor
  const chunk = { closeAction: Effect.as(Deferred.await(settled), []) } as unknown as TraceChunk
  return { id, over, settled, session, chunk }
}

const whats = ["its mark is made", "its session ends", "its chunk is put away", "that of a session before is put away"]

it.effect.each(whats)("a journal rests not before %s", (last) =>
  Effect.gen(function* () {
    const chunks = new Chunks(new Incidents())
    const [before, session] = [sessionOf(1), sessionOf(2)]
    const sessions = new Map([before, session].map((each) => [each.id, each.session]))
    const brought = new Brought({ chunks, sessions } as unknown as Registry["Service"])
    for (const { chunk, id } of [before, session]) {
      brought.add(id)
      chunks.publish(ownerOf(id), 0n, chunk)
      yield* Effect.forkChild(chunks.retire(ownerOf(id), chunk), { startImmediately: true })
    }
    sessions.delete(before.id)
    const over = Latch.makeUnsafe(false)
    const said: Array<string> = []
    const say = (what: string) => void said.push(what)
    const journal = {
      brought,
      marking: { over, history: { close: Effect.sync(() => say("closed")) } },
      stop: () => say("stopped")
    }
    const resting = yield* Effect.forkChild(rest(journal as unknown as HostedJournal), { startImmediately: true })
    const steps = [
      Effect.sync(() => over.openUnsafe()),
      Deferred.succeed(session.over, undefined),
      Deferred.succeed(session.settled, undefined),
      Deferred.succeed(before.settled, undefined)
    ]
    const [lastStep = Effect.void] = steps.splice(whats.indexOf(last), 1)
    for (const step of steps) yield* step
    yield* turns(10)
    assert.deepStrictEqual(said, ["stopped"])
    yield* lastStep
    yield* Fiber.join(resting)
    assert.deepStrictEqual(said, ["stopped", "closed"])
  })
)
