/** `lttng-relay follow`: the event records of a live session as they happen, as text or as NDJSON. */
import { setFlagsFromString } from "node:v8"
import { Effect, Option, Schema, Stream } from "effect"
import type { DataStream } from "../../ctf/decode/DataStream.ts"
import type { Failure } from "../../ctf/decode/Fault.ts"
import type { Filter } from "../../ctf/decode/Fields.ts"
import type { Loss } from "../../ctf/decode/Losses.ts"
import { isWanted } from "../../ctf/filter/Filters.ts"
import type { LiveStream } from "../../ctf/live/LiveStream.ts"
import type { TraceClass } from "../../ctf/model/TraceClass.ts"
import { Bytes } from "../../ctf/print/Bytes.ts"
import { Json } from "../../ctf/print/Json.ts"
import * as LossText from "../../ctf/print/LossText.ts"
import { Text, type TextOptions } from "../../ctf/print/Text.ts"
import * as SystemError from "../../errors/SystemError.ts"
import { LiveDecoder, type Trouble } from "../../viewer/LiveDecoder.ts"
import type { Session, ViewedStream } from "../../viewer/LiveViewer.ts"
import type { ViewerEvent } from "../../viewer/ViewerEvent.ts"
import * as EventOptions from "../EventOptions.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import * as PacedOutput from "./PacedOutput.ts"
import * as Rehearsal from "./Rehearsal.ts"
import { Shown } from "./Shown.ts"
import * as Watch from "./Watch.ts"

export class EventsUnreadable extends Schema.TaggedError<EventsUnreadable>()("EventsUnreadable", {
  count: Schema.Number
}) {
  override get message(): string {
    return `not everything could be decoded: ${this.count} packets, streams or traces`
  }
}

interface Input extends Watch.Options, EventOptions.Input {
  readonly again: boolean
  readonly format: "text" | "ndjson"
}

/** So many items are decoded before it is seen whether to write. */
const burst = 2048
/** About how many bytes are written at a time. */
const pieceBytes = 256 * 1024

const nameOf = ({ channel, path }: ViewedStream): string => `${path}/${channel}`
/** `ch` of `ch_0`, the stream of a processor. */
const channelOf = ({ channel }: ViewedStream): string => channel.replace(/_\d+$/, "")

const troubleLine = (trouble: Trouble): string => {
  switch (trouble.kind) {
    case "metadata":
      return `ERROR: ${nameOf(trouble.stream)}: ${trouble.refused.message}`
    case "packet-lost":
      return `WARNING: ${nameOf(trouble.stream)}: a packet was cleared or overwritten before it could be read`
    case "cut":
      return `ERROR: ${nameOf(trouble.stream)}: the relay cannot read what else it has of this stream`
    case "late":
      return `WARNING: ${nameOf(trouble.stream)}: a packet came too late to be shown in order`
  }
}

const failureLine = ({ bit, event, kind, message, packet, stream }: Failure): string =>
  `ERROR: ${kind}: ${message}; ${stream}, packet ${packet}, bit ${bit}${event === undefined ? "" : `, event ${event}`}`

interface Request {
  readonly isJson: boolean
  readonly text: TextOptions
  readonly filter: Filter | undefined
  readonly shown: Shown
}

/** Makes lines of what is visited. */
class Printer {
  readonly out = new Bytes()
  /** Lines for standard error. */
  notes: Array<string> = []
  failureCount = 0
  readonly #request: Request
  readonly #text: Text
  readonly #json: Json
  readonly #viewed = new WeakMap<DataStream, ViewedStream>()
  /** Names of the sessions that have not ended. */
  readonly #sessionNames = new Map<bigint, string>()
  readonly #sessionOf = new WeakMap<ViewedStream, string>()

  constructor(request: Request) {
    this.#request = request
    this.#text = new Text(request.text)
    this.#json = new Json((stream) => {
      const viewed = this.#viewed.get(stream)
      if (viewed === undefined) return { streamId: stream.streamId ?? 0 }
      const session = this.#sessionOf.get(viewed)
      return { streamId: stream.streamId ?? viewed.id, channel: channelOf(viewed), session }
    })
  }

  attached(sessions: ReadonlyArray<Session>): void {
    this.#request.shown.asksAgain()
    this.#sessionNames.clear()
    for (const { id, sessionName } of sessions) this.#sessionNames.set(id, sessionName)
  }

  on(event: ViewerEvent): void {
    if (event._tag === "SessionJoined") this.#sessionNames.set(event.session.id, event.session.sessionName)
    if (event._tag === "StreamAdded") {
      this.#sessionOf.set(event.stream, this.#sessionNames.get(event.stream.sessionId) ?? "")
    }
    if (event._tag === "StreamEnded") this.#request.shown.streamEnded(event.stream)
    if (event._tag === "SessionEnded") {
      this.#request.shown.ended(event.sessionId)
      this.#sessionNames.delete(event.sessionId)
    }
    if (event._tag === "SessionRefused") {
      this.notes.push(`WARNING: another session ${event.session.sessionName} cannot be watched: ${event.reason}`)
    }
  }

  end(): void {
    if (!this.#request.isJson) this.#text.end(this.out)
  }

  readonly visit = (live: LiveStream, viewed: ViewedStream): void => {
    const { failure, item, loss, stream } = live
    const { filter, isJson, shown } = this.#request
    if (!shown.isNew(live, viewed, stream.trace.traceClass.uuid)) return
    if (isJson && !this.#viewed.has(stream)) this.#viewed.set(stream, viewed)
    if (item === "event") {
      if (!isWanted(stream, filter)) return
      if (isJson) this.#json.event(stream, this.out)
      else this.#text.event(stream, this.out)
    } else if (item === "loss" && loss !== undefined) {
      this.#loss(stream, viewed, loss)
    } else if (item === "failure" && failure !== undefined) {
      this.failureCount++
      this.notes.push(failureLine(failure))
      if (isJson) this.#json.failure(stream, failure, this.out)
    }
  }

  readonly trouble = (trouble: Trouble): void => {
    if (trouble.kind === "metadata" || trouble.kind === "cut") this.failureCount++
    this.notes.push(troubleLine(trouble))
  }

  #loss(stream: DataStream, viewed: ViewedStream, loss: Loss): void {
    const { isJson, text } = this.#request
    if (isJson) this.#json.loss(stream, loss, this.out)
    this.notes.push(LossText.warning(stream, stream.streamId ?? viewed.id, nameOf(viewed), loss, text))
  }
}

/** Says, at the first packet, what is asked for that no class has so far. */
class Selection {
  readonly #input: Input
  readonly #traces = new Map<bigint, TraceClass>()
  #isChecked = false

  constructor(input: Input) {
    this.#input = input
  }

  warnings(event: ViewerEvent): ReadonlyArray<string> {
    if (this.#isChecked) return []
    if (event._tag === "Metadata" && event.traceClass !== undefined) {
      this.#traces.set(event.stream.traceId, event.traceClass)
    }
    this.#isChecked = event._tag === "Packet"
    if (!this.#isChecked) return []
    const lines = EventOptions.warnings(this.#input, [...this.#traces.values()])
    this.#traces.clear()
    return lines.map((line) => `${line} so far`)
  }
}

const flush = (printer: Printer) =>
  Effect.gen(function* () {
    const { notes, out } = printer
    if (out.at > 0) yield* PacedOutput.write(out.written)
    out.clear()
    printer.notes = []
    for (const note of notes) yield* Output.tell(note)
  })

/** Prints all that is due. */
const drain = (decoder: LiveDecoder, printer: Printer) =>
  Effect.gen(function* () {
    for (let isMore = true; isMore; ) {
      isMore = decoder.drain(burst, printer.visit)
      for (const trouble of decoder.troubles()) printer.trouble(trouble)
      if (!isMore || printer.out.at >= pieceBytes) yield* flush(printer)
    }
  })

/** What is made of packets lives for milliseconds: a heap that grows for it takes twice the memory for nothing. */
const smallHeap = ["--max-semi-space-size=2", "--semi-space-growth-factor=1", "--optimize-for-size"]

export const run = (input: Input) =>
  Effect.gen(function* () {
    for (const flag of smallHeap) setFlagsFromString(flag)
    const { clockShift, filter, text } = yield* Effect.try({
      try: () => ({
        clockShift: EventOptions.clockShift(input),
        filter: EventOptions.filter(input),
        text: EventOptions.textOptions(input, process.stdout.isTTY === true)
      }),
      catch: (cause) => new Misused(SystemError.messageOf(cause))
    })
    const isWhole = Option.getOrElse(input.seek, () => (input.wait ? "beginning" : "last")) === "beginning"
    const printer = new Printer({ isJson: input.format === "ndjson", text, filter, shown: new Shown(isWhole) })
    Rehearsal.rehearse(
      new Printer({ isJson: input.format === "ndjson", text, filter: undefined, shown: new Shown(true) })
    )
    const selection = new Selection(input)
    const watched = Effect.fnUntraced(function* (again: Watch.Again) {
      const how = { otherwise: "last", isPrompt: true, joinMillis: Watch.joinMillis(input) } as const
      const { events, sessions } = yield* Watch.attach({ ...input, ...again }, how)
      const decoder = new LiveDecoder({ clockShift, sessions })
      printer.attached(sessions)
      yield* Stream.runForEach(events, (event) => {
        decoder.on(event)
        printer.on(event)
        printer.notes.push(...selection.warnings(event))
        return drain(decoder, printer)
      }).pipe(
        Effect.tapErrorTag(["LinkLost", "ReplyMalformed", "SessionWithdrawn"], () => {
          // Nothing more comes that anything would have to wait for.
          decoder.endAll()
          return Effect.ignore(drain(decoder, printer))
        })
      )
    }, Effect.scoped)
    yield* Watch.untilOver(input, watched)
    printer.end()
    yield* flush(printer)
    if (printer.failureCount > 0) return yield* new EventsUnreadable({ count: printer.failureCount })
  }).pipe(Effect.catchTag("OutputClosed", () => Effect.void))
