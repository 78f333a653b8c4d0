/**
 * Answers after which the relay closes the connection. Goal: a tracer has them from an edge as well, where they wait
 * until what it said is written.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as PeerBytes from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as SlowFiles from "../../src/testing/SlowFiles.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Local from "./Local.ts"

const refused: ReadonlyArray<readonly [PeerBytes.Name, Uint8Array]> = [
  ["CLOSE_STREAM", PeerBytes.join(PeerBytes.u64(99), PeerBytes.u64(0))],
  ["CLOSE_TRACE_CHUNK", PeerBytes.closeChunk(99, PeerBytes.start, 0)],
  ["ROTATE_STREAMS", PeerBytes.rotateStreams(99, [], 7)],
  ["VERSION", PeerBytes.join(PeerBytes.u32(3), PeerBytes.u32(0))]
]

/** What becomes of a session's connection that sends it. */
const told = (ports: Script.Ports, { output }: TestRelay.TestRelay, [name, payload]: (typeof refused)[number]) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const { c } = yield* Script.make(ports, output, (line) => lines.push(line)).recording()
    yield* c.refused(name, payload)
    return lines.at(-1)
  })

describe("an edge whose disk takes its time", () => {
  it.live.each(refused)("sends the last answer before it closes: %s", ([name, payload]) =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const files = yield* SlowFiles.make(new MemoryFiles().service, { latencyMillis: 20 })
      const local = yield* Local.start({ ...relay, files })
      const expected = yield* told(relay, relay, [name, payload])
      assert.match(expected ?? "", / → \S+( \S+)* closed$/)
      assert.strictEqual(yield* told(local, relay, [name, payload]), expected)
    })
  )
})
