/**
 * The event records of live sessions for programs: a `Stream` in order over all streams of all sessions, each as soon
 * as no other stream may have an older one. Attach with `isPrompt`, or it is a tenth of a live timer later.
 */
import { Effect, Schedule, type Scope, Stream } from "effect"
import type { Filter } from "../ctf/decode/Fields.ts"
import { isWanted } from "../ctf/filter/Filters.ts"
import type { LiveStream } from "../ctf/live/LiveStream.ts"
import * as Events from "../ctf/recorded/Events.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import { isAbsent, isGone, isOfRelay } from "./Absence.ts"
import { LiveDecoder, type Trouble } from "./LiveDecoder.ts"
import type { Attached, AttachOptions } from "./LiveViewer.ts"
import { Shown } from "./Shown.ts"
import type { ViewerEvent } from "./ViewerEvent.ts"
import type { ViewedStream } from "./ViewerMerge.ts"

export type { Trouble } from "./LiveDecoder.ts"

/** `path` is that of the live stream: its trace's, then the channel with its processor. */
export type Item = Events.Item | { readonly _tag: "Trouble"; readonly trouble: Trouble }

/** What is shown of a session. */
export interface Options {
  /** Which event records are given; applied before anything of one is copied. */
  readonly filter?: Filter
}

const itemOf = (live: LiveStream, { channel, path: trace }: ViewedStream, { filter }: Options): Item | undefined => {
  const { failure, item, loss, stream } = live
  const path = `${trace}/${channel}`
  if (item === "failure" && failure !== undefined) return { _tag: "Failure", failure, path }
  if (item === "loss" && loss !== undefined) return { _tag: "Loss", loss, path }
  if (item !== "event" || !isWanted(stream, filter)) return undefined
  return { _tag: "Event", event: new Events.Event(stream, path) }
}

/** So many items at most are handed to the consumer at a time. */
const burst = 1024

function* itemsAfter(decoder: LiveDecoder, options: Options): Generator<Item, void> {
  for (let isMore = true; isMore; ) {
    const items: Array<Item> = []
    isMore = decoder.drain(burst, (live, viewed) => {
      const item = itemOf(live, viewed, options)
      if (item !== undefined) items.push(item)
    })
    for (const trouble of decoder.troubles()) items.push({ _tag: "Trouble", trouble })
    yield* items
  }
}

/** Attachments that are being read. What came before is in the reader's decoder, so nobody else could go on. */
const read = new WeakSet<Attached>()

const reading = (attached: Attached, options: Options, shown?: Shown): Stream.Stream<Item, ExchangeFailed> =>
  Stream.suspend(() => {
    if (read.has(attached))
      return Stream.die(new Error("this attachment's events are read already: share their stream"))
    read.add(attached)
    const decoder = new LiveDecoder({ sessions: attached.sessions, shown })
    const itemsOf = (event: ViewerEvent): Iterable<Item> => {
      decoder.on(event)
      return itemsAfter(decoder, options)
    }
    const rest = Stream.suspend(() => {
      decoder.endAll()
      return Stream.fromIterable(itemsAfter(decoder, options), { chunkSize: burst })
    })
    return attached.events.pipe(
      Stream.flatMap((event) => Stream.fromIterable(itemsOf(event), { chunkSize: burst })),
      Stream.catch((failed) => Stream.concat(rest, Stream.fail(failed)))
    )
  })

/**
 * Ends with the last session; fails as the attachment's `events` do, after what had come and waited for other streams.
 * An attachment is read once: another run dies. For several readers, `Stream.share` it.
 */
export const stream = (attached: Attached, options: Options = {}): Stream.Stream<Item, ExchangeFailed> =>
  reading(attached, options)

/** What is shown of sessions by `reconnecting`, and, as for `attachAll`, from where on. */
export interface ReconnectingOptions extends Options, Pick<AttachOptions, "seek"> {}

/**
 * The same of what `attach` attaches to; when the relay goes away, or is not there yet, or has no such session, again,
 * as long as `schedule` allows. A session that goes on is told from its beginning then; of each of its streams is given
 * what was not given yet. The schedule's input says what failed; it begins anew with each item.
 */
export const reconnecting = <E, R, S, R2>(
  attach: (seek: "beginning" | "last") => Effect.Effect<Attached, E, R>,
  schedule: Schedule.Schedule<S, E | ExchangeFailed, never, R2>,
  { seek = "last", ...options }: ReconnectingOptions = {}
): Stream.Stream<Item, E | ExchangeFailed, Exclude<R, Scope.Scope> | R2> =>
  Stream.suspend(() => {
    const shown = new Shown(seek === "beginning")
    let isKnown = false
    let isRelayKnown = false
    const once = Stream.unwrap(
      Effect.map(
        Effect.suspend(() => attach(isKnown ? "beginning" : seek)),
        (attached) => {
          isKnown = true
          isRelayKnown = true
          return reading(attached, options, shown)
        }
      )
    )
    const isPassing = (error: E | ExchangeFailed) => {
      isRelayKnown ||= isOfRelay(error)
      return isAbsent(error) || (isRelayKnown && isGone(error))
    }
    return Stream.retry(once, ($) => $(schedule).pipe(Schedule.while(({ input }) => isPassing(input))))
  })
