/**
 * The target against relays, ours and the installed one: every minor, session kinds, rotations, live timer, loss.
 * What counts is what the relay has on disk afterwards.
 */
import { existsSync, readdirSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"

const path = "ust/uid/0/64-bit"
const uuid = "0123456789abcdef0123456789abcdef"
const dashed = uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
const packetBytes = 1024

const netUrl = ({ controlPort, dataPort }: Relays.Relay) => `net://127.0.0.1:${controlPort}:${dataPort}`

const start = (kind: Relays.Kind, options: Partial<Target.Options> = {}) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start(kind)
    const target = yield* Target.make({ url: netUrl(relay), hostname: "host1", ...options })
    return { relay, target }
  })

/** Two streams, one of which never gets a packet, and metadata. */
const fill = (session: Target.Session, packetCount = 3) =>
  Effect.gen(function* () {
    const generator = SyntheticTrace.generator(uuid, 0, packetBytes, 1000n)
    const stream = yield* session.stream({ path, channel: "ch_0" })
    yield* session.stream({ path, channel: "ch_1" })
    const metadata = yield* session.metadata(path)
    yield* session.publish
    yield* metadata.append(Buffer.from(SyntheticTrace.metadata(dashed)))
    let now = 1000n
    const send = (count: number) =>
      Effect.gen(function* () {
        for (let index = 0; index < count; index++) {
          now += 1000n
          yield* stream.packet(generator.next(now))
        }
      })
    yield* send(packetCount)
    return { send, generator, metadata, stream }
  })

const eventCount = (directory: string) =>
  Effect.map(Process.run("babeltrace2", [directory]), ({ stdout }) => stdout.split("\n").length - 1)

const directoryOf = (relay: Relays.Relay, session: string) => Babeltrace.sessionDirectory(relay.output, session)
const indexSize = (minor: number, packets: number) => 16 + packets * (minor < 8 ? 56 : 72)

/** Forwards a port until it is told to cut what it carries. */
const cuttable = (port: number) =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(port, "127.0.0.1")
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on("error", () => socket.destroy())
      }
      near.pipe(far).pipe(near)
    })
    const cut = () => {
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    }
    const nearPort = yield* listening(server)
    yield* Effect.addFinalizer(() => Effect.sync(cut))
    return { port: nearPort, cut }
  })

const suite = (kind: Relays.Kind) => () => {
  it.live.each([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])("streams a session at minor %i", (minor) =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind, { minor })
      const session = yield* target.session({ name: "s" })
      const { generator } = yield* fill(session)
      yield* session.close()
      assert.isAtMost(session.minor, minor)
      const directory = directoryOf(relay, "s")
      const sizes = Tree.read(join(directory, path), { contents: false }).map((line) => line.replace(/ 0\d+/, ""))
      assert.deepStrictEqual(sizes, [
        `ch_0 ${3 * packetBytes}`,
        "ch_1 0",
        "index/",
        `index/ch_0.idx ${indexSize(minor, 3)}`,
        `metadata ${SyntheticTrace.metadata(dashed).length}`
      ])
      assert.strictEqual(Babeltrace.assertIndexed(directory), 3)
      assert.strictEqual(yield* eventCount(directory), Number(generator.eventCount()))
    })
  )

  it.live("a path in the URL is the session's directory, before and after 2.11", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      for (const minor of [10, 13]) {
        const url = `${netUrl(relay)}/base${minor}/x`
        const target = yield* Target.make({ url, hostname: "host1", minor })
        const session = yield* target.session({ name: "s" })
        yield* fill(session)
        yield* session.close()
        assert.isTrue(existsSync(join(relay.output, "host1", `base${minor}`, "x", path, "metadata")))
      }
    })
  )

  it.live("rotations archive each chunk with its packets, also for a stream without any", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind)
      const session = yield* target.session({ name: "rotated", creationTime: 1_700_000_000 })
      const { send } = yield* fill(session, 2)
      yield* session.rotate({ createdAt: 1_700_000_010, closedAt: 1_700_000_010 })
      yield* send(3)
      const answer = yield* session.rotate({ createdAt: 1_700_000_020, closedAt: 1_700_000_020 })
      yield* send(1)
      yield* session.close({ closedAt: 1_700_000_030 })
      const archives = join(directoryOf(relay, "rotated"), "archives")
      const names = readdirSync(archives).sort()
      assert.deepStrictEqual(names, [
        "20231114T221320+0000-20231114T221330+0000-0",
        "20231114T221330+0000-20231114T221340+0000-1",
        "20231114T221340+0000-20231114T221350+0000-2"
      ])
      assert.isTrue(answer?.endsWith(names[1] ?? ""), answer)
      assert.deepStrictEqual(
        names.map((name) => Babeltrace.assertIndexed(join(archives, name))),
        [2, 3, 1]
      )
      for (const name of names) assert.isTrue(existsSync(join(archives, name, path, "ch_1")), name)
    })
  )

  it.live("clear leaves what came after it", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind)
      const session = yield* target.session({ name: "cleared" })
      const { send } = yield* fill(session, 5)
      yield* session.clear
      yield* send(2)
      yield* session.close()
      assert.strictEqual(Babeltrace.assertIndexed(directoryOf(relay, "cleared")), 2)
    })
  )

  it.live("metadata reset leaves only what was appended after it", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind)
      const session = yield* target.session({ name: "regenerated" })
      const { generator, metadata } = yield* fill(session)
      yield* metadata.reset
      yield* metadata.append(Buffer.from(SyntheticTrace.metadata(dashed)))
      yield* session.close()
      assert.strictEqual(yield* eventCount(directoryOf(relay, "regenerated")), Number(generator.eventCount()))
    })
  )

  it.live("a snapshot is one chunk of its own name, without indexes", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind)
      const session = yield* target.session({ name: "snap", snapshot: "snapshot-1" })
      yield* fill(session)
      yield* session.close()
      const found = Tree.files(join(directoryOf(relay, "snap"), "snapshot-1"))
      assert.deepStrictEqual(
        found,
        ["ch_0", "ch_1", "metadata"].map((name) => join(path, name))
      )
    })
  )

  it.live("nothing is pending once everything is stored", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind)
      const session = yield* target.session({ name: "pending" })
      yield* fill(session, 200)
      yield* session.stored
      assert.isFalse(yield* session.isPending)
      assert.strictEqual(Babeltrace.assertIndexed(relay.output), 200)
    })
  )

  it.live("the live timer sends what a stream has to flush", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind)
      const session = yield* target.session({ name: "ticking", liveTimer: "20 millis" })
      const generator = SyntheticTrace.generator(uuid, 0, packetBytes, 0n)
      let flushed = 0
      yield* session.stream({
        path,
        channel: "ch_0",
        flush: (now) => Effect.sync(() => (flushed++ < 3 ? generator.next(now) : undefined))
      })
      yield* Process.until("three flushes and a beacon", () => flushed >= 5)
      yield* session.close()
      assert.strictEqual(Babeltrace.assertIndexed(relay.output), 3)
    })
  )

  it.live("a live session is none before 2.4: it is not begun as another one", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind, { minor: 3 })
      const refusal = yield* Effect.flip(target.session({ name: "s", liveTimer: "1 second" }))
      assert.strictEqual(refusal._tag, "NotNegotiated")
      assert.deepStrictEqual(Tree.read(relay.output), [])
    })
  )

  it.live("a refused stream tells which command and why", () =>
    Effect.gen(function* () {
      const { target } = yield* start(kind)
      const session = yield* target.session({ name: "refused" })
      const refusal = yield* Effect.flip(session.stream({ path: "/", channel: "ch_0" }))
      assert.strictEqual(refusal._tag, "RelayRefused")
      assert.include(refusal.message, "ADD_STREAM")
    })
  )

  it.live("a lost connection fails the session; reconnecting starts a new one", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const control = yield* cuttable(relay.controlPort)
      const target = yield* Target.make({ url: `net://127.0.0.1:${control.port}:${relay.dataPort}`, hostname: "host1" })
      const ids: Array<bigint> = []
      const use = (session: Target.Session) =>
        Effect.gen(function* () {
          ids.push(session.id)
          yield* fill(session, ids.length)
          if (ids.length === 1) control.cut()
          yield* session.close()
        })
      yield* Target.reconnecting(target, { name: "again", creationTime: 1_700_000_000 }, use, Schedule.recurs(2))
      assert.strictEqual(ids.length, 2)
      assert.notStrictEqual(ids[0], ids[1])
      // The reference empties the files of the first; here what came before the cut is still there.
      const names = readdirSync(join(relay.output, "host1")).sort()
      assert.lengthOf(names, kind === "ours" ? 2 : 1)
      assert.strictEqual(Babeltrace.assertIndexed(join(relay.output, "host1", names.at(-1) ?? "")), 2)
    })
  )

  it.live("how often it reconnects counts anew after a session whose indexes were answered", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const control = yield* cuttable(relay.controlPort)
      const target = yield* Target.make({ url: `net://127.0.0.1:${control.port}:${relay.dataPort}`, hostname: "host1" })
      let sessionCount = 0
      const use = (session: Target.Session) =>
        Effect.gen(function* () {
          sessionCount++
          // The third is the last that works.
          if (sessionCount <= 3) yield* fill(session)
          yield* session.stored
          control.cut()
          yield* session.close()
        })
      const lost = yield* Effect.flip(Target.reconnecting(target, { name: "again" }, use, Schedule.recurs(2)))
      assert.strictEqual(lost._tag, "LinkLost")
      // Two more after the third.
      assert.strictEqual(sessionCount, 5)
    })
  )

  it.live("a relay that is gone is not asked for ever", () =>
    Effect.gen(function* () {
      const { relay, target } = yield* start(kind)
      relay.process.signal("SIGKILL")
      yield* relay.process.ended
      const session = Target.reconnecting(target, { name: "s" }, () => Effect.void, Schedule.recurs(2))
      assert.strictEqual((yield* Effect.flip(session))._tag, "DialFailed")
    })
  )
}

Peers.describeWithPeers([...Peers.reference, "babeltrace2"], "a target of the installed relay", suite("reference"))
Peers.describeWithPeers(["babeltrace2"], "a target of our relay", suite("ours"))

describe("a target", () => {
  it.effect("that is disabled starts no session, and dials nobody", () =>
    Effect.gen(function* () {
      const target = yield* Target.make({ url: "net://127.0.0.1:1:2", enabled: false })
      const refusal = yield* Effect.flip(Effect.scoped(target.session({ name: "s" })))
      assert.strictEqual(refusal._tag, "TargetDisabled")
      target.enable(true)
      const failure = yield* Effect.flip(Effect.scoped(target.session({ name: "s" })))
      assert.strictEqual(failure._tag, "DialFailed")
    })
  )
})
