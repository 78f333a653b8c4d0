/** A relay with rules for access: what they do not allow is refused, not recorded, and not there for others to see. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import { CloseCommand } from "../../src/protocol/control/CloseTraceChunk.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import * as Viewer from "../live/viewer.ts"
import { logged } from "../support/logged.ts"

const rules = (allowed: Omit<AccessFile["rules"][number], "principals">): AccessFile => ({
  principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["here"], ...allowed }]
})

const access = rules({ record: [{ host: "web*" }], view: [{ session: "seen*" }] })

it.live("a target records what it may, by whatever name it tries; a viewer knows of what it may see only", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access })
    const start = (hostname: string, name: string, options: Partial<Target.Options> = {}) =>
      Effect.flatMap(Target.make({ url: relay.targetUrl, hostname, ...options }), (target) =>
        target.session({ name, liveTimer: "1 second" })
      )
    const seen = yield* start("web1", "seen1")
    yield* start("web2", "hidden")
    for (const [host, name] of [
      ["db1", "seen2"],
      ["WEB1", "seen2"],
      ["", "web1"],
      ["../web1", "seen2"],
      ["db1/web1", "seen2"]
    ] as const) {
      yield* Effect.flip(start(host, name))
      yield* Effect.flip(start(host, name, { minor: 10 }))
    }
    const { viewer } = yield* LiveViewer.fromUrl(relay.viewerUrl)
    const [session, ...others] = yield* viewer.sessions
    assert.deepStrictEqual([session?.sessionName, others.length], ["seen1", 0])
    const guess = { ...(session as LiveViewer.Session), id: BigInt(2) }
    const refusal = yield* Effect.flip(viewer.attach(guess))
    const nothing = yield* Effect.flip(viewer.attach({ ...guess, id: BigInt(99) }))
    assert.strictEqual(refusal.message, nothing.message)
    const kept = yield* Target.make({ url: relay.targetUrl, hostname: "web2" })
    const still = yield* kept.session({ name: "hidden too" })
    const notLive = yield* Effect.flip(viewer.attach({ ...guess, id: still.id }))
    assert.strictEqual(notLive.message, nothing.message)
    yield* viewer.attach(session as LiveViewer.Session)
    const hosts = new Set(relay.output.files().map((path) => path.split("/")[0]))
    assert.deepStrictEqual(
      [...hosts].filter((host) => !/^web[12]$/.test(`${host}`)),
      []
    )
    yield* seen.close()
  })
)

it.live("a target that names directories itself, as before 2.11, is kept to its host's", () => {
  const { layer, lines } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access })
    const control = yield* relay.script().control
    yield* control.version(10)
    yield* control.createSession({ name: "s", host: "web1" })
    for (const path of ["db1/s-1/ust", "/db1/s-1/ust", "./db1/ust", "", "web1/../db1"])
      yield* control.addStream({ path })
    assert.deepStrictEqual(relay.output.files(), [])
    yield* control.addStream({ path: "/web1/s-1/ust" })
    const directories = new Set(relay.output.files().map((path) => path.split("/")[0]))
    assert.deepStrictEqual([...directories], ["web1"])
    // Who it was, and what for, as where the session itself is refused.
    assert.isTrue(
      lines.some((line) => /127.0.0.1:\d+, "here": {"sessionName":"s","pathname":".\/db1\/ust"}/.test(line))
    )
  }).pipe(Effect.provide(layer))
})

it.live("where output is grouped by session, the host is the one that the directory is named after", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access, grouping: "session" })
    const control = yield* relay.script().control
    yield* control.version(10)
    yield* control.createSession({ name: "s", host: "web1" })
    for (const path of ["./web1/s/ust", "/./web1/s/ust", "./web1", "./s/web1", "db1/s/ust"])
      yield* control.addStream({ path })
    assert.deepStrictEqual(relay.output.files(), [])
    yield* control.addStream({ path: "//web1/s/ust" })
    const directories = new Set(relay.output.files().map((path) => path.split("/").slice(0, 2).join("/")))
    assert.deepStrictEqual(
      [...directories].filter((path) => !/^s\/web1-[-\d]{15}$/.test(path)),
      []
    )
    assert.strictEqual(directories.size, 1)
  })
)

it.live("nor does it get, rules or not, to what the relay keeps for itself beside hosts' directories", () =>
  Effect.gen(function* () {
    for (const options of [{}, { access: rules({ record: [{}] }) }]) {
      const relay = yield* TestRelay.make(options)
      const control = yield* relay.script().control
      yield* control.version(3)
      yield* control.createSession({ name: "", host: "" })
      for (const path of [".journals/x.history/ust", "/.journals/x", ".//.journals", "/./.recordings"])
        yield* control.addStream({ path })
      yield* control.addStream({ path: "./", channel: ".recordings" })
      assert.deepStrictEqual(relay.output.files(), [])
      yield* control.addStream({ path: "/web1/.s/ust" })
      assert.isAbove(relay.output.files().length, 0)
    }
  })
)

it.live("where files are in the way, it goes beside them, and to no other host", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: rules({ record: [{ host: "web1" }] }) })
    const control = yield* relay.script().control
    yield* control.version(10)
    yield* control.createSession({ name: "s", host: "web1" })
    const outcomes: Array<string> = []
    for (const path of ["web1//s-1", "./web1/s-1/ust", "/web1/./s-1", "web1/.", "/web1", "web1/", "./web1//./"]) {
      for (const channel of ["ch_0", "ch_0", "ch_1"]) {
        const handle = yield* control.addStream({ path, channel })
        outcomes.push(handle === 2n ** 64n - 1n ? "refused" : "made")
      }
    }
    assert.deepStrictEqual(outcomes, [...new Array(9).fill("made"), ...new Array(12).fill("refused")])
    const directories = new Set(relay.output.files().map((path) => path.split("/").slice(0, 2).join("/")))
    assert.sameMembers(
      [...directories].filter((path) => !/^web1\/s-1(-\d+)?$/.test(path)),
      []
    )
  })
)

it.live("rules that are replaced count for who is connected: its packets, indexes and metadata have no stream", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access })
    const target = yield* Target.make({ url: relay.targetUrl, hostname: "web1" })
    const uuid = "0123456789abcdef0123456789abcdef"
    const generator = SyntheticTrace.generator(uuid, 0, 4096, 1000n)
    const session = yield* target.session({ name: "seen", liveTimer: "1 second" })
    const stream = yield* session.stream({ path: "ust/uid/0/64-bit", channel: "ch_0" })
    yield* session.publish
    yield* stream.packet(generator.next(2000n))
    yield* session.stored
    const sizes = () => relay.output.files().map((path) => relay.output.size(path))
    const before = sizes()
    yield* relay.relay.replaceAccess(rules({ record: [{ host: "db*" }] }))
    const lost = Effect.flatMap(stream.packet(generator.next(3000n)), () => session.stored)
    yield* Effect.flip(Effect.forever(lost))
    assert.deepStrictEqual(sizes(), before)
    assert.strictEqual((yield* relay.relay.counters).packetCount, 1)
    // To the target the stream is unknown; who reads the log learns why.
    yield* until("the reason", relay.relay.activity, ({ incidents }) =>
      incidents.some(({ code }) => code === "SESSION_NOT_PERMITTED")
    )
    yield* Effect.flip(target.session({ name: "again" }))
    yield* relay.relay.replaceAccess(undefined)
    yield* target.session({ name: "again" })
  })
)

it.live("rules that are replaced count for a session's own commands: it makes no more files, and takes none away", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access })
    const script = relay.script()
    for (const command of ["stream", "chunk", "delete", "metadata"] as const) {
      yield* relay.relay.replaceAccess(access)
      const control = yield* script.control
      yield* control.version(13)
      yield* control.createSession({ name: command, host: "web1", sessionId: 1 })
      yield* control.createChunk(0, 1_700_000_000)
      yield* control.addStream({ path: "ust", channel: "ch_0" })
      const metadata = yield* control.addStream({ path: "ust", channel: "metadata" })
      const before = relay.output.files()
      yield* relay.relay.replaceAccess(rules({ record: [{ host: "db*" }] }))
      if (command === "stream") yield* control.addStream({ path: "ust", channel: "ch_1" })
      if (command === "chunk") yield* control.createChunk(1, 1_700_000_100)
      if (command === "metadata") yield* control.metadata(metadata, Buffer.from("of nobody's"))
      if (command === "delete") yield* control.closeChunk(0, 1_700_000_100, CloseCommand.delete)
      yield* control.closes(command)
      assert.deepStrictEqual(relay.output.files(), before, command)
    }
    const { incidents } = yield* relay.relay.activity
    assert.deepStrictEqual(incidents, [{ code: "SESSION_NOT_PERMITTED", count: 4 }])
  })
)

it.live(
  "rules that are replaced count for a viewer that is attached: the session and its streams mean nothing to it",
  () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({ access })
      const script = relay.script()
      const stay = yield* script.recording({ name: "seen1", host: "web1", liveTimer: 1_000_000 })
      const go = yield* script.recording({ name: "seen2", host: "web1", liveTimer: 1_000_000 })
      for (const { c } of [stay, go]) yield* c.addStream({ channel: "metadata" })
      const [staying, going] = [yield* stay.c.addStream(), yield* go.c.addStream()]
      for (const { c } of [stay, go]) yield* c.streamsSent
      const said: Array<string> = []
      const viewer = yield* Viewer.of(relay, (line) => said.push(/→ (\w*)/.exec(line)?.[1] ?? ""))
      yield* viewer.connect(13)
      yield* viewer.create
      for (const { session } of [stay, go]) yield* viewer.attach(session.id, "beginning")
      const ask = Effect.gen(function* () {
        said.length = 0
        for (const stream of [staying, going]) yield* viewer.next(stream)
        for (const { session } of [stay, go]) yield* viewer.newStreams(session.id)
        return [...said]
      })
      const watchers = Effect.map(relay.relay.sessions, (all) =>
        all.map(({ name, viewerCount }) => [name, viewerCount])
      )
      assert.deepStrictEqual(yield* ask, ["retry", "retry", "ok", "ok"])
      yield* relay.relay.replaceAccess(rules({ record: [{ host: "web*" }], view: [{ session: "seen1" }] }))
      assert.deepStrictEqual(yield* ask, ["retry", "error", "ok", "error"])
      assert.sameDeepMembers(yield* watchers, [
        ["seen1", 1],
        ["seen2", 0]
      ])
      yield* viewer.packet(going, 0, 1)
      yield* viewer.metadata(going)
      yield* viewer.detach(go.session.id)
      assert.deepStrictEqual(said.slice(-3), ["error", "error", "unknown"])
      const { incidents } = yield* relay.relay.activity
      assert.deepStrictEqual(incidents, [{ code: "ATTACH_NOT_PERMITTED", count: 1 }])
    })
)

it.live("directories that a target names are those of sessions that it may record, by name or by name and time", () =>
  Effect.gen(function* () {
    const exact: AccessFile = {
      principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
      rules: [{ principals: ["here"], record: [{ host: "web1", session: "exact" }] }]
    }
    const made = (grouping: "host" | "session", paths: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make({ access: exact, grouping })
        const script = relay.script()
        const outcomes: Array<string> = []
        for (const [index, path] of paths.entries()) {
          const control = yield* script.control
          yield* control.version(13)
          const named = { name: "exact", host: "web1", sessionId: index, creationTime: 1_700_000_000 + index }
          const { id } = yield* control.createSession({ ...named, basePath: path })
          const old = yield* script.control
          yield* old.version(10)
          yield* old.createSession({ name: "exact", host: "web1" })
          const stream = yield* old.addStream({ path: `/web1/${path}/ust/${index}` })
          const other = yield* old.addStream({ path: `/db1/${path}/ust/${index}` })
          const isMade = (handle: bigint) => handle !== 0n && handle !== 2n ** 64n - 1n
          outcomes.push([id, stream, other].map((handle) => (isMade(handle) ? "made" : "refused")).join(" "))
        }
        return outcomes
      })
    const paths = ["exact", "exact-20261126-101010", "exact-x", "audit", "./audit-20261126-101010"]
    const [taken, refused] = ["made made refused", "refused refused refused"]
    assert.deepStrictEqual(yield* made("host", paths), [taken, taken, refused, refused, refused])
    // Below the session's own.
    assert.deepStrictEqual(
      yield* made("session", paths),
      paths.map(() => taken)
    )
  })
)

it.live("snapshots share no directory with those of another name, whose time is a part of that name", () =>
  Effect.gen(function* () {
    const of = (session: string) => ({ host: "h", session })
    const relay = yield* TestRelay.make({ access: rules({ record: [of("auto"), of("auto-2023*")] }) })
    const snapshots = Effect.fnUntraced(function* (name: string, nameContainsTime: boolean) {
      const c = yield* relay.script().control
      yield* c.version(13)
      return (yield* c.createSession({ name, nameContainsTime, snapshot: true })).path
    })
    const time = "20231114-221320"
    assert.strictEqual(yield* snapshots(`auto-${time}`, true), `h/auto-${time}`)
    assert.strictEqual(yield* snapshots("auto", false), `h/auto-${time}-1`)
    // The next snapshot of the same.
    assert.strictEqual(yield* snapshots(`auto-${time}`, true), `h/auto-${time}`)
  })
)
