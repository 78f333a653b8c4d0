/** `lttng-relay follow --packets`: the packets of a live session, as they come, and counters per stream at the end. */
import { Effect, Stream } from "effect"
import type { ViewedStream, ViewerEvent } from "../../viewer/LiveViewer.ts"
import * as Output from "../Output.ts"
import * as Watch from "./Watch.ts"

interface Counters {
  readonly stream: string
  packets: number
  bytes: number
  lost: number
  /** The tracer's own counter: events it had no room for. */
  eventsDiscarded: bigint
}

const nameOf = ({ channel, path }: ViewedStream) => `${path}/${channel}`

const fieldsOf = (event: ViewerEvent): Readonly<Record<string, unknown>> => {
  switch (event._tag) {
    case "StreamAdded":
      return { stream: nameOf(event.stream), id: event.stream.id, trace: event.stream.traceId }
    case "Metadata":
      return { stream: nameOf(event.stream), bytes: event.bytes.length }
    case "Packet":
    case "PacketLost": {
      const { contentSize, eventsDiscarded, packetSize, timestampBegin, timestampEnd } = event.index
      const sizes = { packetBytes: packetSize / 8n, contentBits: contentSize }
      return { stream: nameOf(event.stream), timestampBegin, timestampEnd, ...sizes, eventsDiscarded }
    }
    case "Inactive":
      return { stream: nameOf(event.stream), timestamp: event.timestamp }
    case "Silent":
      return { stream: nameOf(event.stream) }
    case "StreamEnded":
      return { stream: nameOf(event.stream), ...(event.isCut && { cut: true }) }
    case "SessionJoined":
      return { session: event.session.id, streams: event.session.streamCount }
    case "SessionRefused":
      return { session: event.session.id, reason: event.reason }
    case "SessionEnded":
      return { session: event.sessionId, ...(event.isWithdrawn && { withdrawn: true }) }
  }
}

const words: Readonly<Record<ViewerEvent["_tag"], string>> = {
  StreamAdded: "stream",
  Metadata: "metadata",
  Packet: "packet",
  PacketLost: "lost",
  Inactive: "inactive",
  Silent: "silent",
  StreamEnded: "end",
  SessionJoined: "session",
  SessionRefused: "refused",
  SessionEnded: "over"
}

const line = (event: ViewerEvent): string => {
  const fields = Object.entries(fieldsOf(event)).map(([name, value]) => `${name}=${value}`)
  return `${words[event._tag].padEnd(8)} ${fields.join(" ")}`
}

const count = (counters: Map<bigint, Counters>, event: ViewerEvent): void => {
  if (!("stream" in event)) return
  const { stream } = event
  const own = counters.get(stream.id) ?? { stream: nameOf(stream), packets: 0, bytes: 0, lost: 0, eventsDiscarded: 0n }
  counters.set(stream.id, own)
  if (event._tag === "Metadata") own.bytes += event.bytes.length
  if (event._tag === "PacketLost") own.lost++
  if (event._tag !== "Packet") return
  own.packets++
  own.bytes += event.bytes.length
  own.eventsDiscarded = event.index.eventsDiscarded
}

const printCounters = (all: ReadonlyArray<Counters>, isJson: boolean) =>
  Effect.gen(function* () {
    if (isJson) return yield* Output.printJson({ event: "summary", streams: all })
    for (const { bytes, eventsDiscarded, lost, packets, stream } of all) {
      const parts = [
        Output.plural(packets, "packet"),
        Output.bytes(bytes),
        `${lost} lost`,
        `${eventsDiscarded} discarded`
      ]
      yield* Output.print(`${stream}: ${parts.join(", ")}`)
    }
  })

interface Input extends Watch.Options {
  readonly again: boolean
  readonly json: boolean
  readonly quiet: boolean
}

export const run = Effect.fnUntraced(function* (input: Input) {
  /** Counters by stream, for each connection: another relay's streams may have the same numbers. */
  const all: Array<Map<bigint, Counters>> = []
  // Also after Ctrl-C: the counters are what one followed for.
  yield* Effect.addFinalizer(() =>
    printCounters(
      all.flatMap((counters) => [...counters.values()]),
      input.json
    )
  )
  const watched = Effect.fnUntraced(function* (again: Watch.Again) {
    const how = { otherwise: "last", joinMillis: Watch.joinMillis(input) } as const
    const { events } = yield* Watch.attach({ ...input, ...again }, how)
    const counters = new Map<bigint, Counters>()
    all.push(counters)
    yield* Stream.runForEach(events, (event) => {
      count(counters, event)
      if (input.quiet) return Effect.void
      return input.json ? Output.printJson({ event: words[event._tag], ...fieldsOf(event) }) : Output.print(line(event))
    })
  }, Effect.scoped)
  yield* Watch.untilOver(input, watched)
})
