/** A journal is let rest: what was put down of it is closed when nothing more is done to files of its sessions. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import { Brought } from "../../src/connection/journal/Brought.ts"
import { rest, suspended } from "../../src/connection/journal/Expiry.ts"
import type { HostedJournal } from "../../src/connection/journal/HostedJournal.ts"
import * as Machine from "../../src/Machine.ts"
import { Incidents } from "../../src/relay/Incidents.ts"
import * as Away from "../../src/relay/journal/Away.ts"
import type { Store } from "../../src/relay/journal/JournalFiles.ts"
import { Looks } from "../../src/relay/journal/Looks.ts"
import { Turns } from "../../src/relay/journal/Turns.ts"
import type { Registry } from "../../src/relay/Registry.ts"
import { Chunks } from "../../src/relay/session/Chunks.ts"
import type { SessionActor } from "../../src/relay/session/SessionActor.ts"
import type { TraceChunk } from "../../src/relay/TraceChunk.ts"
import { FileFailed, Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
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

const hour = 3_600_000

/** Relays, one after the other, that have a journal whose edge is away. */
const away = Effect.gen(function* () {
  const clock = { millis: Date.UTC(2027) }
  const context = yield* Effect.context<never>()
  const set = Machine.replace({ ...Machine, clockMillis: () => clock.millis, wallMillis: () => clock.millis })
  yield* Effect.addFinalizer(() => Effect.sync(set))
  const sayings = { isFull: false, hangs: false, count: 0 }
  const { service } = new MemoryFiles()
  const plain = Files.of({
    ...service,
    open: (path, mode) => {
      if (!sayings.isFull || !path.endsWith(".expired")) return service.open(path, mode)
      sayings.count++
      return Effect.fail(new FileFailed({ operation: "open", path, code: "ENOSPC" }))
    }
  })
  const roomWait = { isMendable: () => true }
  const store = { output: "/traces", retraceable: { plain }, roomWait } as unknown as Store
  const journalled = { received: 7 }
  const ran = (hours: number, isBack = false) =>
    Effect.gen(function* () {
      const [stopping, unawaited] = [Latch.makeUnsafe(false), Latch.makeUnsafe(false)]
      let isOver = false
      const registry = {
        background: (work: Effect.Effect<void>) => {
          if (sayings.isFull) Effect.runForkWith(context)(work)
          else Effect.runSync(work)
        },
        incidents: new Incidents(),
        journals: { stopping: stopping.await, turns: new Turns(), looks: new Looks() },
        options: { suspendMillis: 7 * 24 * hour, sync: "none" },
        store
      } as unknown as Registry["Service"]
      const journal = {
        token: "t",
        brought: { settled: sayings.hangs ? Effect.never : Effect.succeed(false) },
        received: journalled.received,
        unawaited: unawaited.await,
        sessions: [],
        marking: { history: sayings.isFull ? {} : undefined },
        get isEnding() {
          return isOver
        },
        end: () => {
          isOver = true
        }
      } as unknown as HostedJournal
      const waiting = suspended(registry, journal, yield* Away.noted(store, "t", journalled.received))
      const fiber = yield* Effect.forkChild(waiting, { startImmediately: true })
      for (let count = 0; count < hours; count++) {
        clock.millis += hour
        yield* TestClock.adjust("1 hour")
      }
      const last = isBack ? unawaited : stopping
      last.openUnsafe()
      yield* Fiber.join(fiber)
      return isOver
    })
  return { clock, journalled, ran, sayings, store }
})

it.effect("a journal expires though relays are started again each day", () =>
  Effect.gen(function* () {
    const { clock, ran } = yield* away
    for (let day = 0; day < 6; day++) assert.isFalse(yield* ran(24), `day ${day}`)
    // No relay was there: the edge has a part of its time again.
    clock.millis += 100 * hour
    assert.isFalse(yield* ran(0))
    assert.isTrue(yield* ran(1))
    assert.isFalse(yield* ran(24))
  })
)

it.effect("a journal whose edge was back is waited for anew", () =>
  Effect.gen(function* () {
    const { ran } = yield* away
    for (let day = 0; day < 20; day++) assert.isFalse(yield* ran(24, day % 6 === 5), `day ${day}`)
  })
)

it.effect("a journal whose edge was back at a relay that notes nothing, an earlier version, is waited for anew", () =>
  Effect.gen(function* () {
    const { clock, journalled, ran } = yield* away
    assert.isFalse(yield* ran(24))
    clock.millis += 30 * 24 * hour
    journalled.received++
    assert.isFalse(yield* ran(24))
  })
)

it.effect("a journal is waited for anew if the clock was set back since its edge went", () =>
  Effect.gen(function* () {
    const { clock, ran } = yield* away
    assert.isFalse(yield* ran(24))
    clock.millis = 0
    assert.isFalse(yield* ran(24))
    clock.millis = Date.UTC(2028)
    assert.isFalse(yield* ran(24))
  })
)

it.effect("a journal that the disk has no room to let rest is tried again, not waited for anew", () =>
  Effect.gen(function* () {
    const { ran, sayings } = yield* away
    sayings.isFull = true
    assert.isFalse(yield* ran(8 * 24))
    assert.isAbove(sayings.count, 1)
    const before = sayings.count
    assert.isFalse(yield* ran(2))
    assert.isAbove(sayings.count, before)
  })
)

it.effect("a journal is noted to be away, and is to rest, though the disk hangs with what came last", () =>
  Effect.gen(function* () {
    const { journalled, ran, sayings, store } = yield* away
    sayings.hangs = true
    sayings.isFull = true
    yield* ran(2)
    assert.isDefined(yield* Away.noted(store, "t", journalled.received))
    assert.strictEqual(sayings.count, 0)
    yield* ran(8 * 24)
    assert.isAbove(sayings.count, 0)
  })
)
