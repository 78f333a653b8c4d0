/** A program's logger or tracer that throws each time: the relay goes on as if it did not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References, Stream, Tracer } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import { TestRelay, Waiting } from "../../src/testing/index.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"

/** Why connections ended of a session that is recorded and watched, and of others. */
const served = Effect.gen(function* () {
  const { relay, targetUrl, viewerUrl, wire } = yield* TestRelay.make()
  const target = yield* Target.make({ url: targetUrl, hostname: "host" })
  const session = yield* target.session({ name: "logged", liveTimer: "100 millis" })
  const stream = yield* session.stream({ path: "p", channel: "c" })
  yield* Effect.flip(session.stream({ path: "/", channel: "refused" }))
  const metadata = yield* session.metadata("p")
  yield* session.publish
  yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid)))
  const { viewer } = yield* LiveViewer.fromUrl(viewerUrl)
  const { events } = yield* viewer.attachAll({ hostname: "host", sessionName: "logged" }, { seek: "beginning" })
  yield* stream.packet(SyntheticTrace.generator(uuid, 0, 4096, 0n).next(1000n))
  yield* Stream.runDrain(Stream.takeUntil(events, ({ _tag }) => _tag === "Packet"))
  const stranger = yield* wire("control")
  yield* stranger.send(Buffer.from("GET / HTTP/1.1\r\nHost: relay\r\n\r\n"))
  yield* stranger.readToEnd
  yield* session.close()
  yield* Waiting.until(
    "connections to end",
    Effect.map(relay.connections, (all) => all.length === 1)
  )
  return (yield* relay.closedConnections).map(({ reason }) => reason)
})

describe("a program's logger that throws", () => {
  it.live("harms no connection, session, or viewer", () =>
    Effect.gen(function* () {
      let lineCount = 0
      const logger = Logger.make(() => {
        lineCount++
        throw new Error("the program's own")
      })
      const reasons = yield* served.pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "All")
      )
      assert.isAbove(lineCount, 5)
      assert.notInclude(reasons, "defect")
    })
  )
})

describe("a program's tracer that throws", () => {
  it.live.each(["span", "attribute", "event", "end"])("at each %s harms no connection, session, or viewer", (at) =>
    Effect.gen(function* () {
      const thrown: Array<string> = []
      const native = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })
      const fail = (what: string) => (): never => {
        thrown.push(what)
        throw new Error("the program's own")
      }
      const tracer = Tracer.make({
        span: (options) => (at === "span" ? fail(at)() : Object.assign(native.span(options), { [at]: fail(at) }))
      })
      const reasons = yield* served.pipe(Effect.withTracer(tracer), Effect.provide(Logger.layer([Logger.tracerLogger])))
      assert.isAbove(thrown.length, 0)
      assert.notInclude(reasons, "defect")
    })
  )
})
