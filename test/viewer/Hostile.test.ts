/** A relay that answers anything: what comes of it is events, or a named error. `node test/viewer/hostile.ts COUNT`. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { GrowingMetadata } from "../../src/ctf/metadata/GrowingMetadata.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import { LiveDecoder } from "../../src/viewer/LiveDecoder.ts"
import type { ViewerEvent } from "../../src/viewer/ViewerEvent.ts"
import type { ViewedStream } from "../../src/viewer/ViewerMerge.ts"
import { uuid } from "../support/synthetic.ts"
import * as Hostile from "./hostile.ts"

it.live("nothing is thrown, nothing goes on without waiting, nothing is held back for ever", () =>
  Effect.gen(function* () {
    const ends = new Map<string, number>()
    for (let seed = 1; seed <= 200; seed++) {
      const { end } = yield* Effect.promise(() => Hostile.follow(seed))
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    assert.isAbove(ends.get("over") ?? 0, 100)
    assert.isAbove(ends.get("ReplyMalformed") ?? 0, 10)
  })
)

const sessions = [Hostile.sessionOf(1n)]
const streamOf = (id: bigint, traceId: bigint, isMetadata = false): ViewedStream => ({
  ...{ id, sessionId: 1n, traceId, isMetadata },
  path: "ust",
  channel: `ch_${id}`
})
const added = (stream: ViewedStream): ViewerEvent => ({ _tag: "StreamAdded", stream, horizon: undefined })

/** A decoder that knows of these streams, each of a trace of its own with this metadata; undefined: none has come. */
const knowing = (metadata: ReadonlyArray<readonly [ViewedStream, string | undefined]>, heldMax?: number) => {
  const decoder = new LiveDecoder({ sessions, ...(heldMax !== undefined && { heldMax }) })
  for (const [stream, text] of metadata) {
    decoder.on(added(stream))
    if (text === undefined) continue
    const declared = new GrowingMetadata()
    const bytes = Buffer.from(text)
    declared.append(bytes)
    const { traceClass } = declared
    const of = streamOf(stream.id + 100n, stream.traceId, true)
    decoder.on({ _tag: "Metadata", stream: of, bytes, traceClass, refused: undefined })
  }
  return decoder
}

/** Tells of packets of a stream, with two event records each, and answers how many are due after each packet. */
const told = (decoder: LiveDecoder, stream: ViewedStream, count: number): ReadonlyArray<number> => {
  const generator = SyntheticTrace.generator(uuid, 0, SyntheticTrace.packetBytesMin + 16, 0n)
  return Array.from({ length: count }, (_, at) => {
    const packet = generator.next(BigInt(at + 1) * 1000n)
    const bits = BigInt(packet.bytes.length) * 8n
    const { timestampBegin, timestampEnd } = packet
    const index = {
      ...{ offset: 0n, packetSize: bits, contentSize: bits, timestampBegin, timestampEnd },
      ...{ eventsDiscarded: 0n, streamId: 0n }
    }
    decoder.on({ _tag: "Packet", stream, index, bytes: packet.bytes, isLate: false })
    let due = 0
    const visit = ({ item }: { readonly item: string }) => {
      if (item === "event") due++
    }
    while (decoder.drain(1, visit));
    return due
  })
}

const metadata = SyntheticTrace.metadata(uuid)

it("a trace of which nothing is declared does not keep all others in memory", () => {
  const seen = streamOf(1n, 1n)
  const decoder = knowing(
    [
      [seen, metadata],
      [streamOf(2n, 2n), undefined]
    ],
    3000
  )
  const due = told(decoder, seen, 20)
  assert.strictEqual(due[0], 0)
  assert.isAtMost(decoder.heldBytes, 3000)
  assert.isAbove(
    due.reduce((a, b) => a + b),
    10
  )
  decoder.endAll()
  while (decoder.drain(100, () => {}));
  assert.strictEqual(decoder.heldBytes, 0)
})

it("a stream without a clock keeps nobody waiting", () => {
  const seen = streamOf(1n, 1n)
  const timeless = metadata.replace(/clock \{[^}]*\};\n/, "").replace("map = clock.monotonic.value; ", "")
  const decoder = knowing([
    [seen, metadata],
    [streamOf(2n, 2n), timeless]
  ])
  assert.deepStrictEqual(told(decoder, seen, 3), [2, 2, 2])
})

it("the id of a stream that is announced anew stands for the new one; the old one ends", () => {
  const [old, anew] = [streamOf(1n, 1n), streamOf(1n, 1n)]
  const decoder = knowing([[old, metadata]])
  decoder.on(added(anew))
  decoder.on({ _tag: "StreamEnded", stream: old, isCut: false })
  assert.deepStrictEqual(told(decoder, anew, 3), [2, 2, 2])
})
