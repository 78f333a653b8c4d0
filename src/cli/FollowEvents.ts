/** `lttng-relay follow`: the event records of a live session as they happen, as babeltrace2 prints them. */
import { Console, Effect, Schema, Stream } from "effect"
import type { DataStream } from "../ctf/decode/DataStream.ts"
import type { Failure } from "../ctf/decode/Fault.ts"
import type { Filter } from "../ctf/decode/Fields.ts"
import type { EventPlan } from "../ctf/decode/Plan.ts"
import type { LiveStream } from "../ctf/live/LiveStream.ts"
import { Bytes } from "../ctf/print/Bytes.ts"
import { Text } from "../ctf/print/Text.ts"
import { LiveDecoder, type Trouble } from "../viewer/LiveDecoder.ts"
import type { ViewedStream } from "../viewer/LiveViewer.ts"
import * as EventFlags from "./EventFlags.ts"
import * as StandardOutput from "./StandardOutput.ts"
import * as Watch from "./Watch.ts"

export class EventsUnreadable extends Schema.TaggedError<EventsUnreadable>()("EventsUnreadable", {
  count: Schema.Number
}) {
  override get message(): string {
    return `not everything could be decoded: ${this.count} packets or traces`
  }
}

export interface Input extends Watch.Options, EventFlags.Selection, EventFlags.TextFlags {}

/** Items from one look at the output to the next. */
const burst = 2048
/** Bytes that are written in one go, about. */
const pieceBytes = 256 * 1024

const nameOf = ({ channel, path }: ViewedStream): string => `${path}/${channel}`

const troubleLine = (trouble: Trouble): string => {
  switch (trouble.kind) {
    case "metadata":
      return `error: ${nameOf(trouble.stream)}: ${trouble.refused.message}`
    case "packet-lost":
      return `warning: ${nameOf(trouble.stream)}: a packet was cleared or overwritten before it could be read`
    case "late":
      return `warning: ${nameOf(trouble.stream)}: a packet came too late to be shown in order`
  }
}

const failureLine = ({ bit, event, kind, message, packet, stream }: Failure): string =>
  `error: ${stream}: packet ${packet}, bit ${bit}${event === undefined ? "" : ` (${event})`}: ${message} [${kind}]`

type Wanted = boolean | ((event: DataStream) => boolean)

/** Lines of what is visited. */
class Printer {
  readonly out = new Bytes()
  /** For the standard error. */
  notes: Array<string> = []
  failureCount = 0
  readonly #text: Text
  readonly #filter: Filter | undefined

  constructor(text: Text, filter: Filter | undefined) {
    this.#text = text
    this.#filter = filter
  }

  readonly visit = ({ failure, item, loss, stream }: LiveStream): void => {
    if (item === "event") {
      if (this.#isWanted(stream)) this.#text.event(stream, this.out)
    } else if (item === "loss" && loss !== undefined) {
      this.notes.push(`warning: ${stream.name}: the tracer discarded ${loss.count} ${loss.what}`)
    } else if (item === "failure" && failure !== undefined) {
      this.failureCount++
      this.notes.push(failureLine(failure))
    }
  }

  readonly trouble = (trouble: Trouble): void => {
    if (trouble.kind === "metadata") this.failureCount++
    this.notes.push(troubleLine(trouble))
  }

  #isWanted(stream: DataStream): boolean {
    if (this.#filter === undefined) return true
    const plan = stream.current as EventPlan
    let wanted = plan.compiled.get(this) as Wanted | undefined
    if (wanted === undefined) {
      wanted = this.#filter(plan)
      plan.compiled.set(this, wanted)
    }
    return typeof wanted === "boolean" ? wanted : wanted(stream)
  }
}

const flush = (printer: Printer) =>
  Effect.gen(function* () {
    const { notes, out } = printer
    if (out.at > 0) yield* StandardOutput.write(out.written)
    out.clear()
    printer.notes = []
    for (const note of notes) yield* Console.error(note)
  })

/** All that is due. */
const drain = (decoder: LiveDecoder, printer: Printer) =>
  Effect.gen(function* () {
    for (let isMore = true; isMore; ) {
      isMore = decoder.drain(burst, printer.visit)
      for (const trouble of decoder.troubles()) printer.trouble(trouble)
      if (!isMore || printer.out.at >= pieceBytes) yield* flush(printer)
    }
  })

export const run = (input: Input) =>
  Effect.gen(function* () {
    const { events, sessions } = yield* Watch.attach(input, { isPrompt: true })
    const hosts = new Map(sessions.map(({ hostname, id }) => [id, hostname]))
    const decoder = new LiveDecoder({ traceName: ({ path, sessionId }) => `${hosts.get(sessionId) ?? ""}/${path}` })
    const options = EventFlags.textOptions(input, process.stdout.isTTY === true)
    const printer = new Printer(new Text(options), EventFlags.filterOf(input))
    yield* Stream.runForEach(events, (event) => {
      decoder.on(event)
      return drain(decoder, printer)
    }).pipe(
      Effect.tapErrorTag(["LinkLost", "ReplyMalformed"], () => {
        // Nothing more comes that anything would have to wait for.
        decoder.endAll()
        return Effect.ignore(drain(decoder, printer))
      })
    )
    if (printer.failureCount > 0) return yield* new EventsUnreadable({ count: printer.failureCount })
  }).pipe(Effect.catchTag("OutputClosed", () => Effect.void))
