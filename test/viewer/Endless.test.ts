/** A relay that has no end of something: the viewer gives up before its memory is used up. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as GetMetadata from "../../src/protocol/live/GetMetadata.ts"
import type { ExchangeFailed } from "../../src/transport/Exchange.ts"
import * as Attachment from "../../src/viewer/Attachment.ts"
import { PacketSlices, packetBytesMax } from "../../src/viewer/PacketSlices.ts"
import { ViewedTraces } from "../../src/viewer/ViewedTraces.ts"
import type { ViewerConnection } from "../../src/viewer/ViewerConnection.ts"
import { sessionOf } from "./hostile.ts"

const session = sessionOf(1n)

const stream = (id: number) => ({
  id: BigInt(id),
  ctfTraceId: 1n,
  metadataFlag: false,
  pathName: "ust",
  channelName: `ch_${id}`
})

const index = {
  offset: 0n,
  contentSize: 8n,
  timestampBegin: 0n,
  timestampEnd: 0n,
  eventsDiscarded: 0n,
  streamId: 0n
}

const unused = Effect.die("not asked")
const connection: ViewerConnection = {
  minor: 14,
  requestCount: () => 0,
  sessions: unused,
  createViewerSession: unused,
  attach: () => unused,
  detach: () => unused,
  newStreams: () => unused,
  nextIndexes: () => unused,
  packet: () => unused,
  metadata: () => unused
}

const refused = (ask: Effect.Effect<unknown, ExchangeFailed>, message: RegExp) =>
  Effect.map(Effect.flip(ask), (failed) => assert.match(failed.message, message))

it.effect("of streams that have not ended", () =>
  Effect.gen(function* () {
    const attach = (count: number) => {
      const streams = Array.from({ length: count }, (_, id) => stream(id))
      const sessions = [{ session, streams }]
      return Attachment.make({ connection, sessions, joiners: undefined, withPadding: false, isPrompt: false })
    }
    const next = yield* attach(100_000)
    assert.strictEqual((yield* next).length, 100_000)
    const failed = yield* Effect.flip(next)
    assert.match(String(failed), /GET_NEW_STREAMS: announces more than 100000 streams at once/)
  })
)

it.effect("of announcements of one stream", () =>
  Effect.gen(function* () {
    const metadata = [8, 8, 9].map((id) => ({ ...stream(id), metadataFlag: true }))
    const sessions = [{ session, streams: [stream(1), stream(1), stream(2), stream(1), ...metadata] }]
    const next = yield* Attachment.make({
      connection,
      sessions,
      joiners: undefined,
      withPadding: false,
      isPrompt: false
    })
    assert.deepStrictEqual(
      (yield* next).map((event) => [event._tag, (event as { readonly stream?: { readonly id: bigint } }).stream?.id]),
      [
        ["StreamAdded", 1n],
        ["StreamAdded", 2n],
        ["StreamAdded", 8n],
        ["StreamAdded", 9n],
        ["StreamEnded", 8n]
      ]
    )
  })
)

it.effect("of metadata", () =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const much = Buffer.alloc(64 * 1024 * 1024)
    // The first piece is refused, so that the others are only counted.
    const metadata = () =>
      Effect.sync(() => ({
        status: GetMetadata.Status.ok,
        data: told.length === 0 ? Buffer.from("nonsense;") : much
      }))
    const traces = new ViewedTraces({ metadata }, ({ _tag }) => told.push(_tag))
    const of = (id: bigint) => ({ id, sessionId: 1n, traceId: id, isMetadata: true, path: "ust", channel: "metadata" })
    Object.assign(traces.of(1n), { metadata: of(1n), isWanted: true })
    yield* refused(traces.ask(), /GET_METADATA: has more than 268435456 bytes for one trace/)
    assert.strictEqual(told.length, 4)
  })
)

it.effect("of one packet", () =>
  Effect.gen(function* () {
    const slices = (withPadding: boolean) => new PacketSlices(connection, withPadding)
    const packetSize = BigInt(packetBytesMax + 1) * 8n
    yield* refused(slices(true).fetch(1n, { ...index, packetSize }), /a packet of 1073741825 bytes/)
    yield* refused(slices(false).fetch(1n, { ...index, packetSize, contentSize: packetSize }), /1073741825 bytes/)
  })
)
