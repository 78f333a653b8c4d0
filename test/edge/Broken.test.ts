/**
 * Histories that a relay cannot go through again, or that are not what it has written. Goal: it starts, says which, and
 * harms neither other sessions nor files that are not the session's.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { HostedJournal } from "../../src/connection/journal/HostedJournal.ts"
import { replayed } from "../../src/connection/journal/Replay.ts"
import * as Header from "../../src/protocol/Header.ts"
import { headBytes, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { advance, basis, keptBytes, mark, path, writeHead } from "../../src/relay/journal/HistoryRecord.ts"
import type { Found } from "../../src/relay/journal/JournalsLeft.ts"
import type { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Stoppable from "../support/stoppable.ts"
import * as Local from "./Local.ts"

const journals = "/traces/.journals"
/** Of nobody's. */
const foreign = "/elsewhere/file"

/** Two sessions of one packet at a relay that has put that down, and is gone. */
const left = (suspendMillis?: number) =>
  Effect.gen(function* () {
    const { relay, stop } = yield* Stoppable.make({ ...(suspendMillis !== undefined && { suspendMillis }) })
    const { leadTo, link, local, script } = yield* Local.linked(relay)
    const recorded = (name: string, sessionId: number) =>
      Effect.gen(function* () {
        const { c, d, file } = yield* script.recording({ name, sessionId })
        const stream = yield* c.addStream()
        const packet = (seq: number) => Effect.andThen(d.packet(stream, seq, 16), c.index(stream, { seq, bytes: 16 }))
        yield* packet(0)
        yield* script.fileSize(file("ch_0"), 16)
        return { c, d, path: file("ch_0"), packet }
      })
    const [worse, other] = [yield* recorded("worse", 1), yield* recorded("other", 2)]
    yield* Local.marked(local)
    const token = [...local.edge.spool.journals.values()].find(({ about }) => about.name === "h/worse")?.token ?? ""
    link.isDown = true
    link.cut()
    const gone = Effect.suspend(() => {
      relay.memory.write(foreign, Buffer.from("foreign"))
      return stop
    })
    /** Another relay is there, and both sessions go on to their end. */
    const ends = (next: TestRelay.TestRelay) =>
      Effect.gen(function* () {
        leadTo(next)
        link.isDown = false
        for (const { c, d, packet } of [worse, other]) {
          yield* packet(1)
          yield* Effect.andThen(c.close, d.close)
        }
        yield* local.forwarded
        yield* Local.quiet(next)
        assert.strictEqual(next.output.size(other.path), 32)
        assert.strictEqual(next.memory.read(foreign)?.toString(), "foreign")
      })
    return { ends, gone, memory: relay.memory, other, relay, token, worse }
  })

type Left = Effect.Success<ReturnType<typeof left>>

interface Inserted {
  readonly kind: number
  readonly bytes: Uint8Array
  readonly connection?: number
}

/** Puts a record in front of the last mark, as an earlier version would have: its marks had no checksums. */
const insert = (memory: MemoryFiles, token: string, { bytes, connection = 0, kind }: Inserted) => {
  const history = `${journals}/${token}.history`
  const before = Buffer.from(memory.read(history) ?? [])
  for (let at = 0, size = 0; at < before.length; at += size) {
    const found = before.readUInt16BE(at + offsets.kind)
    const command = found === Kind.command ? before.readUInt32BE(at + headBytes + Header.offsets.command) : 0
    size = headBytes + (found === mark ? 0 : keptBytes(found, before.readUInt32BE(at + offsets.byteCount), command))
    if (found === mark) before.fill(0, at + offsets.payloadSum, at + headBytes)
  }
  const head = Buffer.alloc(headBytes)
  writeHead(head, 0, { number: 1, byteCount: bytes.length, kind, connection })
  const end = before.length - headBytes
  memory.write(history, Buffer.concat([before.subarray(0, end), head, bytes, before.subarray(end)]))
}

/** The tracer's data connection continues from less than it can. */
const short: Inserted = { kind: basis, bytes: Buffer.alloc(3), connection: 2 }

/** A position that says that its stream has left so many files. */
const farAway = (stream: bigint): Inserted => {
  const bytes = Buffer.alloc(8 + 16 * 8)
  bytes.writeBigUInt64BE(stream)
  bytes.writeBigUInt64BE(2n ** 40n, 8 + 15 * 8)
  return { kind: advance, bytes }
}

const climbing: Inserted = { kind: path, bytes: Buffer.from("../x") }

const unrepeatable: ReadonlyArray<readonly [string, (of: Left) => void]> = [
  ["has a record that is too short", ({ memory, token }) => insert(memory, token, short)],
  [
    "has a stream that has left more files than there can be",
    // The edge's handles begin at 1.
    ({ memory, token }) => {
      for (let stream = 1n; stream < 9n; stream++) insert(memory, token, farAway(stream))
    }
  ],
  ["leads out of the output directory", ({ memory, token }) => insert(memory, token, climbing)],
  ["is nothing but noise", ({ memory, token }) => memory.write(`${journals}/${token}.history`, Buffer.alloc(99, "x"))]
]

describe("a relay that starts over a history that", () => {
  it.live.each(unrepeatable)("%s says so, and goes on with the others", ([, damage]) => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const found = yield* left()
      yield* found.gone
      damage(found)
      const next = yield* TestRelay.make({ memory: found.memory })
      assert.deepStrictEqual(
        (yield* next.relay.sessions).map(({ name }) => name),
        ["other"]
      )
      assert.include(codes, "JOURNAL_UNMARKED")
      assert.strictEqual(found.memory.read(`/traces/${found.worse.path}`)?.length, 16)
      yield* found.ends(next)
    }).pipe(Effect.provide(layer))
  })

  it.live("leads to files that cannot be what they were goes on with the others", () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const found = yield* left()
      yield* found.gone
      const { memory, worse } = found
      yield* memory.service.unlink(`/traces/${worse.path}`)
      yield* memory.service.makeDirectory(`/traces/${worse.path}`)
      const next = yield* TestRelay.make({ memory })
      assert.deepStrictEqual(
        (yield* next.relay.sessions).map(({ name }) => name),
        ["other"]
      )
      assert.include(codes, "JOURNAL_UNMARKED")
      yield* found.ends(next)
    }).pipe(Effect.provide(layer))
  })

  it.live("says of a file outside of the output directory that it was made there leaves it where it is", () =>
    Effect.gen(function* () {
      const found = yield* left()
      yield* found.gone
      const { memory, token } = found
      const history = Buffer.from(memory.read(`${journals}/${token}.history`) ?? [])
      const marked = Number(history.readBigUInt64BE(history.length - headBytes))
      memory.write(`${journals}/${token}.changes`, Buffer.from(`${JSON.stringify({ after: marked, path: foreign })}\n`))
      const next = yield* TestRelay.make({ memory })
      assert.strictEqual((yield* next.relay.sessions).length, 2)
      yield* found.ends(next)
    })
  )

  it.live("cannot be gone through when its edge comes late says so, and the edge is not kept waiting", () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const found = yield* left(0)
      yield* until("the sessions to expire", () => codes.filter((code) => code === "JOURNAL_EXPIRED").length === 2)
      yield* found.gone
      insert(found.memory, found.token, short)
      yield* found.ends(yield* TestRelay.make({ memory: found.memory }))
      assert.include(codes, "JOURNAL_UNMARKED")
    }).pipe(Effect.provide(layer))
  })
})

describe("a record of a history that", () => {
  it.effect("is never carried out is not waited for for ever", () =>
    Effect.gen(function* () {
      const stuck: Pick<HostedJournal, "attach" | "isReady" | "received"> = {
        attach: () => {},
        isReady: false,
        received: 7
      }
      const found: Pick<Found, "places" | "replay"> = {
        places: new Set(),
        replay: (each) => each(8, Kind.command, 1, Buffer.alloc(0), 0, 0)
      }
      const fiber = yield* Effect.forkChild(Effect.exit(replayed(stuck as HostedJournal, found as Found)))
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.join(fiber)
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "record 7")
    })
  )
})
