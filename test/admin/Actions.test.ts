/** What an operator can do to a relay over its port: a real relay, with the library's target and viewer as peers. */
import { Worker } from "node:worker_threads"
import { assert, describe, it, vi } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule, Stream } from "effect"
import type { Told } from "../../src/admin/AdminApi.ts"
import { LiveViewer, SyntheticTrace, Target } from "../../src/index.ts"
import * as Process from "../support/process.ts"
import { path, streaming, uuid } from "../support/synthetic.ts"
import * as Ports from "./ports.ts"

const record = (targetUrl: string, name: string, more: Partial<Target.SessionOptions> = {}) =>
  Effect.gen(function* () {
    const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
    const session = yield* target.session({ name, ...more })
    const { stream, generator } = yield* streaming(session, 1024)
    yield* stream.packet(generator.next(1000n))
    return session
  })

const readyz = (url: string) =>
  Effect.promise(async () => {
    const answer = await fetch(`${url}/readyz`)
    return { status: answer.status, text: await answer.text() }
  })

describe("a drain", () => {
  it.live("refuses new sessions, lets the others go on to their end, and can be taken back", () =>
    Effect.gen(function* () {
      const { client, targetUrl, url } = yield* Ports.start()
      const old = yield* record(targetUrl, "old")
      assert.strictEqual((yield* readyz(url)).status, 200)
      assert.deepInclude(yield* client.relay.drain({ payload: {} }), { isDraining: true, sessionCount: 1 })
      const { status, text } = yield* readyz(url)
      assert.strictEqual(status, 503)
      assert.include(text, "no new sessions, 1 are left")
      const refused = yield* Effect.flip(record(targetUrl, "new"))
      assert.include(String(refused), "CREATE_SESSION")
      const stream = yield* old.stream({ path, channel: "late" })
      yield* stream.packet(SyntheticTrace.generator(uuid, 1, 1024, 0n).next(1000n))
      yield* old.close()
      assert.deepInclude(yield* client.relay.draining(), { isDraining: true, sessionCount: 0 })
      assert.deepInclude(yield* client.relay.takeBackDrain(), { isDraining: false })
      assert.strictEqual((yield* readyz(url)).status, 200)
      yield* record(targetUrl, "again")
    })
  )

  it.live("ends at its deadline the sessions that are left, with their files whole", () =>
    Effect.gen(function* () {
      const { client, output, targetUrl } = yield* Ports.start()
      yield* record(targetUrl, "stays")
      const { deadlineMillis } = yield* client.relay.drain({ payload: { deadlineSeconds: 0.05 } })
      assert.isNumber(deadlineMillis)
      yield* Process.until("the session to be ended", client.relay.draining(), ({ sessionCount }) => sessionCount === 0)
      assert.isNotEmpty(output.tree({ contents: false }).filter((line) => /ch_0 1024$/.test(line)))
    })
  )
})

describe("an operator", () => {
  it.live("ends a session by its number; another number is told", () =>
    Effect.gen(function* () {
      const { client, targetUrl } = yield* Ports.start()
      yield* record(targetUrl, "one")
      yield* record(targetUrl, "other")
      const { items } = yield* client.sessions.list({ query: {} })
      const id = items.find(({ name }) => name === "one")?.id ?? 0
      yield* client.sessions.end({ params: { id } })
      const left = yield* client.sessions.list({ query: {} })
      assert.deepStrictEqual(
        left.items.map(({ name }) => name),
        ["other"]
      )
      assert.strictEqual((yield* Effect.flip(client.sessions.end({ params: { id } })))._tag, "SessionUnknown")
    })
  )

  it.live("ends a session: the last line of its events says so", () =>
    Effect.gen(function* () {
      const { client, targetUrl, url } = yield* Ports.start()
      yield* record(targetUrl, "watched", { liveTimer: "1 second" })
      const { items } = yield* client.sessions.list({ query: {} })
      const id = items[0]?.id ?? assert.fail()
      const answer = yield* Effect.promise(() => fetch(`${url}/api/v1/sessions/${id}/events`))
      const watched = client.sessions.get({ params: { id } })
      yield* Process.until("somebody to watch it", watched, ({ viewerCount }) => viewerCount === 1)
      yield* client.sessions.end({ params: { id } })
      const lines = (yield* Effect.promise(() => answer.text())).trimStart()
      assert.strictEqual(lines, '{"type":"end","reason":"the session has ended"}\n')
    })
  )

  it.live("detaches a viewer; the session goes on", () =>
    Effect.gen(function* () {
      const { client, targetUrl, viewerUrl } = yield* Ports.start()
      yield* record(targetUrl, "live", { liveTimer: "1 second" })
      const { viewer } = yield* LiveViewer.fromUrl(viewerUrl)
      const attached = yield* viewer.attachAll({ hostname: "host1", sessionName: "live" }, {})
      const ended = yield* Effect.forkScoped(Effect.exit(Stream.runDrain(attached.events)))
      const [status] = (yield* client.sessions.list({ query: {} })).items
      const id = status?.viewers[0]?.connectionId ?? 0
      yield* client.relay.endConnection({ params: { id } })
      assert.strictEqual((yield* Fiber.join(ended))._tag, "Failure")
      const [after] = (yield* client.sessions.list({ query: {} })).items
      assert.deepInclude(after, { name: "live", viewerCount: 0 })
      const { items } = yield* client.relay.connections({ query: { state: "closed" } })
      assert.deepInclude(items[0], { port: "live", reason: "ended by program" })
      assert.strictEqual((yield* Effect.flip(client.relay.endConnection({ params: { id } })))._tag, "ConnectionUnknown")
    })
  )

  it.live("needs the token for whatever changes something, on loopback too", () =>
    Effect.gen(function* () {
      const started = yield* Ports.start()
      const tokenless = yield* Ports.start({}, { token: "" })
      yield* record(started.targetUrl, "stays")
      yield* record(tokenless.targetUrl, "stays")
      for (const [{ clientWith }, given] of [
        [started, undefined],
        [started, "wrong"],
        [tokenless, undefined]
      ] as const) {
        const client = yield* clientWith(given)
        const refusals = [
          yield* Effect.flip(client.relay.drain({ payload: {} })),
          yield* Effect.flip(client.relay.takeBackDrain()),
          yield* Effect.flip(client.sessions.end({ params: { id: 1 } })),
          yield* Effect.flip(client.relay.endConnection({ params: { id: 1 } }))
        ]
        assert.deepStrictEqual(
          refusals.map(({ _tag }) => _tag),
          Array<string>(4).fill("Unauthorized")
        )
        assert.deepInclude(yield* client.relay.draining(), { isDraining: false, sessionCount: 1 })
      }
    })
  )
})

describe("an action that takes its time", () => {
  it.live("is not hidden by an answer that somebody was given meanwhile", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const state = { now: "old", isBegun: false }
      const { client, url } = yield* Ports.start(
        {},
        {},
        {
          ...Ports.operations,
          configuration: Effect.sync(() => ({ now: state.now })),
          reload: Effect.gen(function* () {
            state.isBegun = true
            yield* Deferred.await(gate)
            state.now = "new"
            return { changed: [] }
          })
        }
      )
      const look = Effect.promise(async () => (await fetch(`${url}/api/v1/configuration`)).json())
      const reloading = yield* Effect.forkChild(client.daemon.reload())
      yield* Process.until("the reload to begin", () => state.isBegun)
      // More than are answered by the relay at once: of these some are an earlier one's answer.
      for (let count = 0; count < 10; count++) assert.deepStrictEqual(yield* look, { now: "old" })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(reloading)
      assert.deepStrictEqual(yield* look, { now: "new" })
    })
  )
})

describe("the events of a relay", () => {
  it.live("arrive as they happen, sixteen may listen, and the port closes without waiting for them", () =>
    Effect.gen(function* () {
      const heard: Array<Told["_tag"]> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { client, relay, targetUrl } = yield* Ports.start()
          let admittedCount = 0
          const listen = Effect.flatMap(client.relay.events(), (events) => {
            admittedCount++
            return Stream.runForEach(events, (event) => Effect.sync(() => heard.push(event._tag)))
          })
          const fibers = yield* Effect.replicateEffect(Effect.forkScoped(Effect.exit(listen)), 16)
          yield* Process.until("everybody to listen", () => heard.filter((tag) => tag === "Heartbeat").length >= 16)
          assert.strictEqual((yield* Effect.flip(client.relay.events()))._tag, "TooManyListeners")
          const [first = assert.fail()] = fibers
          yield* Fiber.interrupt(first)
          yield* Effect.forkScoped(Effect.exit(Effect.retry(listen, { schedule: Schedule.spaced("10 millis") })))
          yield* Process.until("the place of who has gone", () => admittedCount === 17)
          const session = yield* record(targetUrl, "heard")
          yield* session.close()
          yield* Process.until(
            "everybody to hear of the end",
            () => heard.filter((tag) => tag === "SessionClosed").length === 16
          )
          assert.strictEqual((yield* relay.sessions).length, 0)
          // Nobody ends the port's thread but itself: were the listeners waited for, this would have no end.
          vi.spyOn(Worker.prototype, "terminate").mockReturnValue(new Promise(() => {}))
        })
      )
      vi.restoreAllMocks()
      for (const tag of ["SessionCreated", "StreamAdded", "PacketsStored"] as const) assert.include(heard, tag)
    })
  )

  it.live("are told with numbers of 64 bits: beacons and rotations of a live session", () =>
    Effect.gen(function* () {
      const { client, targetUrl } = yield* Ports.start()
      const heard: Array<Told> = []
      const events = yield* client.relay.events()
      yield* Effect.forkScoped(Stream.runForEach(events, (event) => Effect.sync(() => heard.push(event))))
      const session = yield* record(targetUrl, "live", { liveTimer: "20 millis" })
      const until = (tag: Told["_tag"]) =>
        Process.until(`${tag} to be heard`, () => heard.some(({ _tag }) => _tag === tag))
      yield* until("Beacon")
      yield* session.rotate()
      yield* until("RotationCompleted")
      yield* session.close()
      yield* until("SessionClosed")
      const ends = heard.flatMap((event) => (event._tag === "Beacon" ? [event.timestampEnd] : []))
      assert.isTrue(ends.every((end) => typeof end === "bigint"))
      const chunks = heard.flatMap((event) => (event._tag === "RotationCompleted" ? [event.chunkId] : []))
      assert.strictEqual(chunks[0], 0n)
    })
  )
})
