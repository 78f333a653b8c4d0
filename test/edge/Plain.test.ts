/**
 * A relay that takes no journals hears commands and packets by two connections, and knows no order between them.
 * Goal: what ends a stream comes to it behind the stream's packets, as it came from a tracer that waited for answers.
 */
import * as net from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { DataPending } from "../../src/protocol/control/index.ts"
import * as Header from "../../src/protocol/Header.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { listening } from "../support/listening.ts"
import * as Local from "./Local.ts"
import * as Older from "./Older.ts"

/** A port that leads to another one; what comes is given to `hears` with how to pass it on. */
const leading = (port: number, hears: (bytes: Buffer, pass: () => void) => void) =>
  listening(
    net.createServer((near) => {
      const far = net.connect(port, "127.0.0.1")
      for (const socket of [near, far]) socket.on("error", () => near.destroy()).on("close", () => near.destroy())
      near.on("close", () => far.destroy())
      near.on("data", (bytes: Buffer) => hears(bytes, () => far.write(bytes)))
      near.on("end", () => hears(Buffer.alloc(0), () => far.end()))
      far.pipe(near)
    })
  )

it.live("the end of a control connection is not told before the relay has the packets", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const held: Array<() => void> = []
    let isHeld = true
    let isAsked = false
    const dataPort = yield* leading(relay.dataPort, (_bytes, pass) => void (isHeld ? held.push(pass) : pass()))
    const controlPort = yield* leading(yield* Older.withoutJournals(relay.controlPort), (bytes, pass) => {
      isAsked ||= bytes.length > 0 && bytes.readUInt32BE(Header.offsets.command) === DataPending.number
      pass()
    })
    const local = yield* Local.start({ controlPort, dataPort })
    const { c, d, file } = yield* Script.make(local, relay.output, () => {}).recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0, 16)
    yield* until("the packet to be on its way", () => held.length > 0)
    yield* c.close
    yield* until("its end, or a question", relay.relay.sessions, ({ length }) => isAsked || length === 0)
    isHeld = false
    for (const pass of held) pass()
    yield* d.close
    yield* local.forwarded
    yield* Local.quiet(relay)
    assert.strictEqual(relay.output.size(file("ch_0")), 16)
  })
)
