/** What a viewer of our own is told of a session that comes by an edge: streams may be older than the relay knows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { byEvents, Seek } from "../../src/protocol/live/AttachSession.ts"
import { Flags } from "../../src/protocol/live/GetNextIndex.ts"
import type { StreamEntry } from "../../src/protocol/live/StreamEntry.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as ViewerConnection from "../../src/viewer/ViewerConnection.ts"
import * as Local from "./Local.ts"

/** Whether replies about the session's data stream say that it comes by an edge. */
const isToldOfEdge = (isByEdge: boolean, offset: bigint) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const local = isByEdge ? yield* Local.start(relay) : relay
    const { c } = yield* Script.make(local, relay.output, () => {}).recording({ liveTimer: 1_000_000 })
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.addStream()
    yield* c.streamsSent
    yield* c.metadata(metadata, Buffer.alloc(100, "m"))
    yield* until("both streams", relay.relay.sessions, ([session]) => session?.streams.length === 2)

    const viewer = yield* ViewerConnection.connect({ host: relay.host, port: relay.livePort })
    yield* viewer.createViewerSession
    const [session] = yield* viewer.sessions
    if (session === undefined) return assert.fail("no session is listed")
    let streams: ReadonlyArray<StreamEntry> = (yield* viewer.attach(session.id, Seek.beginning, offset)).streams
    yield* until(
      "the streams to be announced",
      Effect.suspend(() => (streams.length > 0 ? Effect.succeed({ streams }) : viewer.newStreams(session.id))),
      (told) => {
        streams = told.streams
        return streams.length === 2
      }
    )
    const data = streams.filter(({ metadataFlag }) => !metadataFlag).map(({ id }) => id)
    const [reply] = yield* viewer.nextIndexes(data)
    return ((reply?.flags ?? 0) & Flags.byEdge) !== 0
  })

describe("a viewer's replies", () => {
  it.live("say to one that goes by events that a session comes by an edge", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* isToldOfEdge(true, byEvents))
    })
  )

  it.live("say it to no other viewer, and of no other session", () =>
    Effect.gen(function* () {
      assert.isFalse(yield* isToldOfEdge(true, 0n))
      assert.isFalse(yield* isToldOfEdge(false, byEvents))
    })
  )
})
