/**
 * Decoded events of one live session as lines of JSON (docs/events.md), while they happen. They are asked for as by any
 * viewer, over a connection in the process: a client that does not read holds up nobody but itself, and it does not
 * matter what the live port demands.
 */
import { Cause, Effect, Result, Stream } from "effect"
import type { DataStream } from "../ctf/decode/DataStream.ts"
import type { Filter } from "../ctf/decode/Fields.ts"
import * as Filters from "../ctf/filter/Filters.ts"
import * as Where from "../ctf/filter/Where.ts"
import type { LiveStream } from "../ctf/live/LiveStream.ts"
import { Bytes } from "../ctf/print/Bytes.ts"
import { Json } from "../ctf/print/Json.ts"
import * as SystemError from "../errors/SystemError.ts"
import { clockMillis } from "../Machine.ts"
import { Relay } from "../Relay.ts"
import { LiveDecoder } from "../viewer/LiveDecoder.ts"
import * as LiveViewer from "../viewer/LiveViewer.ts"
import { FilterRefused, SessionUnwatchable, TooManyListeners } from "./AdminApi.ts"
import { DeadlineMissed, within } from "./Deadline.ts"
import * as Endless from "./Endless.ts"

type OneOrMore = string | ReadonlyArray<string>

/** Which events are wanted. */
export interface Selection {
  /** Patterns like `sched_*`, in one text with commas between; one of them must fit. */
  readonly event?: OneOrMore | undefined
  /** All hold. */
  readonly where?: OneOrMore | undefined
}

/** Which session is wanted, and which of its events. */
export interface Request extends Selection {
  readonly hostname: string
  readonly sessionName: string
}

/** Few at once, since each decodes on the relay's loop. */
const watcherCountMax = 4
/** Items that are decoded between two looks at other work. */
const burst = 256
/** How long a burst with a regular expression may take: the client gives it, and may also have chosen what it reads. */
const burstMillisMax = 500
/** After one has taken longer, nobody may use another for this time. */
const slowPauseMillis = 10_000

/** Whether there is a regular expression, or text that looks like one: only its time depends on what it reads. */
const hasRegex = ({ where = [] }: Selection): boolean => [where].flat().some((text) => /[=!]~/.test(text))

const filterOf = ({ event, where }: Selection): Effect.Effect<Filter | undefined, FilterRefused> =>
  Effect.gen(function* () {
    const patterns = [event].flat().flatMap((each) => each?.split(",") ?? [])
    const filters: Array<Filter> = event === undefined ? [] : [Filters.named(patterns.map((part) => part.trim()))]
    for (const text of [where ?? []].flat()) {
      const parsed = Where.parse(text)
      if (Result.isFailure(parsed)) return yield* new FilterRefused({ reason: String(parsed.failure.message) })
      filters.push(Filters.where(parsed.success))
    }
    return filters.length === 0 ? undefined : Filters.every(filters)
  })

/** Makes lines of what a decoder visits. */
class Lines {
  readonly #out = new Bytes()
  readonly #viewed = new WeakMap<DataStream, LiveViewer.ViewedStream>()
  readonly #json: Json
  readonly #filter: Filter | undefined

  constructor(session: string, filter: Filter | undefined) {
    this.#filter = filter
    this.#json = new Json((stream) => {
      const viewed = this.#viewed.get(stream)
      if (viewed === undefined) return { streamId: stream.streamId ?? 0 }
      return { streamId: stream.streamId ?? viewed.id, channel: viewed.channel.replace(/_\d+$/, ""), session }
    })
  }

  readonly visit = ({ failure, item, loss, stream }: LiveStream, viewed: LiveViewer.ViewedStream): void => {
    if (!this.#viewed.has(stream)) this.#viewed.set(stream, viewed)
    if (item === "event" && Filters.isWanted(stream, this.#filter)) this.#json.event(stream, this.#out)
    else if (item === "loss" && loss !== undefined) this.#json.loss(stream, loss, this.#out)
    else if (item === "failure" && failure !== undefined) this.#json.failure(stream, failure, this.#out)
  }

  /** The lines gathered since the last call; the caller may keep the bytes. */
  take(): Uint8Array {
    const taken = Uint8Array.from(this.#out.written)
    this.#out.clear()
    return taken
  }
}

type Bounded = <A>(call: () => A) => A

const unbounded: Bounded = (call) => call()

/** What the decoder has, in pieces of whole lines: one for each burst that gives any. */
function* pieces(decoder: LiveDecoder, lines: Lines, bounded: Bounded): Generator<Uint8Array> {
  for (let isMore = true; isMore; ) {
    isMore = bounded(() => decoder.drain(burst, lines.visit))
    decoder.troubles()
    const piece = lines.take()
    if (piece.length > 0) yield piece
  }
}

const unwatchable = (cause: unknown) => new SessionUnwatchable({ reason: SystemError.reasonOf(cause) })

const attach = (
  openLive: Relay["Service"]["openLive"],
  { hostname, sessionName }: Request,
  filter: Filter | undefined,
  bounded: Bounded
) =>
  Effect.gen(function* () {
    const viewer = yield* Effect.flatMap(openLive, LiveViewer.over)
    const how = { seek: "last", isPrompt: true, joinMillis: 0 } as const
    const { events, sessions } = yield* viewer.attachAll({ hostname, sessionName }, how)
    const decoder = new LiveDecoder({ sessions })
    const lines = new Lines(sessionName, filter)
    return Stream.flatMap(events, (event) => {
      decoder.on(event)
      return Stream.fromIterable(pieces(decoder, lines, bounded), { chunkSize: 1 })
    })
  }).pipe(Effect.mapError(unwatchable))

/** The form of the answer: lines, or server-sent events with one line each. */
export type Form = "ndjson" | "sse"

const eventOf = (line: string): string => (line === "" ? ":\n\n" : `data: ${line}\n\n`)

const inForm = (form: Form, pieces: Stream.Stream<Uint8Array>): Stream.Stream<Uint8Array> =>
  form === "ndjson"
    ? pieces
    : Stream.map(pieces, (bytes) => {
        const lines = Buffer.from(bytes).toString().slice(0, -1).split("\n")
        return Buffer.from(lines.map(eventOf).join(""))
      })

/** An empty line as heartbeat: so a proxy does not take the connection for dead. */
const blank = (): Uint8Array => Buffer.from("\n")

const lastLine = (reason: string): Uint8Array => Buffer.from(`${JSON.stringify({ type: "end", reason })}\n`)

export const make = Effect.gen(function* () {
  const { openLive } = yield* Relay
  const admit = yield* Endless.bounded(watcherCountMax)
  let pausedUntil = Number.NEGATIVE_INFINITY
  const bounded: Bounded = (call) => {
    try {
      return within(burstMillisMax, call)
    } catch (cause) {
      if (!(cause instanceof DeadlineMissed)) throw cause
      pausedUntil = clockMillis() + slowPauseMillis
      throw new Error("the filter takes too long", { cause })
    }
  }
  /** The session's lines; the last one says why they end. */
  const watch = (request: Request, filter: Filter | undefined): Stream.Stream<Uint8Array> =>
    Stream.unwrap(attach(openLive, request, filter, hasRegex(request) ? bounded : unbounded)).pipe(
      Stream.concat(Stream.sync(() => lastLine("the session has ended"))),
      Stream.catchCause((cause) => {
        return Stream.succeed(lastLine(unwatchable(Cause.squash(cause)).reason))
      })
    )
  return (request: Request, form: Form, mayView: () => boolean) =>
    Effect.gen(function* () {
      const filter = yield* filterOf(request)
      if (hasRegex(request) && clockMillis() < pausedUntil) return yield* new TooManyListeners()
      const pieces = Stream.merge(watch(request, filter), Endless.heartbeats(blank), { haltStrategy: "left" })
      return yield* admit(inForm(form, Endless.permitted(pieces, mayView, lastLine)))
    })
})
