/** Applications come and go while their session is watched: what they declared goes with them. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Status } from "../../src/protocol/live/GetMetadata.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import { LiveDecoder } from "../../src/viewer/LiveDecoder.ts"
import { ViewedTraces } from "../../src/viewer/ViewedTraces.ts"
import type { ViewerEvent } from "../../src/viewer/ViewerEvent.ts"
import type { ViewedStream } from "../../src/viewer/ViewerMerge.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"

const streamOf = (number: number, isMetadata: boolean): ViewedStream => ({
  id: BigInt(2 * number + (isMetadata ? 1 : 0)),
  sessionId: 1n,
  traceId: BigInt(number),
  isMetadata,
  path: `app-${number}`,
  channel: isMetadata ? "metadata" : "ch_0"
})

/** With metadata that is whole, that is none, and that never comes. */
const texts = [SyntheticTrace.metadata(uuid), "no metadata", undefined]

it.effect("traces are told to their end, and forgotten in whichever order their streams end", () =>
  Effect.gen(function* () {
    const decoder = new LiveDecoder({ sessions: [] })
    const told: Array<ViewerEvent> = []
    const closed = new Set<bigint>()
    const asked = new Set<bigint>()
    const connection = {
      metadata: (id: bigint) =>
        Effect.sync(() => {
          const text = asked.has(id) ? undefined : texts[(Number(id) >> 1) % texts.length]
          asked.add(id)
          if (text !== undefined) return { status: Status.ok, data: Buffer.from(text) }
          return { status: closed.has(id) ? Status.error : Status.noNew, data: new Uint8Array() }
        })
    }
    const traces = new ViewedTraces(connection as never, (event) => {
      told.push(event)
      decoder.on(event)
    })
    for (let number = 0; number < 12; number++) {
      const [data, metadata] = [streamOf(number, false), streamOf(number, true)]
      const trace = traces.of(data.traceId)
      Object.assign(trace, { metadata, isWanted: true, openCount: 1 })
      for (const stream of [data, metadata]) decoder.on({ _tag: "StreamAdded", stream, horizon: undefined })
      yield* traces.ask()
      if (number % 2 === 0) closed.add(metadata.id)
      Object.assign(trace, { isWanted: true })
      yield* traces.ask()
      decoder.on({ _tag: "StreamEnded", stream: data, isCut: false })
      trace.openCount = 0
      closed.add(metadata.id)
      traces.wantOfEnded()
      yield* traces.ask()
      yield* traces.ask()
    }
    assert.strictEqual(told.filter(({ _tag }) => _tag === "StreamEnded").length, 12)
    assert.deepStrictEqual([decoder.traceCount, traces.size], [0, 0])
    // Those that have no other streams go with their session.
    Object.assign(traces.of(100n), { metadata: streamOf(100, true) })
    yield* traces.finish(1n)
    assert.strictEqual(traces.size, 0)
  })
)
