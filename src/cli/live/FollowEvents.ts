/** `lttng-relay follow`: the event records of a live session as they happen, as text or as NDJSON. */
import { setFlagsFromString } from "node:v8"
import { Effect, Option, Stream } from "effect"
import type { TraceClass } from "../../ctf/model/TraceClass.ts"
import * as SystemError from "../../errors/SystemError.ts"
import { LiveDecoder } from "../../viewer/LiveDecoder.ts"
import { Shown } from "../../viewer/Shown.ts"
import type { ViewerEvent } from "../../viewer/ViewerEvent.ts"
import * as Bounded from "../Bounded.ts"
import * as EventOptions from "../EventOptions.ts"
import { Failed } from "../Failed.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import { EventLines } from "./EventLines.ts"
import * as PacedOutput from "./PacedOutput.ts"
import * as Rehearsal from "./Rehearsal.ts"
import * as Watch from "./Watch.ts"

interface Input extends Watch.Options, EventOptions.Input {
  readonly again: boolean
  readonly format: "text" | "ndjson"
}

/** So many items are decoded before it is seen whether to write. */
const burst = 2048
/** About how many bytes are written at a time. */
const pieceBytes = 256 * 1024

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

const flush = (lines: EventLines, write = PacedOutput.write) =>
  Effect.gen(function* () {
    const { notes, out } = lines
    if (out.at > 0) yield* write(out.written)
    out.clear()
    lines.notes = []
    for (const note of notes) yield* Output.tell(note)
  })

/** Prints all that is due, or what of it came before a record for which `bounded` ends it. */
export const drain = (
  decoder: Pick<LiveDecoder, "drain" | "troubles">,
  lines: EventLines,
  bounded: Bounded.Bounded,
  write = PacedOutput.write
) =>
  Effect.gen(function* () {
    const step = Effect.tapError(
      bounded(() => decoder.drain(burst, lines.visit)),
      () => {
        lines.cut()
        return flush(lines, write)
      }
    )
    for (let isMore = true; isMore; ) {
      isMore = yield* step
      for (const trouble of decoder.troubles()) lines.trouble(trouble)
      if (!isMore || lines.out.at >= pieceBytes) yield* flush(lines, write)
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
    const shown = new Shown(isWhole)
    const lines = new EventLines({ isJson: input.format === "ndjson", text, filter })
    Rehearsal.rehearse(new EventLines({ isJson: input.format === "ndjson", text, filter: undefined }))
    const selection = new Selection(input)
    const bounded = Bounded.steps(input)
    const watched = Effect.fnUntraced(function* (again: Watch.Again) {
      const how = { otherwise: "last", isPrompt: true, joinMillis: Watch.joinMillis(input) } as const
      const { events, sessions } = yield* Watch.attach({ ...input, ...again }, how)
      const decoder = new LiveDecoder({ clockShift, sessions, shown })
      lines.attached(sessions)
      yield* Stream.runForEach(events, (event) => {
        decoder.on(event)
        lines.on(event)
        lines.notes.push(...selection.warnings(event))
        return drain(decoder, lines, bounded)
      }).pipe(
        Effect.tapErrorTag(["LinkLost", "ReplyMalformed", "SessionWithdrawn"], () => {
          // Nothing more comes that anything would have to wait for.
          decoder.endAll()
          return Effect.catchTag(drain(decoder, lines, bounded), "OutputClosed", () => Effect.void)
        })
      )
    }, Effect.scoped)
    yield* Watch.untilOver(input, watched)
    lines.end()
    yield* flush(lines)
    if (lines.failureCount === 0) return
    return yield* new Failed({
      message: `not everything could be decoded: ${lines.failureCount} packets, streams or traces`
    })
  }).pipe(Effect.catchTag("OutputClosed", () => Effect.void))
