/**
 * A relay that takes no journals hears commands and packets by two connections, and knows no order between them.
 * Goal: what ends a stream comes to it behind the stream's packets, as it came from a tracer that waited for answers.
 */
import * as net from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { DataPending, QuiescentControl, SendMetadata } from "../../src/protocol/control/index.ts"
import * as Header from "../../src/protocol/Header.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { listening } from "../support/listening.ts"
import * as Local from "./Local.ts"
import * as Older from "./Older.ts"

/** A port that leads to another one; what comes is given to `hears` with how to pass it on, and how to end that. */
const leading = (port: number, hears: (bytes: Buffer, pass: () => void, cut: () => void) => void) =>
  listening(
    net.createServer((near) => {
      const far = net.connect(port, "127.0.0.1")
      for (const socket of [near, far]) socket.on("error", () => near.destroy()).on("close", () => near.destroy())
      near.on("close", () => far.destroy())
      const cut = () => near.destroy()
      near.on("data", (bytes: Buffer) => hears(bytes, () => far.write(bytes), cut))
      near.on("end", () => hears(Buffer.alloc(0), () => far.end(), cut))
      far.pipe(near)
    })
  )

/** A relay without journals, of which packets are held up until `release`; and what came to it by now. */
const slow = Effect.gen(function* () {
  const relay = yield* TestRelay.make()
  const held: Array<() => void> = []
  const came = { isAsked: false, hasDataEnded: false }
  let isHeld = true
  const dataPort = yield* leading(relay.dataPort, (bytes, pass) => {
    came.hasDataEnded ||= bytes.length === 0
    if (isHeld) held.push(pass)
    else pass()
  })
  const controlPort = yield* leading(yield* Older.withoutJournals(relay.controlPort), (bytes, pass) => {
    came.isAsked ||= bytes.length > 0 && bytes.readUInt32BE(Header.offsets.command) === DataPending.number
    pass()
  })
  const local = yield* Local.start({ controlPort, dataPort })
  const { c, d, file } = yield* Script.make(local, relay.output, () => {}).recording()
  const stream = yield* c.addStream()
  yield* d.packet(stream, 0, 16)
  yield* until("the packet to be on its way", () => held.length > 0)
  const release = () => {
    isHeld = false
    for (const pass of held) pass()
  }
  const isWhole = Effect.gen(function* () {
    yield* local.forwarded
    yield* Local.quiet(relay)
    assert.strictEqual(relay.output.size(file("ch_0")), 16)
  })
  return { relay, c, d, stream, came, release, isWhole }
})

it.live("the end of a control connection is not told before the relay has the packets", () =>
  Effect.gen(function* () {
    const { c, came, d, isWhole, relay, release } = yield* slow
    yield* c.close
    yield* until("its end, or a question", relay.relay.sessions, ({ length }) => came.isAsked || length === 0)
    release()
    yield* d.close
    yield* isWhole
  })
)

it.live("the end of a data connection is not told before the relay has its packets: a slow link takes them later", () =>
  Effect.gen(function* () {
    const { c, came, d, isWhole, release, stream } = yield* slow
    yield* c.index(stream, { seq: 0 })
    yield* d.close
    yield* until("its end, or a question", () => came.hasDataEnded || came.isAsked)
    assert.isFalse(came.hasDataEnded)
    release()
    yield* c.close
    yield* isWhole
  })
)

/** Metadata, to which there is no answer, that is still on its way to the relay, and what follows on its connection. */
const withMetadata = Effect.gen(function* () {
  const relay = yield* TestRelay.make()
  const memory = new MemoryFiles()
  const held: Array<() => void> = []
  let isHeld = false
  let isAsked = false
  let hasEnded = false
  let cut = () => {}
  const dataPort = yield* leading(relay.dataPort, (bytes, pass) => {
    hasEnded ||= bytes.length === 0
    pass()
  })
  const controlPort = yield* leading(yield* Older.withoutJournals(relay.controlPort), (bytes, pass, end) => {
    const command = bytes.length > 0 ? bytes.readUInt32BE(Header.offsets.command) : undefined
    isHeld ||= command === SendMetadata.number
    isAsked ||= isHeld && command === QuiescentControl.number
    if (!isHeld) return pass()
    held.push(pass)
    cut = end
  })
  const local = yield* Local.start({ controlPort, dataPort, files: memory.service })
  const { c, d, file } = yield* Script.make(local, relay.output, () => {}).recording()
  const metadata = yield* c.addStream({ channel: "metadata" })
  const stream = yield* c.addStream()
  yield* d.packet(stream, 0, 16)
  yield* c.index(stream, { seq: 0 })
  yield* c.closeStream(stream, 0)
  yield* c.metadata(metadata, Buffer.alloc(8, "m"))
  yield* until("the metadata to be on its way", () => isHeld)
  const release = () => {
    isHeld = false
    for (const pass of held.splice(0)) pass()
  }
  return {
    relay,
    local,
    memory,
    c,
    d,
    path: file("metadata"),
    release,
    cut: () => cut(),
    isAsked: () => isAsked,
    hasEnded: () => hasEnded
  }
})

it.live("the end of a data connection, with which streams are closed, is not told before the relay has metadata", () =>
  Effect.gen(function* () {
    const { c, d, hasEnded, isAsked, local, path, relay, release } = yield* withMetadata
    yield* d.close
    yield* until("its end, or a question", () => hasEnded() || isAsked())
    assert.isFalse(hasEnded())
    release()
    yield* c.close
    yield* local.forwarded
    yield* Local.quiet(relay)
    assert.strictEqual(relay.output.size(path), 8)
  })
)

it.live("a session whose last metadata is lost with the link is put aside", () =>
  Effect.gen(function* () {
    const { c, cut, d, isAsked, local, memory } = yield* withMetadata
    yield* c.close
    yield* d.close
    yield* until("it to be forwarded, or a question", () => isAsked() || local.edge.spool.journals.size === 0)
    cut()
    yield* local.forwarded
    assert.isTrue(memory.paths("/spool").some((name) => name.includes(".lost/")))
  })
)
