/**
 * Where sessions of real targets go: names that are taken, links that the operator made, paths of every spelling.
 * Every event of every session is read back, so an overwritten trace shows as one that is missing.
 */
import { mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"
import * as Tree from "../support/tree.ts"

interface Recorded {
  readonly session: string
  readonly path?: string
  readonly source: number
  readonly more?: ReadonlyArray<string>
}

const begin = (tracing: Lttng.Tracing, relay: Relays.Relay, { session, path = "", more = [] }: Recorded) =>
  Effect.gen(function* () {
    yield* tracing.lttng("create", session, ...more, ...Lttng.toRelay(relay, path))
    yield* tracing.lttng(...Lttng.losslessChannel("ch"))
    yield* tracing.lttng("enable-event", "-u", "-c", "ch", "demo:*")
    yield* tracing.lttng("start")
  })

const record = (tracing: Lttng.Tracing, relay: Relays.Relay, recorded: Recorded) =>
  Effect.gen(function* () {
    yield* begin(tracing, relay, recorded)
    yield* tracing.emit({ count: 200, source: recorded.source })
    yield* tracing.lttng("destroy", recorded.session)
  })

/** Each directory has one session's events, all of them. */
const assertEach = (output: string, sources: Readonly<Record<string, number>>) =>
  Effect.gen(function* () {
    for (const [directory, source] of Object.entries(sources)) {
      Babeltrace.assertExactly(yield* Babeltrace.read(join(output, directory)), [{ source, count: 200 }])
    }
    Babeltrace.assertIndexed(output)
  })

const host = hostname()

const ours = Relays.underTest === "ours"

Peers.describeConcurrently(Peers.tracing, `names, with ${Relays.underTest}`, () => {
  it.live.skipIf(!ours)(
    "what is taken is not overwritten: by two targets at once, later, after a restart, by replay",
    () =>
      Effect.gen(function* () {
        const same = { session: "same", path: "/same" }
        const [first, second] = [yield* Lttng.start, yield* Lttng.start]
        const relay = yield* Relays.start(Relays.underTest)
        yield* begin(first, relay, { ...same, source: 1 })
        yield* begin(second, relay, { ...same, source: 2 })
        yield* Effect.all([first.emit({ count: 200, source: 1 }), second.emit({ count: 200, source: 2 })], {
          concurrency: 2
        })
        yield* first.lttng("destroy", "same")
        yield* second.lttng("destroy", "same")
        yield* record(first, relay, { ...same, source: 3 })
        const { output } = relay
        assert.include(yield* Process.lastSaid(relay.process), "code=NAME_TAKEN")
        const restarted = yield* Relays.start(Relays.underTest, { output })
        yield* record(second, restarted, { ...same, source: 4 })
        const sources = { same: 1, "same-1": 2, "same-2": 3, "same-3": 4 }
        const under = Object.fromEntries(Object.entries(sources).map(([name, source]) => [join(host, name), source]))
        yield* assertEach(output, under)
        const before = Tree.read(output)
        const streaming = `net://127.0.0.1:${restarted.controlPort}:${restarted.dataPort}/same`
        const replay = [toolboxProgram, "replay", join(output, host, "same"), streaming, "--session", "same"]
        yield* Process.run(process.execPath, [...replay, "--hostname", host])
        const after = Tree.read(output)
        assert.deepStrictEqual(
          after.filter((line) => !line.startsWith(`${host}/same-4/`)),
          before
        )
        yield* assertEach(output, { [join(host, "same-4")]: 1 })
      })
  )

  it.live.skipIf(!ours)("snapshots, rotations and clears of one session stay in one directory", () =>
    Effect.gen(function* () {
      const tracing = yield* Lttng.start
      const relay = yield* Relays.start(Relays.underTest)
      yield* tracing.lttng("create", "snap", "--snapshot", ...Lttng.toRelay(relay, "/snap"))
      yield* tracing.lttng("enable-event", "-u", "demo:*")
      yield* tracing.lttng("start")
      for (const source of [1, 2]) {
        yield* tracing.emit({ count: 10, source })
        yield* tracing.lttng("snapshot", "record")
      }
      yield* tracing.lttng("destroy", "snap")
      assert.lengthOf(readdirSync(join(relay.output, host, "snap")), 2)
      yield* begin(tracing, relay, { session: "moved", path: "/moved", source: 3 })
      yield* tracing.emit({ count: 10, source: 3 })
      yield* tracing.lttng("clear", "moved")
      yield* tracing.emit({ count: 200, source: 3 })
      yield* tracing.lttng("rotate", "moved")
      yield* tracing.lttng("destroy", "moved")
      assert.deepStrictEqual(readdirSync(join(relay.output, host)).sort(), ["moved", "snap"])
      const moved = yield* Babeltrace.read(join(relay.output, host, "moved"))
      assert.deepStrictEqual(moved.bySource.get(3)?.count, 200)
      assert.notInclude(yield* Process.lastSaid(relay.process), "code=")
    })
  )

  it.live("snapshots of several sessions into one directory, whose connections stay when the sessions are gone", () =>
    Effect.gen(function* () {
      const tracing = yield* Lttng.start
      const relay = yield* Relays.start(Relays.underTest)
      for (const source of [1, 2]) {
        const session = `session${source}`
        yield* tracing.lttng("create", session, "--no-output")
        yield* tracing.lttng("enable-channel", "-u", "-s", session, "--overwrite", "--output=mmap", "ch")
        yield* tracing.lttng("enable-event", "-u", "-s", session, "-c", "ch", "demo:*")
        yield* tracing.lttng("start", session)
        yield* tracing.emit({ count: 10, source })
        const [, url = ""] = Lttng.toRelay(relay, "/shared/place")
        yield* tracing.lttng("snapshot", "add-output", "-s", session, "-n", `of${source}`, url)
        yield* tracing.lttng("snapshot", "record", "-s", session)
        yield* tracing.lttng("destroy", session)
      }
      assert.deepStrictEqual(readdirSync(join(relay.output, host, "shared")), ["place"])
      const snapshots = readdirSync(join(relay.output, host, "shared/place")).sort()
      assert.deepStrictEqual(
        snapshots.map((name) => name.slice(0, 4)),
        ["of1-", "of2-"]
      )
    })
  )

  it.live("a path with slashes before, within and behind it", () =>
    Effect.gen(function* () {
      const tracing = yield* Lttng.start
      const relay = yield* Relays.start(Relays.underTest)
      yield* record(tracing, relay, { session: "p1", path: "//a//b/", source: 1 })
      yield* record(tracing, relay, { session: "p2", path: "//c", source: 2 })
      yield* record(tracing, relay, { session: "p3", path: "/d/./e/", source: 3 })
      yield* record(tracing, relay, { session: "p4", path: "//", source: 4 })
      yield* assertEach(relay.output, {
        [join(host, "a/b")]: 1,
        [join(host, "c")]: 2,
        [join(host, "d/e")]: 3,
        [join(host, "ust")]: 4
      })
    })
  )

  it.live("directories that are links to other disks: the host's, a path's, and the output itself", () =>
    Effect.gen(function* () {
      const tracing = yield* Lttng.start
      const disk = yield* Relays.temporaryDirectory("disk")
      const output = join(disk, "output")
      for (const name of ["real", "host", "base"]) mkdirSync(join(disk, name))
      symlinkSync(join(disk, "real"), output)
      symlinkSync("../host", join(output, host))
      symlinkSync(join(disk, "base"), join(disk, "host", "base"))
      const relay = yield* Relays.start(Relays.underTest, { output })
      yield* record(tracing, relay, { session: "one", path: "/one", source: 1 })
      yield* record(tracing, relay, { session: "two", path: "/base", source: 2 })
      yield* begin(tracing, relay, { session: "three", path: "/base/three", source: 3 })
      yield* tracing.emit({ count: 200, source: 3 })
      yield* tracing.lttng("rotate", "three")
      yield* tracing.lttng("destroy", "three")
      yield* assertEach(disk, { "host/one": 1, "base/ust": 2, "base/three/archives": 3 })
    })
  )

  it.live("a session's name is any bytes: recorded, listed, shown, checked", () =>
    Effect.gen(function* () {
      const tracing = yield* Lttng.start
      const relay = yield* Relays.start(Relays.underTest)
      const create = `lttng --no-sessiond create $'caf\\xe9' --live=200000 ${Lttng.toRelay(relay).join(" ")}`
      yield* tracing.run("bash", "-c", create)
      yield* tracing.lttng(...Lttng.losslessChannel("ch"))
      yield* tracing.lttng("enable-event", "-u", "-c", "ch", "demo:*")
      yield* tracing.lttng("start")
      yield* tracing.emit({ count: 200, source: 5 })
      const { stdout } = yield* Toolbox.run("sessions", "--json", `net://127.0.0.1:${relay.livePort}`)
      assert.match(stdout, /"caf(\\udce9|\\xe9|\ufffd)"/i)
      yield* tracing.lttng("destroy")
      const directory = join(relay.output, host)
      const [name = ""] = readdirSync(directory, "latin1").filter((entry) => entry.startsWith("caf"))
      assert.match(name, /^caf\xe9-\d{8}-\d{6}$/)
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ source: 5, count: 200 }])
      assert.match((yield* Toolbox.run("show", directory, "--count")).stdout, /^200 in all$/m)
      yield* Toolbox.run("check", directory)
    })
  )
})
