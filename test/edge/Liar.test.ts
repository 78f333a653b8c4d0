/** A relay that says what cannot be, or does not go on: its edge goes on, forgets nothing by that, and says why. */
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Edge from "../../src/edge/Edge.ts"
import { greet } from "../../src/edge/forwarding/Greeting.ts"
import * as Pace from "../../src/edge/forwarding/Pace.ts"
import * as GetConfiguration from "../../src/protocol/control/GetConfiguration.ts"
import * as GetEdges from "../../src/protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { join, numbers, u32, u64 } from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import type * as Dial from "../../src/transport/Dial.ts"
import { listening } from "../support/listening.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"
import * as Spools from "./spools.ts"

const headerBytes = 24

type Answer = (socket: net.Socket) => void

/** Answers commands by their number, until the first that opens a journal. */
const scripted = (answers: Readonly<Record<number, Answer>>) => {
  const server = net.createServer((socket) => {
    let unread = Buffer.alloc(0)
    socket.on("data", (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes])
      while (unread.length >= headerBytes) {
        const size = headerBytes + Number(unread.readBigUInt64BE(8))
        if (unread.length < size) return
        answers[unread.readUInt32BE(16)]?.(socket)
        unread = unread.subarray(size)
      }
    })
  })
  return listening(server)
}

const say =
  (...parts: ReadonlyArray<Uint8Array>): Answer =>
  (socket) =>
    void socket.write(join(...parts))

const introduction = (flags: bigint) => ({
  [numbers.VERSION]: say(u32(2), u32(13)),
  [GetConfiguration.number]: say(u32(10), u64(flags))
})

const opened = (received: bigint, durable: bigint, returnCode = 10) =>
  join(u32(returnCode), u32(0), u64(received), u64(durable))
const acknowledged = (received: bigint, durable: bigint) => join(u64(received), u64(durable), u32(0))
/** An outcome of a later version. */
const unknown = join(u64(0n), u64(0n), u32(99))
const everything = 2n ** 64n - 1n

it.effect("a fault of the edge itself is told, and the session is forwarded again later", () =>
  Effect.gen(function* () {
    let attemptCount = 0
    const dial: typeof Dial.dial = () =>
      Effect.suspend(() => {
        attemptCount++
        return Effect.die("a fault")
      })
    const nobody = { host: "127.0.0.1", port: 1 }
    const to = { control: nobody, data: nobody }
    const options = {
      ...Spools.options(),
      to,
      pace: Pace.unlimited,
      copy: undefined,
      compression: "off",
      name: "here"
    } as const
    const { codes, layer } = logged()
    const { spool } = yield* Edge.upstream(options, dial).pipe(
      Effect.provideService(Files, new MemoryFiles().service),
      Effect.provide(layer)
    )
    Spools.open(spool).append(Kind.control, 1)
    yield* until("the first attempt", () => codes.includes("FORWARDING_DEFECT"))
    assert.strictEqual(attemptCount, 1)
    yield* TestClock.adjust("10 seconds")
    yield* until("the second", () => attemptCount === 2)
  })
)

describe("of a relay's answers", () => {
  for (const [what, answer, why] of [
    ["that it has what nobody said", opened(1000n, 0n), "has record 1000"],
    ["that it has all there could ever be", opened(everything, everything), "has record 18446744073709551615"],
    ["that it has for good what it does not have", opened(0n, 1n), "has record 0, and 1 for good"],
    ["later that it has what nobody said", join(opened(0n, 0n), acknowledged(1000n, 1000n)), "has record 1000"],
    ["later what this edge does not know", join(opened(0n, 0n), unknown), "99 is none of"],
    ["that it takes no journal", opened(0n, 0n, 99), "refuses a journal with 99"]
  ] as const) {
    it.live(`${what}, is not believed: another one gets all of it`, () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        const port = yield* scripted({ ...introduction(OpenJournal.offered), [OpenJournal.number]: say(answer) })
        const local = yield* Local.start({ controlPort: port, dataPort: port })
        const script = Script.make(local, relay.output, () => {})
        const { c, d, file } = yield* script.recording()
        const stream = yield* c.addStream()
        yield* until("it to be told", () => local.edge.link.reason?.includes(why) === true)
        yield* d.packet(stream, 0, 16)
        yield* c.index(stream, { seq: 0 })
        const address = (to: number) => ({ host: "127.0.0.1", port: to })
        local.edge.route.redirect({ control: address(relay.controlPort), data: address(relay.dataPort) })
        yield* script.fileSize(file("ch_0"), 16)
        yield* c.close
        yield* d.close
        yield* local.forwarded
      })
    )
  }

  for (const [what, outcome] of [
    ["what was not sent to it", OpenJournal.Outcome.goesOn],
    ["all of what it has a part of", OpenJournal.Outcome.finished]
  ] as const) {
    it.live(`later that it has ${what}, ends the connection: what an earlier edge left stays, and is told`, () => {
      const { codes, layer, lines } = logged()
      return Effect.gen(function* () {
        const files = new MemoryFiles()
        const [first, relay] = [yield* Scope.make(), yield* TestRelay.make()]
        const nowhere = { controlPort: 1, dataPort: 1, files: files.service }
        const before = yield* Scope.provide(Local.start(nowhere), first)
        const file = yield* Local.whole(Script.make(before, relay.output, () => {}))
        const [journal = assert.fail()] = before.edge.spool.journals.values()
        yield* until("all of it to be written", () => journal.isFinished && journal.written === journal.last)
        yield* Scope.close(first, Exit.void)
        const { last } = journal
        const isAll = outcome === OpenJournal.Outcome.finished
        const [received, durable] = isAll ? [1n, 0n] : [BigInt(last + 9), BigInt(last + 9)]
        const said = join(u64(received), u64(durable), u32(outcome))
        let connectionCount = 0
        const port = yield* scripted({
          ...introduction(OpenJournal.offered),
          [OpenJournal.number]: (socket) => {
            connectionCount++
            say(opened(1n, 0n), said)(socket)
          }
        })
        const local = yield* Local.start({ controlPort: port, dataPort: port, files: files.service })
        yield* until("two connections to end", () => connectionCount > 2)
        assert.include(codes, "RELAY_UNREACHABLE")
        assert.include(lines.join("\n"), isAll ? `all of a journal, and record 1 of ${last}` : `has record ${last + 9}`)
        const address = (to: number) => ({ host: "127.0.0.1", port: to })
        local.edge.route.redirect({ control: address(relay.controlPort), data: address(relay.dataPort) })
        yield* local.forwarded
        assert.strictEqual(relay.output.size(file("ch_0")), 16)
      }).pipe(Effect.provide(layer))
    })
  }

  it.live("less than before is believed: a session that it ends then is lost, though it had all of it once", () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const relays: Array<net.Socket> = []
      const port = yield* scripted({
        ...introduction(OpenJournal.offered),
        [OpenJournal.number]: (socket) => {
          relays.push(socket)
          say(opened(0n, 0n))(socket)
          if (relays.length > 1) say(u64(0n), u64(0n), u32(OpenJournal.Outcome.ended))(socket)
        }
      })
      const local = yield* Local.start({ controlPort: port, dataPort: port })
      const { c, d } = yield* Script.make(local, undefined as never, () => {}).recording()
      yield* c.close
      yield* d.close
      const [journal = assert.fail()] = local.edge.spool.journals.values()
      yield* until("all of it to be heard and sent", () => journal.isFinished && journal.sent === journal.last)
      const [first = assert.fail()] = relays
      say(acknowledged(BigInt(journal.last), 0n))(first)
      yield* until("it to be carried out", () => journal.isCarriedOut)
      first.destroy()
      yield* until("the rest to be told as lost", () => codes.includes("JOURNAL_LOST"))
    }).pipe(Effect.provide(layer))
  })

  it.live("a path without end is not waited for: it fills no memory", () =>
    Effect.gen(function* () {
      let closedCount = 0
      const piece = Buffer.alloc(64 * 1024)
      const port = yield* scripted({
        ...introduction(0n),
        [numbers.CREATE_SESSION]: (socket) => {
          socket.once("close", () => closedCount++)
          say(u64(1n), u32(10), u32(0xffff_ffff), piece)(socket)
        }
      })
      const local = yield* Local.start({ controlPort: port, dataPort: port })
      yield* Script.make(local, undefined as never, () => {}).recording()
      yield* until("the edge to let go of it", () => closedCount > 0)
    })
  )

  for (const [what, returnCode, count] of [
    ["more edges than there can be", 10, 17],
    ["edges without end", 10, 2 ** 32 - 1],
    ["that it says nothing of edges", 11, 0]
  ] as const) {
    it.effect(`${what}, is told at once, and nothing that follows is taken for something else`, () =>
      Effect.gen(function* () {
        const answers = [
          join(u32(2), u32(13)),
          join(u32(10), u64(GetEdges.isEdge | OpenJournal.offered)),
          join(u32(returnCode), u32(count))
        ]
        const relay: Pick<Dial.Link, "name" | "read" | "write"> = {
          name: "relay:5342",
          write: () => {},
          read: () => Effect.sync(() => answers.shift() ?? assert.fail("more was read"))
        }
        const { message } = yield* Effect.flip(greet(relay as Dial.Link))
        assert.include(message, `GET_EDGES with ${returnCode}, and ${count} edges`)
      })
    )
  }

  it.effect("edges that it does not name after all are not waited for", () =>
    Effect.gen(function* () {
      const answers = [
        join(u32(2), u32(13)),
        join(u32(10), u64(GetEdges.isEdge | OpenJournal.offered)),
        join(u32(10), u32(1))
      ]
      const silent: Pick<Dial.Link, "name" | "read" | "write"> = {
        name: "relay:5342",
        write: () => {},
        read: () => Effect.suspend(() => Effect.fromNullishOr(answers.shift())).pipe(Effect.catch(() => Effect.never))
      }
      const greeting = yield* Effect.forkChild(Effect.flip(greet(silent as Dial.Link)))
      yield* TestClock.adjust("20 seconds")
      assert.include((yield* Fiber.join(greeting)).message, "no answer in time")
    })
  )
})
