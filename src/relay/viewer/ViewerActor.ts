/**
 * What one viewer connection is to the relay: its viewer session, the sessions it is attached to, and the answers of
 * live.md §6 to §9 as values. It sees no bytes of requests and no socket; its owner must `close` it.
 */
import { Effect } from "effect"
import { said } from "../../errors/Report.ts"
import { clockMillis } from "../../Machine.ts"
import type { Heeds, Unknown } from "../../model/ViewerCursor.ts"
import * as Attach from "../../protocol/live/AttachSession.ts"
import * as Detach from "../../protocol/live/DetachSession.ts"
import * as NewStreams from "../../protocol/live/GetNewStreams.ts"
import * as NextIndex from "../../protocol/live/GetNextIndex.ts"
import * as ListSessions from "../../protocol/live/ListSessions.ts"
import type { StreamsReply } from "../../protocol/live/StreamEntry.ts"
import type { Connection } from "../Connections.ts"
import type { Party } from "../party/Party.ts"
import type { Registry } from "../Registry.ts"
import type { SessionActor } from "../session/SessionActor.ts"
import { News, ViewedSession, type Viewer } from "./ViewedSession.ts"
import type { ViewerStream } from "./ViewerStream.ts"

/**
 * How long an attach may wait for the disk, so that it finds what was acknowledged before it. A disk that keeps up does
 * it at once; with another one the viewer finds those packets a little later.
 */
const attachWait = "100 millis"
/** The number of CTF 2 in CREATE_SESSION of the streaming protocol. */
const ctf2 = 2

export class ViewerActor implements Viewer {
  readonly #registry: Registry["Service"]
  readonly #connection: Connection
  readonly #party: Party
  readonly #attachments = new Map<number, ViewedSession>()
  readonly #streams = new Map<number, ViewerStream>()
  readonly news = new News()
  /** The access rules that its attachments were checked by. */
  #rules: unknown
  #hasSession = false
  #hasListed = false
  #listsLast = false
  /** Streams were announced in the midst of the viewer's round over all of them. */
  #isRoundStale = false
  latestTold: bigint | undefined
  latestEnd = 0
  announcesFirst = true
  /** The viewer knows CTF 2, and the listing that names trace formats. */
  knowsFormats = false

  constructor(registry: Registry["Service"], connection: Connection, party: Party) {
    this.#party = party
    this.#rules = party.rules
    this.#registry = registry
    this.#connection = connection
  }

  nextId(): bigint {
    return this.#registry.nextViewerSessionId()
  }

  get sessions(): ReadonlyArray<ListSessions.Session> {
    this.#hasListed = true
    const shown = [...this.#registry.sessions.values()].filter(
      (session) => !session.isConnectionClosed && this.#mayKnow(session)
    )
    return shown.map((session) => {
      const { liveTimer, hostname, sessionName, traceFormat } = session.identity
      return {
        id: BigInt(session.id),
        liveTimer,
        clients: session.viewers.count > 0 ? 1 : 0,
        streams: session.streams.size + session.viewers.closedStreamCount,
        hostname,
        sessionName,
        traceFormat: traceFormat === ctf2 ? ListSessions.TraceFormat.ctf2 : ListSessions.TraceFormat.ctf1
      }
    })
  }

  /** The answer to LIST_SESSIONS, which `encode` makes; viewers that ask at once share it, where no rules part them. */
  listing(minor: number, encode: (sessions: ReadonlyArray<ListSessions.Session>) => Uint8Array): Uint8Array {
    this.#hasListed = true
    const make = () => encode(this.sessions)
    return this.#party.rules === undefined ? this.#registry.listings.of(minor, make) : make()
  }

  #mayKnow(session: SessionActor): boolean {
    return (this.knowsFormats || session.identity.traceFormat !== ctf2) && this.#party.mayView(session.identity)
  }

  /** A second call changes nothing: what is attached stays attached. */
  createSession(): void {
    if (!this.#hasSession) this.#listsLast = !this.#hasListed
    this.#hasSession = true
  }

  // ---- Knowledge -------------------------------------------------------------------------------------------------

  get unknown(): Unknown {
    const now = clockMillis()
    let found: Unknown = "none"
    // What the kernel's tracer is announcing, sessions tell only when they are asked.
    const attachments = this.announcesFirst ? this.news.unannounced : this.#attachments.values()
    for (const attachment of attachments) {
      const unknown = attachment.unknown(now)
      if (unknown === "imminent") return unknown
      if (found !== "due" && unknown !== "none") found = unknown
    }
    return found
  }

  get hasOneClock(): boolean {
    const hosts = new Set(Array.from(this.#attachments.values(), ({ session }) => session.identity.hostname))
    return hosts.size <= 1
  }

  /**
   * babeltrace before 2.1 reads the flag with an index only. 2.0 is known by the order of its first commands, which no
   * other viewer has: it creates its viewer session before it lists.
   */
  get heeds(): Heeds {
    if (this.knowsFormats) return "all"
    return this.#listsLast && this.#hasListed ? "empty" : "packets"
  }

  // ---- sessions --------------------------------------------------------------------------------------------------

  attach(sessionId: bigint, seek: number, goesByEvents = false): Effect.Effect<StreamsReply> {
    return Effect.gen({ self: this }, function* () {
      const wanted = this.#attachable(sessionId, seek)
      if (typeof wanted === "number") {
        // Reported after the answer, which must take as long as one about a session that does not exist.
        this.#registry.background(Effect.andThen(Effect.yieldNow, this.#reportHidden(sessionId)))
        return { status: wanted, streams: [] }
      }
      const busy = [...wanted.streams.values()].filter(({ log }) => !log.isIdle)
      if (busy.length > 0) {
        const written = Effect.forEach(busy, ({ log }) => Effect.ignore(log.written), { concurrency: "unbounded" })
        yield* Effect.timeoutOption(written, attachWait)
      }
      const session = this.#attachable(sessionId, seek)
      if (typeof session === "number") return { status: session, streams: [] }
      const isRotating = session.isOngoingRotation
      const attachment = new ViewedSession(session, this.#registry, this.#connection, this.#streams, this, goesByEvents)
      this.#attachments.set(session.id, attachment)
      // What is announced after a rotation is read from the beginning, like every stream announced later.
      attachment.start(seek === Attach.Seek.last && !isRotating)
      yield* said(Effect.logInfo(`viewer attached to ${session.identity.sessionName}#${session.id}`))
      return { status: Attach.Status.ok, streams: isRotating ? [] : attachment.announce() }
    })
  }

  /** The viewer hears only that there is no such session; the operator hears why. */
  #reportHidden(sessionId: bigint): Effect.Effect<void> {
    const session = this.#registry.sessions.get(Number(sessionId))
    if (session === undefined || this.#party.mayView(session.identity)) return Effect.void
    const { hostname, sessionName } = session.identity
    const detail = `${this.#party.principals}: ${JSON.stringify({ sessionName, hostname })}`
    return this.#registry.incidents.report("ATTACH_NOT_PERMITTED", detail)
  }

  /** The session, or why not. */
  #attachable(sessionId: bigint, seek: number): SessionActor | number {
    const { Seek, Status } = Attach
    const { options, sessions } = this.#registry
    if (!this.#hasSession) return Status.noSession
    const session = sessions.get(Number(sessionId))
    if (session === undefined) return Status.unknown
    if (!this.#party.mayView(session.identity)) return Status.unknown
    if (session.identity.liveTimer === 0) return Status.notLive
    if (!this.#mayKnow(session)) return Status.unknown
    if (seek !== Seek.beginning && seek !== Seek.last) return Status.seekError
    const isTaken = options.singleViewer && session.viewers.count > 0
    if (isTaken || this.#attachments.has(session.id)) return Status.already
    return session.isConnectionClosed ? Status.unknown : session
  }

  /** If the rules have changed, leaves the sessions that the viewer may not view any more. */
  #heedRules(): void {
    const { rules } = this.#party
    if (rules === this.#rules) return
    this.#rules = rules
    for (const attachment of this.#attachments.values()) {
      const { session } = attachment
      if (this.#party.mayView(session.identity)) continue
      this.#leave(attachment)
      this.#registry.background(this.#reportHidden(BigInt(session.id)))
    }
  }

  #leave(attachment: ViewedSession): void {
    attachment.detach()
    this.#attachments.delete(attachment.session.id)
  }

  #attachmentOf(sessionId: bigint): ViewedSession | undefined {
    this.#heedRules()
    return this.#attachments.get(Number(sessionId))
  }

  newStreams(sessionId: bigint): StreamsReply {
    const { Status } = NewStreams
    const attachment = this.#attachmentOf(sessionId)
    if (attachment === undefined) return { status: Status.error, streams: [] }
    const { session } = attachment
    if (session.isOngoingRotation) return { status: Status.noNew, streams: [] }
    if (session.isConnectionClosed && !attachment.hasUnannounced() && !hasPublished(session)) {
      return { status: Status.hup, streams: [] }
    }
    attachment.seen()
    const isAmongOthers = this.#attachments.size > 1 || attachment.addsToKnownTrace
    const streams = attachment.announce()
    if (streams.length > 0 && isAmongOthers) this.#isRoundStale = true
    return { status: Status.ok, streams }
  }

  detach(sessionId: bigint): number {
    const { Status } = Detach
    if (!this.#hasSession) return Status.error
    const attachment = this.#attachmentOf(sessionId)
    if (attachment !== undefined) {
      this.#leave(attachment)
      return Status.ok
    }
    const session = this.#registry.sessions.get(Number(sessionId))
    return session === undefined || !this.#mayKnow(session) ? Status.unknown : Status.error
  }

  /** The viewer is gone, whatever it was doing. */
  close(): void {
    for (const attachment of this.#attachments.values()) attachment.detach()
  }

  // ---- streams ---------------------------------------------------------------------------------------------------

  /** Undefined: unknown, not attached, or read to its end. */
  stream(handle: number): ViewerStream | undefined {
    this.#heedRules()
    return this.#streams.get(handle)
  }

  /** The status, or the work that will tell it; with OK the record is at the start of `reply`. */
  nextIndex(viewerStream: ViewerStream, reply: Buffer): number | Effect.Effect<number> {
    if (viewerStream.stream.isMetadata) return NextIndex.Status.hup
    // A viewer that asks one stream after the other, and shows what is oldest of what they said, must begin again: what
    // it was just told of may come before a stream that it has asked already.
    const isStale = this.#isRoundStale
    this.#isRoundStale = false
    return isStale ? NextIndex.Status.retry : viewerStream.next(reply)
  }

  /** Flags for a reply with this status. To be asked in the turn that answers: they describe that moment. */
  flagsOf(viewerStream: ViewerStream, status: number): number {
    const { Flags, Status } = NextIndex
    const own = this.#attachments.get(viewerStream.stream.session.id)
    const metadata = own?.metadataOf(viewerStream)
    // babeltrace 1.5 reads the flag with OK only, and then nothing but metadata until it got some.
    const isTrap = status === Status.ok && metadata?.metadata.isSentAgain === true
    let flags = metadata?.metadata.hasNew === true && !isTrap ? Flags.newMetadata : 0
    if (viewerStream.stream.isMetadata) return flags
    if (own?.isToldOfEdge === true) flags |= Flags.byEdge
    return this.news.toAsk.size > 0 ? flags | Flags.newStream : flags
  }

  /** The stream was read to its end: its number means nothing from now on. */
  drop(viewerStream: ViewerStream): void {
    this.#attachments.get(viewerStream.stream.session.id)?.drop(viewerStream)
  }
}

const hasPublished = (session: SessionActor): boolean => {
  for (const stream of session.streams.values()) if (stream.isPublished) return true
  return false
}
