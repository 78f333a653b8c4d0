/** A packet of which no more than the header has come when its session's control connection ends. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

it.live("its ring has moved before the stream is closed, and nobody is told of an unknown stream", () => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const local = yield* Local.start(relay)
    const script = Script.make(local, relay.output, () => {})
    const { c, d, file } = yield* script.recording()
    const stream = yield* c.addStream({ fileSize: 20, fileCount: 2 })
    const header = (seq: number) => Commands.packetHeader(stream, seq, 16, 0)
    // In one read: the answer to the index says that it came.
    yield* d.raw(Commands.join(header(0), Commands.payload(16, 0), header(1)))
    yield* c.index(stream, { seq: 0, bytes: 16 })
    yield* c.close
    yield* script.untilClosed(stream)
    yield* d.close
    yield* local.forwarded
    yield* Local.quiet(relay)
    assert.strictEqual(relay.output.size(file("ch_0_0")), 16)
    assert.strictEqual(relay.output.size(file("ch_0_1")), 0)
    assert.notInclude(codes, "UNKNOWN_STREAM")
  }).pipe(Effect.provide(layer))
})
