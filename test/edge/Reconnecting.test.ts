/**
 * A program that watches a session by an edge, which goes on when the relay is lost. Goal: each event record once, and
 * those of each stream in their order, whichever of the viewer's connection and the relay is lost meanwhile.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule, Scope, Stream } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as LiveEvents from "../../src/viewer/LiveEvents.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"
const path = "ust/uid/0/64-bit"
const eventsPerPacket = 2
const often = Schedule.spaced("20 millis")

const nameOf = (item: LiveEvents.Item): string =>
  item._tag === "Event" ? `${item.event.path.slice(path.length + 1)} ${item.event.fields.seq}` : item._tag

/** What comes through an edge may be late for the order over streams, which this is not about. */
const isLate = (item: LiveEvents.Item): boolean => item._tag === "Trouble" && item.trouble.kind === "late"

/** A session of two streams, whose n-th packets end at n and n + 1 ns; and its relay, which may be stopped. */
const recorded = Effect.gen(function* () {
  let scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  let relay = yield* Scope.provide(TestRelay.make(), scope)
  const link = yield* new Link(() => relay.controlPort).open
  const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
  const url = `net://127.0.0.1:${local.controlPort}:${local.dataPort}`
  const target = yield* Target.make({ url, hostname: "host1" })
  const session = yield* target.session({ name: "s", liveTimer: "50 millis" })
  const streams = yield* Effect.forEach(["ch_0", "ch_1"], (channel) => session.stream({ path, channel }))
  const metadata = yield* session.metadata(path)
  yield* session.publish
  yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid)))
  const generators = [0, 1].map((cpu) =>
    SyntheticTrace.generator(uuid, cpu, SyntheticTrace.packetBytesMin + 16, BigInt(cpu))
  )
  let packetCount = 0
  const packets = Effect.suspend(() => {
    const end = BigInt(++packetCount) * 1000n
    return Effect.forEach(streams, (stream, at) =>
      stream.packet((generators[at] as SyntheticTrace.Generator).next(end + BigInt(at)))
    )
  })
  return {
    packets,
    eventCount: () => 2 * eventsPerPacket * packetCount,
    end: session.close(),
    /** The relay has all of it in its files. */
    hasAll: until(
      "all of it to be recorded",
      Effect.suspend(() => relay.relay.sessions),
      ([session]) => {
        const own = session?.streams.filter(({ isMetadata }) => !isMetadata)
        return own?.length === 2 && own.every(({ indexCount }) => indexCount === packetCount)
      }
    ),
    stop: Effect.suspend(() => Scope.close(scope, Exit.void)),
    /** Another relay over the same files. */
    start: Effect.gen(function* () {
      scope = yield* Scope.make()
      relay = yield* Scope.provide(TestRelay.make({ memory: relay.memory }), scope)
    }),
    cutViewers: Effect.suspend(() => relay.relay.connections).pipe(
      Effect.tap((all) =>
        Effect.forEach(all, ({ id, port }) => (port === "live" ? relay.relay.endConnection(id) : Effect.void))
      )
    ),
    attach: (seek: "beginning" | "last") =>
      Effect.gen(function* () {
        const { session, viewer } = yield* LiveViewer.fromUrl(`${relay.viewerUrl}/host/host1/s`)
        return yield* viewer.attachAll(session ?? assert.fail(), { seek, isPrompt: true })
      })
  }
})

describe("LiveEvents.reconnecting", () => {
  it.live("gives each event once, over connections and relays that are lost", () =>
    Effect.gen(function* () {
      const { attach, cutViewers, end, eventCount, packets, start, stop } = yield* recorded
      const seen: Array<string> = []
      const watching = yield* LiveEvents.reconnecting(attach, often, { seek: "beginning" }).pipe(
        Stream.runForEach((item) => Effect.sync(() => isLate(item) || seen.push(nameOf(item)))),
        Effect.forkScoped
      )
      const shown = until("all of it to be shown", () => seen.length >= eventCount())
      yield* packets
      yield* packets
      yield* shown
      yield* cutViewers
      yield* packets
      yield* shown
      yield* stop
      yield* packets
      yield* start
      yield* packets
      yield* shown
      yield* end
      yield* Fiber.join(watching)
      for (const channel of ["ch_0", "ch_1"]) {
        const own = seen.filter((name) => name.startsWith(channel))
        const expected = [...Array(eventCount() / 2).keys()].map((seq) => `${channel} ${seq}`)
        assert.deepStrictEqual(own, expected)
      }
      assert.deepStrictEqual(
        seen.filter((name) => !name.startsWith("ch_")),
        []
      )
    })
  )

  it.live("goes on from where it began, if that was not the beginning", () =>
    Effect.gen(function* () {
      const { attach, cutViewers, end, hasAll, packets } = yield* recorded
      yield* packets
      yield* hasAll
      const asked: Array<string> = []
      const seen: Array<string> = []
      let isAttached = false
      const attaching = (seek: "beginning" | "last") => {
        asked.push(seek)
        return Effect.tap(attach(seek), () => Effect.sync(() => (isAttached = true)))
      }
      const watching = yield* LiveEvents.reconnecting(attaching, often).pipe(
        Stream.runForEach((item) => Effect.sync(() => isLate(item) || seen.push(nameOf(item)))),
        Effect.forkScoped
      )
      yield* until("it to watch", () => isAttached)
      yield* packets
      yield* until("what is new to be shown", () => seen.length >= 4)
      yield* cutViewers
      yield* packets
      yield* until("the rest to be shown", () => seen.length >= 8)
      yield* end
      yield* Fiber.join(watching)
      assert.deepStrictEqual(asked, ["last", "beginning"])
      const expected = ["ch_0", "ch_1"].flatMap((channel) => [2, 3, 4, 5].map((seq) => `${channel} ${seq}`))
      assert.deepStrictEqual(seen.toSorted(), expected)
    })
  )

  it.live("waits for a relay and a session as long as its schedule allows", () =>
    Effect.gen(function* () {
      const { relay, viewerUrl } = yield* TestRelay.make()
      const failed: Array<string> = []
      const attach = Effect.gen(function* () {
        const { session, viewer } = yield* LiveViewer.fromUrl(`${viewerUrl}/host/host1/nobodys`)
        // The first time it is lost when it has greeted and nothing is attached to.
        const lost = failed.length > 0 ? [] : yield* relay.connections
        yield* Effect.forEach(lost, ({ id }) => relay.endConnection(id))
        return yield* viewer.attachAll(session ?? assert.fail())
      })
      const twice = Schedule.recurs(2).pipe(
        Schedule.setInputType<{ readonly _tag: string }>(),
        Schedule.tap(({ input }) => Effect.sync(() => failed.push(input._tag)))
      )
      const error = yield* Effect.flip(Stream.runDrain(LiveEvents.reconnecting(() => attach, twice)))
      assert.strictEqual(error._tag, "SessionNotFound")
      assert.deepStrictEqual(failed, ["LinkLost", "SessionNotFound"])
    })
  )
})
