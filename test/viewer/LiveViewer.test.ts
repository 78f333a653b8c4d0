/**
 * The viewer against relays, ours and the installed one: real applications traced live, and targets of our own where
 * the timestamps must be known. What counts is that it sees what the relay stored, in order, and little asking.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as CtfTrace from "../../src/ctf/CtfTrace.ts"
import * as Target from "../../src/target/Target.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import * as Record from "../../src/viewer/Record.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"

const connect = ({ livePort }: Relays.Relay) => LiveViewer.connect({ host: "127.0.0.1", port: livePort })

/** The only session of the relay. */
const attach = (relay: Relays.Relay, options: LiveViewer.AttachOptions) =>
  Effect.gen(function* () {
    const viewer = yield* connect(relay)
    const [session] = yield* viewer.sessions
    return { viewer, ...(yield* viewer.attach(session as LiveViewer.Session, options)) }
  })

/** Collects while the test goes on; `ended` completes with the stream. */
const watch = (events: LiveViewer.Attached["events"]) =>
  Effect.gen(function* () {
    const seen: Array<LiveViewer.ViewerEvent> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(events, (event) =>
        Effect.sync(() => {
          seen.push(event)
        })
      )
    )
    const until = (what: string, condition: () => boolean) => Process.until(what, condition)
    return { seen, ended: Fiber.join(fiber), until }
  })

const packetsOf = (seen: ReadonlyArray<LiveViewer.ViewerEvent>) => seen.filter((event) => event._tag === "Packet")

const liveSession = (relay: Relays.Relay, liveMicros: number, ...channel: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const tracing = yield* Lttng.start
    yield* Lttng.record(tracing, relay, "watched", {
      create: [`--live=${liveMicros}`],
      channel: ["--subbuf-size=16k", ...channel],
      events: "demo:tick"
    })
    return tracing
  })

/** Every stored packet was seen, once, with the stored bytes. */
const assertSawAll = (seen: ReadonlyArray<LiveViewer.ViewerEvent>, directory: string) =>
  Effect.gen(function* () {
    const bytes = new Map<string, Array<Uint8Array>>()
    for (const event of seen) {
      if (event._tag !== "Packet" && event._tag !== "Metadata") continue
      const name = join(event.stream.path, event.stream.channel)
      bytes.set(name, [...(bytes.get(name) ?? []), event.bytes])
    }
    const recording = yield* CtfTrace.open(directory)
    let packets = 0
    for (const { files, metadata, path } of recording.chunks.flatMap(({ traces }) => traces)) {
      const seenBytes = (name: string) => Buffer.concat(bytes.get(join(path, name)) ?? [])
      assert.isTrue(seenBytes("metadata").equals(metadata ?? Buffer.alloc(0)), `metadata of ${path}`)
      for (const { location, name, packets: stored } of files) {
        assert.isTrue(seenBytes(name).equals(readFileSync(location)), location)
        packets += stored.length
      }
    }
    assert.strictEqual(packetsOf(seen).length, packets)
    assert.isAbove(packets, 0)
  })

/** Packets by their begin, and none of a stream before the time up to which it was inactive. */
const assertInOrder = (seen: ReadonlyArray<LiveViewer.ViewerEvent>) => {
  let last = 0n
  const inactive = new Map<bigint, bigint>()
  for (const event of seen) {
    if (event._tag === "Inactive") {
      assert.isTrue(event.timestamp > (inactive.get(event.stream.id) ?? 0n), "told twice")
      inactive.set(event.stream.id, event.timestamp)
    }
    if (event._tag !== "Packet" || event.isLate) continue
    const at = event.index.timestampBegin
    assert.isTrue(at >= last, `${at} after ${last}`)
    assert.isTrue(at >= (inactive.get(event.stream.id) ?? 0n), `${at} after inactivity`)
    last = at
  }
}

const tracedLive = (kind: Relays.Kind) => () => {
  it.live("a viewer sees every packet: new event types, applications that come and go, destroy", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const { emit, lttng } = yield* liveSession(relay, 100_000)
      yield* emit({ count: 100, cpu: 0 })
      const { events } = yield* attach(relay, { seek: "beginning", withPadding: true })
      const { ended, seen, until } = yield* watch(events)
      yield* Effect.all([emit({ count: 500, source: 1, cpu: 0 }), emit({ count: 500, source: 2, cpu: 1 })], {
        concurrency: "unbounded"
      })
      yield* until("packets of the first applications", () => packetsOf(seen).length > 1)
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tock")
      yield* emit({ count: 500, source: 3, tockEvery: 2 })
      yield* lttng("destroy")
      yield* ended
      yield* assertSawAll(seen, Babeltrace.sessionDirectory(relay.output, "watched"))
      assertInOrder(seen)
      assert.isAbove(seen.filter((event) => event._tag === "Metadata").length, 1)
      assert.deepStrictEqual(
        seen
          .filter((event) => event._tag === "StreamEnded")
          .map(({ stream }) => stream.channel)
          .sort(),
        seen
          .filter((event) => event._tag === "StreamAdded")
          .map((event) => (event._tag === "StreamAdded" ? event.stream.channel : ""))
          .sort()
      )
      assert.strictEqual(seen.at(-1)?._tag, "SessionEnded")
    })
  )

  it.live("an attachment before the first application, and the last packet long before the end", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const { emit, lttng } = yield* liveSession(relay, 100_000)
      const { events } = yield* attach(relay, { seek: "last", withPadding: true })
      const { ended, seen, until } = yield* watch(events)
      yield* emit({ count: 10 })
      yield* until("the packet with the events", () => packetsOf(seen).length > 0)
      yield* until("beacons after it", () => seen.filter(({ _tag }) => _tag === "Inactive").length > 2)
      yield* lttng("destroy")
      yield* ended
      yield* assertSawAll(seen, Babeltrace.sessionDirectory(relay.output, "watched"))
    })
  )

  it.live("every idle stream's time goes on", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const { emit } = yield* liveSession(relay, 100_000)
      yield* Effect.forEach([0, 1], (cpu) => emit({ count: 1, cpu }))
      const { events } = yield* attach(relay, { seek: "last" })
      const { seen, until } = yield* watch(events)
      const advances = () => {
        const count = new Map<bigint, number>()
        for (const event of seen) {
          if (event._tag === "StreamAdded" && !event.stream.isMetadata) count.set(event.stream.id, 0)
          if (event._tag === "Inactive") count.set(event.stream.id, (count.get(event.stream.id) ?? 0) + 1)
        }
        return [...count.values()]
      }
      yield* until("five times of each stream", () => advances().length > 1 && advances().every((times) => times >= 5))
      assertInOrder(seen)
    })
  )

  it.live("an idle session is asked less than five times a second", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const { emit } = yield* liveSession(relay, 1_000_000)
      yield* emit({ count: 100 })
      const { events, viewer } = yield* attach(relay, { seek: "beginning" })
      const { seen, until } = yield* watch(events)
      const inactivities = () => seen.filter(({ _tag }) => _tag === "Inactive").length
      // Of two streams, so for some periods since the last packet.
      yield* until("idleness", () => inactivities() >= 6)
      const [requests, start, known] = [viewer.requestCount(), performance.now(), inactivities()]
      yield* until("three more beacons", () => inactivities() >= known + 3)
      const perSecond = (viewer.requestCount() - requests) / ((performance.now() - start) / 1000)
      assert.isBelow(perSecond, 5)
      assert.isAbove(perSecond, 0)
    })
  )

  it.live("a recording of a live session equals what the relay stored", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const { emit, lttng } = yield* liveSession(relay, 100_000)
      yield* emit({ count: 1000 })
      const { events } = yield* attach(relay, { seek: "beginning", withPadding: true })
      const directory = join(yield* Relays.temporaryDirectory("record"), "trace")
      const recording = yield* Effect.forkScoped(Record.record(events, directory))
      yield* emit({ count: 3000, from: 1000 })
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tock")
      yield* emit({ count: 1000, from: 4000, tockEvery: 2 })
      yield* lttng("destroy")
      const { lost, packets } = yield* Fiber.join(recording)
      assert.strictEqual(lost, 0)
      const stored = Babeltrace.sessionDirectory(relay.output, "watched")
      assert.deepStrictEqual(Tree.files(directory), Tree.files(stored))
      for (const path of Tree.files(stored)) {
        assert.isTrue(readFileSync(join(directory, path)).equals(readFileSync(join(stored, path))), path)
      }
      assert.strictEqual(Babeltrace.assertIndexed(directory), packets)
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 5000 }])
    })
  )

  // Relays before 2.14 lose what a stream still had when it closed.
  const itOfNewRelays = kind === "ours" ? it : { live: it.live.skip }
  itOfNewRelays.live("per-process buffers: each application is a trace that comes, is read to its end, and goes", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const { emit, lttng } = yield* liveSession(relay, 100_000, "--buffers-pid")
      const { events } = yield* attach(relay, { seek: "beginning", withPadding: true })
      const { ended, seen } = yield* watch(events)
      for (const source of [1, 2, 3]) yield* emit({ count: 200, source })
      yield* lttng("destroy")
      yield* ended
      yield* assertSawAll(seen, Babeltrace.sessionDirectory(relay.output, "watched"))
      const traces = new Set(seen.flatMap((event) => (event._tag === "StreamAdded" ? [event.stream.traceId] : [])))
      assert.strictEqual(traces.size, 3)
    })
  )
}

const targetLive = (kind: Relays.Kind) => () => {
  const path = "ust/uid/0/64-bit"

  const start = Effect.gen(function* () {
    const relay = yield* Relays.start(kind)
    const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    const target = yield* Target.make({ url, hostname: "host1" })
    let now = 0n
    /** What the beacons of both streams tell from now on. */
    const advance = (to: bigint) => {
      now = to
    }
    const session = yield* target.session({ name: "made", liveTimer: "50 millis", clock: () => now })
    const [a, b] = [yield* session.stream({ path, channel: "a" }), yield* session.stream({ path, channel: "b" })]
    const metadata = yield* session.metadata(path)
    yield* session.publish
    yield* metadata.append(Buffer.from("/* CTF 1.8 */"))
    return { relay, target, session, a, b, metadata, advance }
  })
  const packet = (timestampBegin: bigint, timestampEnd: bigint): Target.Packet => ({
    bytes: Buffer.from(`packet ${timestampBegin}`),
    paddingBytes: 10,
    timestampBegin,
    timestampEnd
  })
  const texts = (seen: ReadonlyArray<LiveViewer.ViewerEvent>) =>
    packetsOf(seen).map((event) => (event._tag === "Packet" ? Buffer.from(event.bytes).toString() : ""))

  it.live("packets of several streams come in the order of their begin", () =>
    Effect.gen(function* () {
      const { a, advance, b, relay, session } = yield* start
      for (const at of [10n, 30n, 50n]) {
        // A beacon may come at any moment, and must not tell of an earlier one than was told.
        advance(at)
        yield* a.packet(packet(at, at + 9n))
        advance(at + 10n)
        yield* b.packet(packet(at + 10n, at + 19n))
      }
      yield* session.stored
      const { events } = yield* attach(relay, { seek: "beginning" })
      const { ended, seen } = yield* watch(events)
      yield* session.close()
      yield* ended
      assert.deepStrictEqual(
        texts(seen),
        [10, 20, 30, 40, 50, 60].map((at) => `packet ${at}`)
      )
      assertInOrder(seen)
    })
  )

  it.live("a packet is not shown before the other stream tells that nothing older follows", () =>
    Effect.gen(function* () {
      const { a, advance, b, relay, session } = yield* start
      yield* b.packet(packet(1n, 2n))
      yield* a.packet(packet(10n, 19n))
      yield* session.stored
      const { events, viewer } = yield* attach(relay, { seek: "beginning" })
      const { ended, seen, until } = yield* watch(events)
      yield* until("the older packet", () => packetsOf(seen).length > 0)
      const asked = viewer.requestCount()
      yield* until("some more questions", () => viewer.requestCount() > asked + 3)
      assert.deepStrictEqual(texts(seen), ["packet 1"])
      advance(10n)
      yield* until("the other packet", () => packetsOf(seen).length > 1)
      yield* session.close()
      yield* ended
    })
  )

  // Relays since 2.14 do tell the inactivity of a stream without packets.
  const itOfOldRelays = kind === "reference" ? it : { live: it.live.skip }
  itOfOldRelays.live("a stream that never says anything does not hold the others back for ever", () =>
    Effect.gen(function* () {
      const { a, relay, session } = yield* start
      yield* a.packet(packet(10n, 19n))
      yield* session.stored
      const { events } = yield* attach(relay, { seek: "beginning" })
      const { seen, until } = yield* watch(events)
      yield* until("the packet", () => packetsOf(seen).length === 1)
    })
  )

  it.live("from the last position on, only what comes later", () =>
    Effect.gen(function* () {
      const { a, b, relay, session } = yield* start
      yield* a.packet(packet(10n, 19n))
      yield* b.packet(packet(10n, 19n))
      yield* session.stored
      const { events } = yield* attach(relay, { seek: "last" })
      const { ended, seen } = yield* watch(events)
      yield* a.packet(packet(20n, 29n))
      yield* session.close()
      yield* ended
      assert.deepStrictEqual(texts(seen), ["packet 20"])
    })
  )

  it.live("clear while watching: older packets may be gone, newer ones come", () =>
    Effect.gen(function* () {
      const { a, b, metadata, relay, session } = yield* start
      yield* a.packet(packet(10n, 19n))
      yield* b.packet(packet(10n, 19n))
      yield* session.stored
      const { events } = yield* attach(relay, { seek: "beginning" })
      const { ended, seen, until } = yield* watch(events)
      yield* until("both packets", () => packetsOf(seen).length === 2)
      yield* session.clear
      yield* metadata.append(Buffer.from("/* more */"))
      yield* a.packet(packet(20n, 29n))
      yield* b.packet(packet(21n, 29n))
      yield* until("the packets after the clear", () => packetsOf(seen).length === 4)
      yield* session.close()
      yield* ended
      assert.deepStrictEqual(texts(seen).slice(2), ["packet 20", "packet 21"])
      const text = seen.map((event) => (event._tag === "Metadata" ? Buffer.from(event.bytes).toString() : "")).join("")
      assert.strictEqual(text, "/* CTF 1.8 *//* more */")
    })
  )

  it.live("streams added later are announced and read from their beginning", () =>
    Effect.gen(function* () {
      const { a, b, relay, session } = yield* start
      const { events } = yield* attach(relay, { seek: "last" })
      const { ended, seen, until } = yield* watch(events)
      yield* a.packet(packet(10n, 19n))
      yield* b.packet(packet(10n, 19n))
      yield* until("the first packets", () => packetsOf(seen).length === 2)
      const other = "ust/pid/app-1"
      const late = yield* session.stream({ path: other, channel: "c" })
      const metadata = yield* session.metadata(other)
      yield* session.publish
      yield* metadata.append(Buffer.from("/* CTF 1.8 */"))
      yield* late.packet(packet(20n, 29n))
      yield* until("the announcement", () =>
        seen.some((event) => event._tag === "StreamAdded" && event.stream.path === other)
      )
      yield* session.close()
      yield* ended
      assert.deepStrictEqual(texts(seen).slice(2), ["packet 20"])
    })
  )

  it.live("a consumer that stops reading stops the questions", () =>
    Effect.gen(function* () {
      const { a, b, relay, session } = yield* start
      for (let at = 0n; at < 50n; at++) {
        yield* a.packet(packet(at, at))
        yield* b.packet(packet(at, at))
      }
      yield* session.stored
      const { events, viewer } = yield* attach(relay, { seek: "beginning" })
      const firstPacket = events.pipe(
        Stream.filter(({ _tag }) => _tag === "Packet"),
        Stream.take(1)
      )
      yield* Stream.runDrain(firstPacket)
      // CONNECT, LIST, CREATE, ATTACH, metadata twice, a round of two, new streams, one packet.
      assert.isAtMost(viewer.requestCount(), 12)
    })
  )

  it.live("what cannot be watched says why", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start
      yield* target.session({ name: "plain" })
      const viewer = yield* connect(relay)
      const sessions = yield* viewer.sessions
      assert.deepStrictEqual(
        sessions.map(({ hostname, liveTimerMicros, sessionName }) => [hostname, sessionName, liveTimerMicros]).sort(),
        [
          ["host1", "made", 50_000],
          ["host1", "plain", 0]
        ]
      )
      const [made, plain] = ["made", "plain"].map((name) => sessions.find(({ sessionName }) => sessionName === name))
      const notLive = yield* Effect.flip(viewer.attach(plain as LiveViewer.Session))
      assert.strictEqual(notLive.message, "cannot watch plain: it is not a live session")
      const missing = yield* Effect.flip(viewer.attachAll({ hostname: "host1", sessionName: "nobody" }))
      assert.strictEqual(missing.message, "no live session nobody of host host1")
      const recorded = yield* Effect.flip(viewer.attachAll({ hostname: "host1", sessionName: "plain" }))
      assert.match(recorded.message, /^no live session plain of host host1: .* without --live$/)
      const unknown = yield* Effect.flip(viewer.attach({ ...(made as LiveViewer.Session), id: 999n }))
      assert.strictEqual(unknown.message, "cannot watch made: it has ended")
    })
  )

  it.live("sessions of one name, as those of several tracing domains, are watched as one", () =>
    Effect.gen(function* () {
      const { a, b, relay, session, target } = yield* start
      const other = yield* target.session({ name: "made", liveTimer: "50 millis", clock: () => 100n })
      const kernel = yield* other.stream({ path: "kernel", channel: "k" })
      const metadata = yield* other.metadata("kernel")
      yield* other.publish
      yield* metadata.append(Buffer.from("/* CTF 1.8 */"))
      yield* a.packet(packet(10n, 19n))
      yield* kernel.packet(packet(15n, 24n))
      yield* b.packet(packet(20n, 29n))
      yield* session.stored
      yield* other.stored
      const viewer = yield* connect(relay)
      const { events, sessions } = yield* viewer.attachAll(
        { hostname: "host1", sessionName: "made" },
        { seek: "beginning" }
      )
      assert.strictEqual(sessions.length, 2)
      const { ended, seen } = yield* watch(events)
      yield* session.close()
      yield* other.close()
      yield* ended
      assert.deepStrictEqual(texts(seen), ["packet 10", "packet 15", "packet 20"])
      assert.strictEqual(seen.filter(({ _tag }) => _tag === "SessionEnded").length, 2)
    })
  )

  it.live("a session of the name that begins later joins, and the end waits for the next one so long", () =>
    Effect.gen(function* () {
      const { a, b, relay, session, target } = yield* start
      yield* a.packet(packet(10n, 19n))
      yield* b.packet(packet(11n, 19n))
      yield* session.stored
      const viewer = yield* connect(relay)
      const name = { hostname: "host1", sessionName: "made" }
      const { events } = yield* viewer.attachAll(name, { seek: "beginning", joinMillis: 6000 })
      const { ended, seen, until } = yield* watch(events)
      yield* until("the first packets", () => packetsOf(seen).length === 2)
      const begin = (text: string) =>
        Effect.gen(function* () {
          const later = yield* target.session({ name: "made", liveTimer: "50 millis", clock: () => 100n })
          const stream = yield* later.stream({ path: text, channel: "k" })
          const metadata = yield* later.metadata(text)
          yield* later.publish
          yield* metadata.append(Buffer.from("/* CTF 1.8 */"))
          yield* until(`${text} joins`, () => seen.some((event) => "stream" in event && event.stream.path === text))
          return { later, stream }
        })
      yield* target.session({ name: "another", liveTimer: "50 millis", clock: () => 100n })
      const { later, stream } = yield* begin("beside")
      yield* stream.packet(packet(20n, 29n))
      yield* session.close()
      yield* later.close()
      yield* until("the end of both", () => seen.filter(({ _tag }) => _tag === "SessionEnded").length === 2)
      const again = yield* begin("again")
      yield* again.stream.packet(packet(30n, 39n))
      yield* again.later.close()
      yield* ended
      assert.deepStrictEqual(texts(seen), ["packet 10", "packet 11", "packet 20", "packet 30"])
      const joined = seen.flatMap((event) => (event._tag === "SessionJoined" ? [event.session.sessionName] : []))
      assert.deepStrictEqual(joined, ["made", "made"])
    })
  )

  it.live("leaving the scope lets the next viewer in", () =>
    Effect.gen(function* () {
      const { relay } = yield* start
      const viewer = yield* connect(relay)
      const [session] = yield* viewer.sessions
      for (let round = 0; round < 3; round++) yield* Effect.scoped(viewer.attach(session as LiveViewer.Session))
      assert.strictEqual((yield* viewer.sessions)[0]?.clientCount, 0)
    })
  )
}

const all = [...Peers.tracing, ...Peers.reference]
Peers.describeConcurrently(all, "live tracing, installed relay", tracedLive("reference"))
Peers.describeConcurrently(Peers.tracing, "live tracing, our relay", tracedLive("ours"))
Peers.describeConcurrently(Peers.reference, "a viewer of the installed relay", targetLive("reference"))
Peers.describeConcurrently([], "a viewer of our relay", targetLive("ours"))
