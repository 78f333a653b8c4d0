/**
 * Shows a made-up packet to nobody, so that the code that an event runs through is compiled before the first one
 * comes: if that took longer than a live timer, its line would be late.
 */
import type { LiveStream } from "../../ctf/live/LiveStream.ts"
import { GrowingMetadata } from "../../ctf/metadata/GrowingMetadata.ts"
import * as SyntheticTrace from "../../target/SyntheticTrace.ts"
import { LiveDecoder } from "../../viewer/LiveDecoder.ts"
import type { ViewedStream } from "../../viewer/LiveViewer.ts"
import { Shown } from "../../viewer/Shown.ts"
import type { ViewerEvent } from "../../viewer/ViewerEvent.ts"

const uuid = "00000000-0000-4000-8000-000000000000"
const packetBytes = 1024
const endNanos = 1_000_000_000n

/** What is told the events that a viewer would be told, and visits what is due. */
export interface Audience {
  readonly on: (event: ViewerEvent) => void
  readonly visit: (live: LiveStream, viewed: ViewedStream) => void
}

const eventsOf = (): ReadonlyArray<ViewerEvent> => {
  const all = { sessionId: 1n, traceId: 1n, path: "ust/uid/0/64-bit" }
  const metadata = { ...all, id: 1n, isMetadata: true, channel: "metadata" }
  const stream = { ...all, id: 2n, isMetadata: false, channel: "channel_0" }
  const declared = new GrowingMetadata()
  const text = Buffer.from(SyntheticTrace.metadata(uuid))
  declared.append(text)
  const { bytes, timestampBegin, timestampEnd } = SyntheticTrace.generator(uuid, 0, packetBytes, 0n).next(endNanos)
  const index = {
    offset: 0n,
    packetSize: BigInt(packetBytes * 8),
    contentSize: BigInt(bytes.length * 8),
    timestampBegin,
    timestampEnd,
    eventsDiscarded: 0n,
    streamId: 0n
  }
  return [
    { _tag: "StreamAdded", stream: metadata, horizon: undefined },
    { _tag: "StreamAdded", stream, horizon: undefined },
    { _tag: "Metadata", stream: metadata, bytes: text, traceClass: declared.traceClass, refused: undefined },
    { _tag: "Packet", stream, index, bytes, isLate: false },
    { _tag: "StreamEnded", stream, isCut: false }
  ]
}

export const rehearse = (audience: Audience): void => {
  const decoder = new LiveDecoder({ sessions: [], shown: new Shown(true) })
  for (const event of eventsOf()) {
    decoder.on(event)
    audience.on(event)
    decoder.drain(Number.POSITIVE_INFINITY, audience.visit)
  }
}
