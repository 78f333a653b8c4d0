/**
 * A viewer of live sessions on any relay of protocol 2.4 to 2.15: lists sessions, attaches, and turns what they record
 * into a `Stream` of typed events in timestamp order. Leaving the scope detaches.
 *
 * The stream is pulled: a consumer that stops reading stops the questions to the relay. One packet is buffered.
 */
import { Effect, Exit, Fiber, Schema, Scope, Stream } from "effect"
import { byEvents, Seek, Status } from "../protocol/live/AttachSession.ts"
import { TraceFormat } from "../protocol/live/ListSessions.ts"
import type { Address, DialFailed, Link } from "../transport/Dial.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import { tlsWanted, UrlRefused } from "../transport/RelayUrl.ts"
import type { TlsFailed } from "../transport/tls/DialTls.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"
import * as Unfinished from "../transport/Unfinished.ts"
import * as Attachment from "./Attachment.ts"
import { type NoGreeting, NotLivePort } from "./Greeting.ts"
import type { Joiners } from "./Joining.ts"
import * as ViewerConnection from "./ViewerConnection.ts"
import type { Session, ViewerEvent } from "./ViewerEvent.ts"
import * as ViewerUrl from "./ViewerUrl.ts"

export { type Address, DialFailed, type Link, LinkLost } from "../transport/Dial.ts"
export { type ExchangeFailed, ReplyMalformed } from "../transport/Exchange.ts"
export { TlsFailed } from "../transport/tls/DialTls.ts"
export { NotLivePort } from "./Greeting.ts"
export type { Session, ViewerEvent } from "./ViewerEvent.ts"
export type { PacketIndex, ViewedStream } from "./ViewerMerge.ts"
export type { SessionName } from "./ViewerUrl.ts"

const isCalled = (session: Session, { hostname, sessionName }: ViewerUrl.SessionName): boolean =>
  session.hostname === hostname && session.sessionName === sessionName

/** Whether a session has that name and can be watched live: several may. */
export const isNamed = (session: Session, name: ViewerUrl.SessionName): boolean =>
  isCalled(session, name) && session.liveTimerMicros > 0

/** The relay lists no live session of that name. */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", {
  hostname: Schema.String,
  sessionName: Schema.String,
  /** The relay records one of that name that is not live. */
  isNotLive: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    const words = `no live session ${this.sessionName} of host ${this.hostname}`
    return this.isNotLive === true ? `${words}: the one that is recorded was created without --live` : words
  }
}

/** The relay does not let us watch the session: `reason` is its status in words (live.md §6.4). */
export class AttachRefused extends Schema.TaggedError<AttachRefused>()("AttachRefused", {
  sessionName: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot watch ${this.sessionName}: ${this.reason}`
  }
}

/** Where an attachment begins, and how it gives packets. */
export interface AttachOptions {
  /** From the oldest packet the relay still has, or, by default, from the next one. */
  readonly seek?: "beginning" | "last"
  /** Gives packets as stored: with the padding at their end, and with the begin that the tracer gave the first one. */
  readonly withPadding?: boolean
  /**
   * What happens is seen within milliseconds, not within a tenth of the live timer, for more questions; a packet may
   * then begin earlier than what was told before, its events do not.
   */
  readonly isPrompt?: boolean
  /**
   * For `attachAll`: sessions of the name that begin later are watched as well, from their beginning, if they begin no
   * later than so many milliseconds after the last one has ended. Absent: they are not watched.
   */
  readonly joinMillis?: number
}

/** Sessions that are being watched, as one stream of events. */
export interface Attached {
  /** The sessions that could be attached to, without those that join later. */
  readonly sessions: ReadonlyArray<Session>
  /** Ends when the last session has ended and everything of it was read. To be run once. */
  readonly events: Stream.Stream<ViewerEvent, ExchangeFailed>
}

/** A connection to a relay's live port. */
export interface LiveViewer {
  readonly address: Address
  /** The protocol minor both sides speak. */
  readonly minor: number
  /** The sessions that the relay lists now (live.md §6.2). */
  readonly sessions: Effect.Effect<ReadonlyArray<Session>, ExchangeFailed>
  /** Watches one session (live.md §6.4). Leaving the scope detaches. */
  readonly attach: (
    session: Session,
    options?: AttachOptions
  ) => Effect.Effect<Attached, ExchangeFailed | AttachRefused, Scope.Scope>
  /** Every session of that name, as one: kernel and user space of one recording session. */
  readonly attachAll: (
    name: ViewerUrl.SessionName,
    options?: AttachOptions
  ) => Effect.Effect<Attached, ExchangeFailed | AttachRefused | SessionNotFound, Scope.Scope>
  /** Requests sent so far. */
  readonly requestCount: () => number
}

/** What failed of a connection by URL: the URL, the dial, or the greeting (live.md §6.1). */
export type ConnectFailed = UrlRefused | DialFailed | TlsFailed | ExchangeFailed | NotLivePort

const ended = "it has ended"
const statusNames: ReadonlyMap<number, string> = new Map([
  [Status.already, "another viewer watches it"],
  [Status.unknown, ended],
  [Status.notLive, "it is not a live session"],
  [Status.seekError, "the relay cannot seek there"],
  [Status.noSession, "the relay lost our viewer session"]
])

/** A detach is a courtesy to the next viewer; all of them together must not hold up the end of a program. */
const detachTimeoutMillis = 1000

const make = (address: Address, connection: ViewerConnection.ViewerConnection): LiveViewer => {
  const sessions = Effect.map(connection.sessions, (all) =>
    all.map(
      (entry): Session => ({
        id: entry.id,
        hostname: entry.hostname,
        sessionName: entry.sessionName,
        liveTimerMicros: entry.liveTimer,
        clientCount: entry.clients,
        streamCount: entry.streams,
        traceFormat: entry.traceFormat === TraceFormat.ctf1 ? "ctf-1.8" : "ctf-2.0"
      })
    )
  )
  let hasViewerSession = false
  const createViewerSession = Effect.suspend(() => {
    if (hasViewerSession) return Effect.void
    hasViewerSession = true
    return connection.createViewerSession
  })
  const detach = ({ id }: Session) =>
    connection.detach(id).pipe(Effect.timeoutOption(detachTimeoutMillis), Effect.ignore)
  const attachOne = (session: Session, { isPrompt = false, seek, withPadding = false }: AttachOptions) =>
    Effect.gen(function* () {
      const from = seek === "beginning" ? Seek.beginning : Seek.last
      let isRefused = false
      // Before the answer, so that an interruption need not wait for it.
      yield* Effect.addFinalizer(() => (isRefused ? Effect.void : detach(session)))
      const reply = yield* connection.attach(session.id, from, isPrompt || withPadding ? byEvents : 0n)
      if (reply.status === Status.ok) return { session, streams: reply.streams }
      isRefused = true
      const reason = statusNames.get(reply.status) ?? `status ${reply.status}`
      return yield* new AttachRefused({ sessionName: session.sessionName, reason })
    }).pipe(Unfinished.closed)
  /** Puts a scope into `scopes` for each session that joins, to be closed when it ends: they may be many over time. */
  const joinersOf = (
    name: ViewerUrl.SessionName | undefined,
    options: AttachOptions,
    scopes: Map<bigint, Scope.Closeable>
  ) =>
    Effect.map(Effect.scope, (scope): Joiners | undefined => {
      const { joinMillis } = options
      if (name === undefined || joinMillis === undefined) return undefined
      return {
        lingerMillis: joinMillis,
        look: Effect.map(sessions, (all) => all.filter((session) => isNamed(session, name))),
        attach: (session) =>
          Effect.gen(function* () {
            const own = yield* Scope.fork(scope)
            scopes.set(session.id, own)
            return yield* Scope.provide(attachOne(session, { ...options, seek: "beginning" }), own)
          }).pipe(Effect.catchTag("AttachRefused", ({ reason }) => Effect.as(leave(scopes, session.id), reason)))
      }
    })
  /** Attaches to all that it can of `chosen`; fails if that is none. */
  const attachEach = (chosen: ReadonlyArray<Session>, options: AttachOptions, name?: ViewerUrl.SessionName) =>
    Effect.gen(function* () {
      const { isPrompt = false, withPadding = false } = options
      yield* createViewerSession
      const watching = yield* Scope.fork(yield* Effect.scope, "parallel")
      const attached = []
      let refusal: AttachRefused | undefined
      for (const session of chosen) {
        const outcome = yield* Effect.result(Scope.provide(attachOne(session, options), watching))
        if (outcome._tag === "Success") attached.push(outcome.success)
        else if (outcome.failure._tag === "AttachRefused") refusal ??= outcome.failure
        else return yield* outcome.failure
      }
      if (refusal !== undefined && attached.length === 0) return yield* refusal
      const scopes = new Map<bigint, Scope.Closeable>()
      const joiners = yield* Scope.provide(joinersOf(name, options, scopes), watching)
      const making = Attachment.make({ connection, sessions: attached, joiners, withPadding, isPrompt })
      const left = (told: ReadonlyArray<ViewerEvent>) => {
        const over = scopes.size === 0 ? [] : told.flatMap((one) => (one._tag === "SessionEnded" ? one.sessionId : []))
        return Effect.forEach(over, (id) => leave(scopes, id), { discard: true })
      }
      const pull = Effect.flatMap(making, (next) => resumed(Effect.tap(next, left)))
      const events = Stream.unwrap(
        Effect.map(pull, (next) => Stream.fromPull(Effect.succeed(Effect.map(next, nonEmpty))))
      )
      return { sessions: attached.map(({ session }) => session), events }
    })
  return {
    address,
    minor: connection.minor,
    sessions,
    requestCount: connection.requestCount,
    attach: (session, options = {}) => attachEach([session], options),
    attachAll: (name, options = {}) =>
      Effect.gen(function* () {
        const called = (yield* sessions).filter((session) => isCalled(session, name))
        const chosen = called.filter((session) => isNamed(session, name))
        if (chosen.length === 0) {
          return yield* new SessionNotFound({ ...name, ...(called.length > 0 && { isNotLive: true }) })
        }
        // They may have ended between the two questions.
        const hasEnded = (refusal: unknown) => refusal instanceof AttachRefused && refusal.reason === ended
        return yield* attachEach(chosen, options, name).pipe(
          Effect.mapError((failed) => (hasEnded(failed) ? new SessionNotFound(name) : failed))
        )
      })
  }
}

/** Leaves a session that had joined, by closing its scope. */
const leave = (scopes: Map<bigint, Scope.Closeable>, id: bigint): Effect.Effect<void> =>
  Effect.suspend(() => {
    const own = scopes.get(id)
    scopes.delete(id)
    return own === undefined ? Effect.void : Scope.close(own, Exit.void)
  })

const nonEmpty = <A>(values: Array<A>) => values as unknown as readonly [A, ...Array<A>]

/**
 * An interrupted pull goes on, and the next one gets its result: a relay gives each answer once. When the scope closes,
 * it ends.
 */
const resumed = <A, E>(next: Effect.Effect<A, E>): Effect.Effect<Effect.Effect<A, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let pulling: Fiber.Fiber<A, E> | undefined
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        pulling ??= yield* Effect.forkIn(next, scope, { startImmediately: true })
        const exit = yield* restore(Fiber.await(pulling))
        pulling = undefined
        return yield* exit
      })
    )
  })

/** Connects and agrees on a protocol (live.md §6.1); the connection ends with the scope. */
export const connect = (
  address: Address
): Effect.Effect<LiveViewer, DialFailed | TlsFailed | ExchangeFailed | NotLivePort, Scope.Scope> =>
  Effect.map(Unfinished.closed(ViewerConnection.connect(address)), (connection) => make(address, connection))

/** A viewer over an existing connection, as `Relay.openLive` makes one to a relay in this process. */
export const over = (link: Link): Effect.Effect<LiveViewer, ExchangeFailed | NotLivePort, Scope.Scope> => {
  const refuse = (why: NoGreeting) => Effect.fail(new NotLivePort({ address: link.name, ...why }))
  return Effect.map(ViewerConnection.over(link, refuse), (connection) => make({ host: link.name, port: 0 }, connection))
}

/** Connects to the relay of a URL; answers the session, too, if it names one. `tls`: whom to trust, and who we are. */
export const fromUrl = (
  url: string,
  tls?: ClientIdentity
): Effect.Effect<
  { readonly viewer: LiveViewer; readonly session: ViewerUrl.SessionName | undefined },
  ConnectFailed,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const { address, session } = yield* Effect.fromResult(ViewerUrl.parse(url))
    if (tls !== undefined && address.tls === undefined) return yield* new UrlRefused({ url, reason: tlsWanted })
    return { viewer: yield* connect(tls === undefined ? address : { ...address, tls }), session }
  })
