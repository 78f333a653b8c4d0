/**
 * Tracers that are gone in the middle of what they say, so that the relay ends the session.
 * Goal: what is lost is told, and nothing else.
 */
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Outcome } from "../../src/protocol/journal/OpenJournal.ts"
import { headBytes, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { listening } from "../support/listening.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"
import * as Outward from "./outward.ts"
import * as Spools from "./spools.ts"

const recordsOf = (bytes: Buffer): ReadonlyArray<Buffer> => {
  const records: Array<Buffer> = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + headBytes + bytes.readUInt32BE(at + offsets.byteCount)
    records.push(bytes.subarray(at, end))
    at = end
  }
  return records
}

const isEnd = (record: Buffer): boolean => record.readUInt16BE(offsets.kind) === Kind.end

/** A way to the relay where, while it `holds`, nothing passes from the next end of a tracer's connection on. */
const way = (port: number) => {
  const held: Array<() => void> = []
  const state = { holds: false, pass: () => held.shift()?.(), passAll: () => {} }
  state.passAll = () => {
    state.holds = false
    while (held.length > 0) state.pass()
  }
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1")
    for (const socket of [near, far]) socket.on("error", () => near.destroy()).on("close", () => near.destroy())
    near.on("close", () => far.destroy())
    near.on("data", (bytes: Buffer) => {
      for (const record of state.holds ? recordsOf(bytes) : [bytes]) {
        if (held.length > 0 || (state.holds && isEnd(record))) held.push(() => far.write(record))
        else far.write(record)
      }
    })
    far.pipe(near)
  })
  return Effect.map(listening(server), (own) => ({ port: own, state }))
}

/** `goesOn`: the tracer does not go, and has more to say, when the relay ends its session. */
const ended = (goesOn: boolean) => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const files = new MemoryFiles()
    const { port, state } = yield* way(relay.controlPort)
    const to = { controlPort: port, dataPort: relay.dataPort, compression: "off" } as const
    const local = yield* Local.start({ ...to, files: files.service })
    const { c, d, file } = yield* Script.make(local, relay.output, () => {}).recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0, 500)
    yield* c.index(stream, { seq: 0, bytes: 500 })
    yield* until("the packet to be recorded", () => relay.output.size(file("ch_0")) === 500)
    const [session] = yield* relay.relay.sessions
    const endSession = Effect.suspend(() => relay.relay.endSession(session?.id ?? assert.fail()))
    if (goesOn) yield* endSession
    else {
      yield* d.close
      state.holds = true
      yield* c.close
      const [journal] = local.edge.spool.journals.values()
      yield* until("the edge to have all of it", () => journal?.isFinished === true)
      yield* endSession
      // The end of a connection, and not that the session is finished.
      state.pass()
      yield* until("the edge to hear that it is ended", () => journal?.isCut !== false || journal.isOver)
      state.passAll()
    }
    yield* local.forwarded
    const paths = files.paths("/spool").filter((path) => path.includes(".lost"))
    return { isTold: codes.includes("JOURNAL_LOST"), isAside: paths.length > 0 }
  }).pipe(Effect.scoped, Effect.provide(layer))
}

describe("a session that the relay ends", () => {
  it.live("is not lost where its tracer is gone, and had no more to say", () =>
    Effect.map(ended(false), (found) => assert.deepStrictEqual(found, { isTold: false, isAside: false }))
  )
  it.live("is put aside, and told of, where its tracer would go on", () =>
    Effect.map(ended(true), (found) => assert.deepStrictEqual(found, { isTold: true, isAside: true }))
  )

  it.live("keeps no tracer waiting, though the relay says nothing more", () =>
    Effect.gen(function* () {
      const { acknowledge, records, spool } = yield* Outward.start({})
      const journal = Spools.open(spool)
      const isTold = (kind: number) => records().some(({ bytes }) => bytes[offsets.kind + 1] === kind)
      journal.append(Kind.control, 1)
      journal.writing.flush()
      yield* until("it to be sent", () => isTold(Kind.control))
      yield* acknowledge(0, Outcome.ended)
      yield* until("the relay to be told that it may forget it", () => isTold(Kind.forgotten))
      let isAnswered = false
      journal.append(Kind.command, 1)
      journal.whenWritten(() => {
        isAnswered = true
      })
      yield* until("the tracer to be answered", () => isAnswered)
    })
  )
})
