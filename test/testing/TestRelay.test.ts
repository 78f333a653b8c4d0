/**
 * A relay in a program, as an embedder's tests have it: by `lttng-relay/testing`, with the library's own target and
 * viewer as peers. What a program can hear of a relay, and do to it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Queue, Schema, Scope, Stream, Tracer } from "effect"
import { HttpServerResponse } from "effect/http"
import {
  LiveViewer,
  type Relay,
  type RelayEvent,
  RelayEventJson,
  SessionStatus,
  SyntheticTrace,
  Target
} from "../../src/index.ts"
import { PeerBytes, TestRelay, Waiting } from "../../src/testing/index.ts"
import { path, streaming, uuid } from "../support/synthetic.ts"

/** A session with a stream, metadata and some packets. */
const record = (session: Target.Session, packetCount = 3) =>
  Effect.gen(function* () {
    const { stream, generator } = yield* streaming(session, 1024)
    for (let at = 1; at <= packetCount; at++) yield* stream.packet(generator.next(BigInt(at) * 1000n))
    return stream
  })

/** What happens from now on, until `last` has. */
const heard = (relay: Relay.Relay["Service"]) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<RelayEvent>()
    const all: Array<RelayEvent> = []
    yield* Effect.forkScoped(
      Stream.runForEach(relay.events, (event) => Queue.offer(queue, event)),
      {
        startImmediately: true
      }
    )
    yield* Effect.yieldNow
    const until = (tag: RelayEvent["_tag"]) =>
      Effect.gen(function* () {
        while (all.at(-1)?._tag !== tag) all.push(yield* Queue.take(queue))
        return all.at(-1) as RelayEvent
      }).pipe(Effect.timeout("10 seconds"))
    return { all, until }
  })

describe("a relay for tests", () => {
  it.effect("has events to its end, which ends them for who heard and for who asks afterwards", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { relay, targetUrl } = yield* Scope.provide(TestRelay.make(), scope)
      const hearing = yield* Effect.forkScoped(Stream.runCollect(relay.events), { startImmediately: true })
      yield* Effect.yieldNow
      const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
      yield* record(yield* target.session({ name: "s" }))
      yield* Scope.close(scope, Exit.void)
      const all = yield* Fiber.join(hearing)
      assert.strictEqual(all.at(0)?._tag, "SessionCreated")
      assert.strictEqual(all.at(-1)?._tag, "SessionClosed")
      assert.deepStrictEqual(yield* Stream.runCollect(relay.events), [])
    })
  )
  it.effect("records what a target of the library sends, whatever clock the test has", () =>
    Effect.gen(function* () {
      const { output, relay, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
      const session = yield* target.session({ name: "s", creationTime: 1_700_000_000 })
      yield* record(session)
      const [status] = yield* relay.sessions
      assert.strictEqual(status?.name, "s")
      yield* session.close()
      assert.deepStrictEqual(
        output.tree({ contents: false }).map((line) => line.replace(/^host1\/s-[^/]*\//, "")),
        [`${path}/ch_0 3072`, `${path}/index/ch_0.idx 232`, `${path}/metadata ${SyntheticTrace.metadata(uuid).length}`]
      )
    })
  )

  it.effect("ends what is left at its deadline, whatever clock the test has", () =>
    Effect.gen(function* () {
      const { relay, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl })
      yield* target.session({ name: "s" })
      yield* relay.drain.begin(10)
      yield* Waiting.until("no session", relay.sessions, (left) => left.length === 0)
    })
  )

  it.live("plays scripts of bytes, and says what the relay answered", () =>
    Effect.gen(function* () {
      const { output, script } = yield* TestRelay.make()
      const lines: Array<string> = []
      const played = script((line) => lines.push(line))
      const { c, d, file } = yield* played.recording()
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, 100)
      yield* c.index(stream, { seq: 0, bytes: 100 })
      yield* played.fileSize(file("ch_0"), 100)
      yield* c.refused("CLOSE_STREAM", PeerBytes.join(PeerBytes.u64(77), PeerBytes.u64(0)))
      assert.include(lines, "C1 SEND_INDEX → 0000000a")
      assert.include(lines, "C1 CLOSE_STREAM → 0000000b closed")
      assert.deepStrictEqual(output.read(file("ch_0")), PeerBytes.payload(100, 0))
    })
  )

  it.live("is there after some ten milliseconds of the processor", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(TestRelay.make())
      const times: Array<number> = []
      for (let round = 0; round < 20; round++) {
        const begin = process.cpuUsage()
        yield* Effect.scoped(TestRelay.make())
        const { system, user } = process.cpuUsage(begin)
        times.push((system + user) / 1000)
      }
      times.sort((one, two) => one - two)
      // What others do with the machine does not count; a quarter of a second would be another order of magnitude.
      assert.isBelow(times[5] as number, 250, `${times.map(Math.round)}`)
    })
  )

  it.live("breaks when it is told to", () =>
    Effect.gen(function* () {
      const { faults, relay, targetUrl } = yield* TestRelay.make()
      const { until } = yield* heard(relay)
      const target = yield* Target.make({ url: targetUrl })
      const session = yield* target.session({ name: "full" })
      faults.fail({ code: "ENOSPC", operation: "write", path: "ch_0" })
      const use = Effect.andThen(record(session, 200), session.close())
      const failed = yield* Effect.flip(use)
      assert.include(["LinkLost", "RelayRefused"], failed._tag)
      const event = yield* until("WriteFailed")
      assert.deepInclude(event, { sessionId: Number(session.id), operation: "write", code: "ENOSPC" })
    })
  )
})

describe("a program around a relay", () => {
  it.live("hears of sessions, streams, viewers and rotations, in JSON if it likes", () =>
    Effect.gen(function* () {
      const { output, relay, targetUrl, viewerUrl } = yield* TestRelay.make()
      const { all, until } = yield* heard(relay)
      const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
      const session = yield* target.session({ name: "live", liveTimer: "20 millis" })
      const sessionId = Number(session.id)
      const { outputPath = "" } = session
      yield* record(session)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session: viewed, viewer } = yield* LiveViewer.fromUrl(`${viewerUrl}/host/host1/live`)
          assert.isDefined(viewed)
          if (viewed === undefined) return
          yield* viewer.attachAll(viewed, { seek: "beginning" })
          assert.deepInclude(yield* until("ViewerAttached"), { sessionId, viewerCount: 1 })
        })
      )
      assert.deepInclude(yield* until("ViewerLeft"), { sessionId, viewerCount: 0 })
      const answered = yield* session.rotate()
      const rotated = yield* until("RotationCompleted")
      assert.deepInclude(rotated, { sessionId, chunkId: 0n, path: answered })
      assert.isTrue(output.exists(`${answered}/${path}/ch_0`), answered)
      yield* until("Beacon")
      yield* session.close()
      const closed = yield* until("SessionClosed")
      assert.deepInclude(closed, { sessionId, isAborted: false, outputPath })
      assert.deepInclude(all[0], { _tag: "SessionCreated", sessionId, outputPath })
      const tags = new Set(all.map(({ _tag }) => _tag))
      for (const tag of ["SessionCreated", "StreamAdded", "PacketsStored", "Beacon", "StreamClosed"] as const) {
        assert.isTrue(tags.has(tag), tag)
      }
      for (const event of all) {
        const json = JSON.parse(JSON.stringify(yield* Schema.encodeEffect(RelayEventJson)(event)))
        assert.deepStrictEqual(yield* Schema.decodeEffect(RelayEventJson)(json), event)
      }
    })
  )

  it.live("answers its sessions over HTTP as they are", () =>
    Effect.gen(function* () {
      const { relay, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl })
      const session = yield* target.session({ name: "s", creationTime: 1_700_000_000 })
      yield* record(session)
      const response = yield* HttpServerResponse.json(yield* relay.sessions)
      const body = response.body
      assert.strictEqual(body._tag, "Uint8Array")
      if (body._tag !== "Uint8Array") return
      const sent: unknown = JSON.parse(new TextDecoder().decode(body.body))
      const [decoded] = yield* Schema.decodeUnknownEffect(Schema.Array(SessionStatus))(sent)
      assert.strictEqual(decoded?.creationTimeSeconds, 1_700_000_000)
      assert.strictEqual(decoded?.streams.length, 2)
    })
  )

  it.live("ends a session: its files are complete, its target is told, others go on", () =>
    Effect.gen(function* () {
      const { output, relay, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl })
      const [one, other] = [yield* target.session({ name: "one" }), yield* target.session({ name: "other" })]
      yield* record(one)
      yield* record(other)
      yield* one.stored
      assert.isTrue(yield* relay.endSession(Number(one.id)))
      assert.deepStrictEqual(
        (yield* relay.sessions).map(({ name }) => name),
        ["other"]
      )
      const file = output.files().find((at) => at.includes("/one-") && at.endsWith("/ch_0"))
      assert.strictEqual(output.size(file ?? ""), 3072)
      assert.isFalse(yield* relay.endSession(Number(one.id)))
      assert.strictEqual((yield* Effect.flip(one.close()))._tag, "LinkLost")
      yield* other.close()
    })
  )

  it.live("refuses a host by the name it gives and by its address, for as long as it wants", () =>
    Effect.gen(function* () {
      const { relay, targetUrl } = yield* TestRelay.make()
      const { until } = yield* heard(relay)
      const target = (hostname: string) => Target.make({ url: targetUrl, hostname })
      const use = (hostname: string) =>
        Effect.scoped(
          Effect.flatMap(target(hostname), (one) => Effect.andThen(one.session({ name: "s" }), Effect.void))
        )
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* relay.refuseHost("Bad")
          assert.strictEqual((yield* Effect.flip(use("bad")))._tag, "RelayRefused")
          yield* use("good")
        })
      )
      yield* use("bad")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* relay.refuseHost("127.0.0.1")
          yield* Effect.flip(use("good"))
          assert.deepInclude(yield* until("ConnectionRefused"), { port: "control", reason: "host refused" })
        })
      )
      yield* use("good")
    })
  )
})

describe("a program's tracer", () => {
  it.live("sees a span for each command that waits, with what was logged meanwhile, and none for packets", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      yield* Effect.gen(function* () {
        const { relay, targetUrl } = yield* TestRelay.make()
        const { until } = yield* heard(relay)
        const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
        const session = yield* target.session({ name: "traced" })
        yield* record(session)
        yield* session.rotate()
        yield* session.close()
        yield* until("SessionClosed")
      }).pipe(Effect.scoped, Effect.provideService(Tracer.Tracer, tracer))
      const names = spans.map(({ name }) => name)
      for (const name of ["CREATE_SESSION", "CREATE_TRACE_CHUNK", "ADD_STREAM"]) assert.include(names, name)
      for (const { kind, name, parent, status, attributes } of spans) {
        assert.deepStrictEqual([kind, parent._tag, status._tag], ["server", "None", "Ended"], name)
        assert.match(String(attributes.get("peer")), /^127\.0\.0\.1:\d+$/)
      }
      const told = spans.flatMap((span) => (span as Tracer.NativeSpan).events.map(([text]) => text))
      assert.include(told, "session traced#1 of host1")
      assert.notInclude(names, "SEND_INDEX")
    })
  )
})

describe("rules for access that are replaced while the relay runs", () => {
  it.live("are refused if they are none, and those before stay", () =>
    Effect.gen(function* () {
      const { relay, targetUrl } = yield* TestRelay.make({
        access: { principals: [], rules: [{ principals: ["*"], record: [{ session: "mine" }] }] }
      })
      const target = yield* Target.make({ url: targetUrl })
      for (const rule of [{ principals: ["nobody"] }, { principals: ["*"], veiw: [{}] }]) {
        const failed = yield* Effect.flip(relay.replaceAccess({ principals: [], rules: [rule] }))
        assert.strictEqual(failed._tag, "ConfigInvalid")
      }
      assert.strictEqual((yield* Effect.flip(target.session({ name: "others" })))._tag, "RelayRefused")
      yield* target.session({ name: "mine" })
      yield* relay.replaceAccess(undefined)
      yield* target.session({ name: "others" })
      // The same of what there is nothing to replace.
      assert.strictEqual((yield* Effect.flip(relay.replaceTls({ certificate: "", key: "" })))._tag, "TlsRefused")
    })
  )
})

describe("closing a live session while its timer flushes", () => {
  it.live.each([
    ["at 20 ms", 20, 0],
    ["with a slow flush", 20, 30]
  ] as const)("stores every packet that was flushed, %s", ([, periodMillis, flushMillis]) =>
    Effect.gen(function* () {
      const { output, relay, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl, hostname: "h" })
      const round = (number: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const liveTimer = Duration.millis(periodMillis)
            const session = yield* target.session({ name: `s${number}`, liveTimer, nameContainsCreationTime: true })
            const generator = SyntheticTrace.generator(uuid, 0, 1024, 0n)
            let flushed = 0
            yield* session.stream({
              path,
              channel: "ch_0",
              flush: (now) =>
                Effect.map(Effect.sleep(flushMillis), () => {
                  flushed++
                  return generator.next(now)
                })
            })
            yield* session.metadata(path)
            yield* session.publish
            yield* Effect.sleep(15 + ((number * 7) % periodMillis))
            yield* session.close()
            assert.strictEqual(output.size(`h/s${number}/${path}/ch_0`) ?? 0, flushed * 1024, session.outputPath)
          })
        )
      yield* Effect.forEach(Array(100).keys(), round, { concurrency: 10, discard: true })
      assert.deepStrictEqual(yield* relay.sessions, [])
    })
  )
})
