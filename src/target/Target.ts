/**
 * A tracing host as seen by a relay: streams sessions to any relay of protocol 2.4 to 2.15.
 *
 * A target is only an address and an identity; every session dials for itself. Backpressure reaches the caller: a
 * packet returns when the connection has room for the next. A session that was lost is not resumed, relays cannot do
 * that: `reconnecting` starts a new one.
 */
import { hostname } from "node:os"
import { Effect, Schedule, Schema, type Scope } from "effect"
import { uuidDigits } from "../Machine.ts"
import { own } from "../protocol/Version.ts"
import type { DialFailed } from "../transport/Dial.ts"
import { tlsWanted, UrlRefused } from "../transport/RelayUrl.ts"
import type { TlsFailed } from "../transport/tls/DialTls.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"
import type { AskFailed } from "./ControlClient.ts"
import * as Destination from "./Destination.ts"
import * as TargetSession from "./TargetSession.ts"
import type { NotNegotiated, StreamOptions } from "./TargetStream.ts"

export { DialFailed, LinkLost } from "../transport/Dial.ts"
export { type ExchangeFailed, ReplyMalformed } from "../transport/Exchange.ts"
export { UrlRefused } from "../transport/RelayUrl.ts"
export { TlsFailed } from "../transport/tls/DialTls.ts"
export type { ClientIdentity } from "../transport/tls/Tls.ts"
export type { AskFailed, CommandFailed } from "./ControlClient.ts"
export { AlreadyClosed, RelayRefused } from "./ControlClient.ts"
export type { Destination } from "./Destination.ts"
export type { Packet } from "./Packet.ts"
export { RequestInvalid } from "./RequestInvalid.ts"
export type { ChunkTimes } from "./TargetChunks.ts"
export type { Session, SessionOptions } from "./TargetSession.ts"
export type { DataStream, MetadataStream, StreamOptions } from "./TargetStream.ts"
export { NotNegotiated } from "./TargetStream.ts"

/** Sessions of this target are switched off. */
export class TargetDisabled extends Schema.TaggedError<TargetDisabled>()("TargetDisabled", { host: Schema.String }) {
  override get message(): string {
    return `streaming to ${this.host} is disabled`
  }
}

/** Why a session could not start. */
export type SessionFailed = DialFailed | TlsFailed | AskFailed | NotNegotiated | TargetDisabled

/** Which relay, and who the target says it is. */
export interface Options {
  /** `net://HOST[:CONTROL[:DATA]][/SUBDIR]`, the same with `tls://`, or `tcp://HOST[:PORT]` with `dataUrl`. */
  readonly url: string
  readonly dataUrl?: string
  /** Whom to trust and who we are, for `tls://`. */
  readonly tls?: ClientIdentity
  /** The name the relay groups by; this machine's where not given. */
  readonly hostname?: string
  /** The newest protocol minor to speak. */
  readonly minor?: number
  /** Whether sessions may start, until `enable` says otherwise; true by default. */
  readonly enabled?: boolean
}

/** A host that streams to one relay; sessions of it are independent. */
export interface Target {
  readonly destination: Destination.Destination
  readonly hostname: string
  /** Whether sessions may start. */
  readonly isEnabled: () => boolean
  /** Running sessions go on; no new one starts while disabled. */
  readonly enable: (isEnabled: boolean) => void
  /**
   * Dials the relay and opens a session (streaming.md §3, §6.1); its connections end with the scope, in an orderly way
   * only by `close`.
   */
  readonly session: (
    options: TargetSession.SessionOptions
  ) => Effect.Effect<TargetSession.Session, SessionFailed, Scope.Scope>
}

/** Fails only if the URL makes no sense; nothing is dialled yet. */
export const make = (options: Options): Effect.Effect<Target, UrlRefused> =>
  Effect.gen(function* () {
    const { dataUrl, tls, url } = options
    const parsed = yield* Effect.fromResult(Destination.parse(url, dataUrl))
    if (tls !== undefined && parsed.tls === undefined) return yield* new UrlRefused({ url, reason: tlsWanted })
    const destination = tls === undefined ? parsed : { ...parsed, tls }
    const identity = {
      hostname: options.hostname ?? hostname(),
      sessiondUuid: uuidDigits(),
      minorMax: options.minor ?? own.minor
    }
    let isEnabled = options.enabled ?? true
    let sessionCount = 0n
    return {
      destination,
      hostname: identity.hostname,
      isEnabled: () => isEnabled,
      enable: (enabled) => {
        isEnabled = enabled
      },
      session: (session) =>
        Effect.suspend((): Effect.Effect<TargetSession.Session, SessionFailed, Scope.Scope> => {
          if (!isEnabled) return Effect.fail(new TargetDisabled({ host: destination.host }))
          return TargetSession.open(destination, { ...identity, sessionId: sessionCount++ }, session)
        })
    }
  })

const isConnectionFailure = (error: { readonly _tag: string }) =>
  error._tag === "DialFailed" || error._tag === "LinkLost"

/** `schedule`, which begins anew at a step before which something `hasWorked`. */
const renewed = <S, I, R>(
  schedule: Schedule.Schedule<S, I, never, R>,
  hasWorked: () => boolean
): Schedule.Schedule<S, I, never, R> => {
  const begun = Schedule.toStep(schedule)
  return Schedule.fromStep(
    Effect.map(begun, (first) => {
      let step = first
      const next = Effect.suspend(() =>
        hasWorked() ? Effect.map(begun, (anew) => (step = anew)) : Effect.succeed(step)
      )
      return (now, input) => Effect.flatMap(next, (current) => current(now, input))
    })
  )
}

/**
 * Runs `use` with a session; when the relay goes away, again with a new session, as long as `schedule` allows. Its
 * input says what failed; it begins anew after a session in which the relay has answered an index.
 */
export const reconnecting = <A, E extends { readonly _tag: string }, R, S, R2>(
  target: Target,
  options: TargetSession.SessionOptions,
  use: (session: TargetSession.Session) => Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<S, NoInfer<E> | SessionFailed, never, R2>
): Effect.Effect<A, E | SessionFailed, Exclude<R, Scope.Scope> | R2> =>
  Effect.suspend(() => {
    let isAnswered = false
    const noting = ({ answered, ...stream }: StreamOptions): StreamOptions => ({
      ...stream,
      answered: (millis) => {
        isAnswered = true
        answered?.(millis)
      }
    })
    const once = Effect.flatMap(target.session(options), (session) =>
      use({ ...session, stream: (stream) => session.stream(noting(stream)) })
    )
    const takeAnswered = () => {
      const was = isAnswered
      isAnswered = false
      return was
    }
    return Effect.retry(Effect.scoped(once), {
      schedule: renewed(schedule, takeAnswered),
      while: (error: E | SessionFailed) => isConnectionFailure(error)
    })
  })
