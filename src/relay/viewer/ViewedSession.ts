/**
 * One viewer attached to one session: the streams it reads, and those it has not been told of yet.
 *
 * Streams are taken in when they are published, so that one which closes before the viewer asks is not lost. Streams of
 * a trace are withheld until its metadata stream can be announced with them.
 */
import { clockMillis } from "../../Machine.ts"
import type { Description } from "../../model/Description.ts"
import { atBeginning, atEnd, type Knowledge, shownUntilOf, type Unknown } from "../../model/ViewerCursor.ts"
import type { StreamEntry } from "../../protocol/live/StreamEntry.ts"
import type { Connection } from "../Connections.ts"
import type { Registry } from "../Registry.ts"
import type { SessionActor } from "../session/SessionActor.ts"
import type { Attached } from "../session/Viewers.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import { LateBegin } from "./LateBegin.ts"
import { type ViewedTrace, ViewerStream } from "./ViewerStream.ts"

/** How long packets wait for a tracer that is announcing streams. */
const imminentMillisMax = 1000
/** A tracer that takes longer than this will not announce them any more. */
const comingMillisMax = 10_000

/**
 * So many unannounced streams are held for a viewer that asks for none, as somebody has stopped it. If there are more,
 * closed ones are dropped, beginning with the oldest.
 */
const unaskedCountMax = 4096

/** Directory of the kernel's streams: its tracer records before it announces them. */
const kernelPath = /(?:^|\/)kernel$/

/**
 * The attachments of a viewer that have something for it. Each answer depends on all of them, and a viewer may be
 * attached to thousands of sessions: those with nothing must cost it nothing.
 */
export class News {
  /** The viewer has to ask for new streams. */
  readonly toAsk = new Set<ViewedSession>()
  /** There are streams that the viewer was not told of. */
  readonly unannounced = new Set<ViewedSession>()

  note(attachment: ViewedSession, hasNewStreams: boolean, hasUnannounced: boolean): void {
    put(this.toAsk, attachment, hasNewStreams)
    put(this.unannounced, attachment, hasUnannounced)
  }
}

const put = <A>(set: Set<A>, value: A, isIn: boolean): void => {
  if (isIn) set.add(value)
  else set.delete(value)
}

/** The viewer, as its attachments see it. */
export interface Viewer extends Knowledge {
  readonly news: News
  /** True until it reads a stream of the kernel's. */
  announcesFirst: boolean
  /** The streams that it reads have one clock. */
  readonly hasOneClock: boolean
}

/** A CTF trace of which the viewer reads something. */
interface Trace extends ViewedTrace {
  streamCount: number
  metadata: ViewerStream | undefined
  description: Description | undefined
  /** Streams that were published, until the metadata stream is there as well: before, nothing happens in them. */
  readonly latest: Array<ViewerStream>
  /** The viewer was told of its metadata stream. */
  isAnnounced: boolean
}

const newTrace = (): Trace => ({
  streamCount: 0,
  metadata: undefined,
  description: undefined,
  latest: [],
  isAnnounced: false
})

export class ViewedSession implements Attached {
  readonly session: SessionActor
  readonly connection: Connection
  readonly #registry: Registry["Service"]
  /** By handle: what the viewer's commands may name. Shared with the viewer's other attachments. */
  readonly #known: Map<number, ViewerStream>
  readonly #viewer: Viewer
  readonly #goesByEvents: boolean
  readonly #streams = new Set<ViewerStream>()
  readonly #unannounced = new Set<ViewerStream>()
  readonly #traces = new Map<bigint, Trace>()
  #seenPublicationCount = 0
  #publishedMillis = Number.NEGATIVE_INFINITY
  #hasLetGo = false

  constructor(
    session: SessionActor,
    registry: Registry["Service"],
    connection: Connection,
    known: Map<number, ViewerStream>,
    viewer: Viewer,
    goesByEvents: boolean
  ) {
    this.#viewer = viewer
    this.#goesByEvents = goesByEvents
    this.session = session
    this.connection = connection
    this.#registry = registry
    this.#known = known
  }

  /** Takes in the session's streams; `isAtEnd` skips what they have received so far. */
  start(isAtEnd: boolean): void {
    for (const stream of this.session.streams.values()) if (stream.isPublished) this.#add(stream, isAtEnd)
    for (const { latest, metadata } of this.#traces.values()) if (metadata !== undefined) latest.length = 0
    this.session.viewers.attach(this)
    this.#note()
  }

  #note(): void {
    this.#viewer.news.note(this, this.#hasNewStreams, this.#unannounced.size > 0)
  }

  published(streams: ReadonlyArray<StreamActor>): void {
    this.#publishedMillis = clockMillis()
    for (const stream of streams) this.#add(stream, false)
    for (const { traceId } of streams) this.#moveBegins(this.#traces.get(traceId))
    if (this.#unannounced.size > unaskedCountMax) this.#letGo()
  }

  raised(): void {
    this.#note()
  }

  /** The tracer has announced a trace's new streams, now that their metadata stream is there: see `LateBegin`. */
  #moveBegins(trace: Trace | undefined): void {
    if (trace === undefined || (trace.metadata === undefined && !trace.isAnnounced)) return
    const { announcesFirst, hasOneClock } = this.#viewer
    const isMoving = !this.#goesByEvents && announcesFirst && hasOneClock
    for (const viewerStream of trace.latest.splice(0))
      if (isMoving) viewerStream.lateBegin = new LateBegin(shownUntilOf(this.#viewer), trace.description)
  }

  #letGo(): void {
    for (const viewerStream of this.#unannounced) {
      if (this.#unannounced.size <= unaskedCountMax) return
      if (!viewerStream.stream.model.isClosed) continue
      this.drop(viewerStream)
      if (!this.#hasLetGo) this.#tellLetGo()
      this.#hasLetGo = true
    }
  }

  #tellLetGo(): void {
    const { background, incidents } = this.#registry
    const { sessionName } = this.session.identity
    background(incidents.report("STREAMS_UNREAD", `${this.connection.peer}: ${JSON.stringify(sessionName)}`))
  }

  get lagPacketCount(): number {
    let count = 0
    for (const viewerStream of this.#streams) count += viewerStream.lagPacketCount
    return count
  }

  get lagNanos(): number {
    let nanos = 0
    for (const viewerStream of this.#streams) nanos = Math.max(nanos, viewerStream.lagNanos)
    return nanos
  }

  get reading(): Iterable<StreamActor> {
    return Array.from(this.#streams, ({ stream }) => stream)
  }

  #add(stream: StreamActor, isAtEnd: boolean): void {
    const cursor = isAtEnd ? atEnd(stream.model) : atBeginning()
    const trace = this.#traces.get(stream.traceId) ?? newTrace()
    const viewerStream = new ViewerStream(stream, cursor, this.#registry, this.#viewer, trace)
    if (kernelPath.test(stream.path)) this.#viewer.announcesFirst = false
    this.#streams.add(viewerStream)
    this.#unannounced.add(viewerStream)
    this.#traces.set(stream.traceId, trace)
    trace.streamCount++
    if (stream.isMetadata) {
      trace.metadata = viewerStream
      trace.description = stream.description
    } else trace.latest.push(viewerStream)
  }

  /** True until the viewer has asked for what was published last. */
  get #hasNewStreams(): boolean {
    return this.#seenPublicationCount < this.session.viewers.publicationCount
  }

  seen(): void {
    this.#seenPublicationCount = this.session.viewers.publicationCount
    this.#note()
  }

  /** Whether there is something to announce; what cannot be read is forgotten. */
  hasUnannounced(): boolean {
    if (this.#unannounced.size === 0) return false
    this.#dropUnreadable()
    return this.#announceable.length > 0
  }

  /** Of an application that ended before a clear no metadata is left, and none will come: viewers end on it. */
  #dropUnreadable(): void {
    const unreadable = [...this.#unannounced].filter(({ stream }) => {
      const { isAnnounced = true, metadata } = this.#traces.get(stream.traceId) ?? {}
      return !isAnnounced && metadata?.isOver === true && metadata.nextMetadata === undefined
    })
    for (const viewerStream of unreadable) this.drop(viewerStream)
  }

  /** Whether there are streams of this session that the viewer does not know, and whether it can be told of them. */
  unknown(nowMillis: number): Unknown {
    const hasDue = this.hasUnannounced()
    const isWithheld = !hasDue && this.#unannounced.size > 0
    const never = Number.NEGATIVE_INFINITY
    const announcing = this.#viewer.announcesFirst ? undefined : this.session.announcingSinceMillis
    // A viewer that asks during a rotation is told of no streams.
    const isDelayed = isWithheld || (hasDue && this.session.isOngoingRotation)
    const since = Math.max(announcing ?? never, isDelayed ? this.#publishedMillis : never)
    const age = nowMillis - since
    if (age < imminentMillisMax) return "imminent"
    if (hasDue) return "due"
    return isWithheld || age < comingMillisMax ? "coming" : "none"
  }

  /** The next announcement adds streams to a trace that the viewer knows, and it knows others, too. */
  get addsToKnownTrace(): boolean {
    let knownCount = 0
    for (const { isAnnounced } of this.#traces.values()) if (isAnnounced) knownCount++
    return knownCount > 1 && this.#announceable.some(({ stream }) => this.#isAnnounced(stream))
  }

  /** Every stream that is due; from now on the viewer may name them. */
  announce(): ReadonlyArray<StreamEntry> {
    this.#dropUnreadable()
    const shownUntil = shownUntilOf(this.#viewer)
    const entries = this.#announceable.map((viewerStream) => {
      const { stream } = viewerStream
      this.#unannounced.delete(viewerStream)
      this.#known.set(stream.handle, viewerStream)
      viewerStream.cursor.shownUntil = shownUntil
      viewerStream.cursor.answeredUntil = BigInt(Math.ceil(shownUntil))
      viewerStream.lateBegin?.announce(this.#viewer.latestTold ?? 0n)
      const trace = this.#traces.get(stream.traceId)
      if (stream.isMetadata && trace !== undefined) trace.isAnnounced = true
      return {
        id: BigInt(stream.handle),
        ctfTraceId: stream.traceId,
        metadataFlag: stream.isMetadata,
        pathName: stream.path,
        channelName: stream.channelName
      }
    })
    this.#note()
    return entries
  }

  get #announceable(): ReadonlyArray<ViewerStream> {
    const due = new Set<bigint>()
    for (const { stream } of this.#unannounced) if (stream.isMetadata) due.add(stream.traceId)
    return [...this.#unannounced].filter(({ stream }) => due.has(stream.traceId) || this.#isAnnounced(stream))
  }

  #isAnnounced({ traceId }: StreamActor): boolean {
    return this.#traces.get(traceId)?.isAnnounced === true
  }

  /** The viewer is told that the session comes by an edge: streams were announced there. */
  get isToldOfEdge(): boolean {
    return this.#goesByEvents && this.session.isByEdge
  }

  /** The metadata stream that describes what `viewerStream` carries, while the viewer reads it. */
  metadataOf(viewerStream: ViewerStream): ViewerStream | undefined {
    return this.#traces.get(viewerStream.stream.traceId)?.metadata
  }

  /** The viewer is done with the stream, and cannot name it any more. */
  drop(viewerStream: ViewerStream): void {
    const { stream } = viewerStream
    if (!this.#streams.delete(viewerStream)) return
    if (this.#unannounced.delete(viewerStream)) this.#note()
    this.#known.delete(stream.handle)
    const trace = this.#traces.get(stream.traceId)
    if (trace?.metadata === viewerStream) trace.metadata = undefined
    // Applications come and go: another one in its place is another trace.
    if (trace !== undefined && --trace.streamCount === 0) this.#traces.delete(stream.traceId)
    viewerStream.release()
  }

  /** How many CTF traces the viewer reads something of. */
  get traceCount(): number {
    return this.#traces.size
  }

  detach(): void {
    this.session.viewers.detach(this)
    for (const viewerStream of [...this.#streams]) this.drop(viewerStream)
    this.#viewer.news.note(this, false, false)
  }
}
