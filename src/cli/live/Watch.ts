/** What `follow` and `record` share: the URL of a session, where to start in it, and whether to wait for it. */
import { Duration, Effect, Exit, Option, Schedule, Schema, Scope, Stream } from "effect"
import { Argument, Flag } from "effect/cli"
import type { ExchangeFailed } from "../../transport/Exchange.ts"
import { isAbsent, isGone } from "../../viewer/Absence.ts"
import * as LiveViewer from "../../viewer/LiveViewer.ts"
import type { ViewerEvent } from "../../viewer/ViewerEvent.ts"
import * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import type * as Paths from "../Paths.ts"
import * as Terms from "../Terms.ts"
import * as TlsFlags from "../TlsFlags.ts"
import * as TlsRenewal from "../TlsRenewal.ts"

const sessionUrl = "net://HOST[:PORT]/host/TARGETHOST/SESSION (see lttng-relay sessions)"

const url = Argument.String("url").pipe(
  Argument.withDescription("net:// or tls://HOST[:PORT]/host/TARGETHOST/SESSION, as printed by lttng-relay sessions")
)

const seek = (otherwise: "beginning" | "last") =>
  Flag.Literals("seek", ["beginning", "last"]).pipe(
    Flag.optional,
    Flag.withDescription(
      `Start with what the relay still has, or with the next packet (default: ${otherwise === "last" ? "last; with --wait: beginning" : otherwise})`
    )
  )

const wait = Flags.toggle(
  "wait",
  "Wait for a session, or a relay, that is not there yet; follow waits again when the relay is lost"
)

export const flags = (otherwise: "beginning" | "last") => ({
  url,
  seek: seek(otherwise),
  wait,
  ...TlsFlags.flags
})

/** What `follow` has more than `record`: sessions of the name that begin later. */
export const again = Flags.toggle(
  "again",
  "When the session has ended, wait for the next one of its name, until Ctrl-C"
)

/** A session that is destroyed and created again, as scripts do that start over: the next one is waited for so long. */
const startOverMillis = 2000

/** Up to how many ms after the last session's end others of its name may join. */
export const joinMillis = ({ again, wait }: { readonly again: boolean; readonly wait: boolean }): number =>
  again ? Number.POSITIVE_INFINITY : wait ? startOverMillis : 0

export const waitMillis = 100
const looks = Schedule.spaced(Duration.millis(waitMillis))
/** Pause between looks whether more have come: a recording session's tracing domains come within milliseconds. */
export const settleMillis = 300

/** The session may go on, but is not shown to us: what was shown of it must not be taken for all. */
export class SessionWithdrawn extends Schema.TaggedError<SessionWithdrawn>()("SessionWithdrawn", {
  name: Schema.String
}) {
  override get message(): string {
    return `${this.name}: the relay shows it to us no more; a right to view it may have been taken away`
  }
}

/** Fails at the end of `events` if a session was withdrawn. If it waits for further sessions, that is told at once. */
const heedingWithdrawn = <E>(
  name: string,
  isWaiting: boolean,
  events: Stream.Stream<ViewerEvent, E>
): Stream.Stream<ViewerEvent, E | SessionWithdrawn> =>
  Stream.suspend(() => {
    const withdrawn = new SessionWithdrawn({ name })
    let isWithdrawn = false
    const heeding = Stream.tap(events, (event) => {
      if (event._tag !== "SessionEnded" || !event.isWithdrawn) return Effect.void
      isWithdrawn = true
      return isWaiting ? tellWaiting(withdrawn.message) : Effect.void
    })
    return Stream.concat(
      heeding,
      Stream.suspend(() => (isWithdrawn ? Stream.fail(withdrawn) : Stream.empty))
    )
  })

/** Waits until no more sessions of that name come. */
const settled = (viewer: LiveViewer.LiveViewer, name: LiveViewer.SessionName) =>
  Effect.gen(function* () {
    for (let before = 0; ; ) {
      const count = (yield* viewer.sessions).filter((session) => LiveViewer.isNamed(session, name)).length
      if (count === before) return
      before = count
      yield* Effect.sleep(Duration.millis(settleMillis))
    }
  })

export interface Options extends Flags.Given<ReturnType<typeof flags>> {
  /** The relay was there before. */
  readonly isKnown?: boolean
}

const tellWaiting = (reason: string) => Output.tell(`WARNING: ${reason}; waiting`)

type AttachFailed =
  | LiveViewer.ConnectFailed
  | LiveViewer.AttachRefused
  | LiveViewer.SessionNotFound
  | Misused
  | Paths.PathRefused

/** A relay that refuses us is asked less often than one that is not there. */
const goneMillis = 1000

interface Attached extends Pick<LiveViewer.Attached, "sessions"> {
  readonly events: Stream.Stream<ViewerEvent, ExchangeFailed | SessionWithdrawn>
}

export const attach = (
  options: Options,
  how: { readonly otherwise: "beginning" | "last" } & Pick<
    LiveViewer.AttachOptions,
    "withPadding" | "isPrompt" | "joinMillis"
  >
): Effect.Effect<Attached, AttachFailed, Scope.Scope> =>
  Effect.gen(function* () {
    let hasWaited = false
    let isKnown = options.isKnown ?? false
    const told = new Set<string>()
    const isWorthWaiting = (error: AttachFailed) => options.wait && (isAbsent(error) || (isKnown && isGone(error)))
    const onFailed = Effect.fnUntraced(function* (error: AttachFailed) {
      if (!isWorthWaiting(error)) return
      hasWaited = true
      // Told, since a name that is mistyped never comes.
      if (!told.has(error.message)) yield* tellWaiting(error.message)
      told.add(error.message)
      if (!isAbsent(error)) yield* Effect.sleep(Duration.millis(goneMillis))
    })
    if (/^(https?|unix):/.test(options.url)) {
      return yield* Effect.fail(new Misused(`${options.url} is for operators; to watch: ${sessionUrl}`))
    }
    const identity = TlsRenewal.following(options, yield* Terms.identityOf(options))
    const attached = Effect.gen(function* () {
      const { session, viewer } = yield* LiveViewer.fromUrl(options.url, identity())
      isKnown = true
      if (session === undefined) {
        return yield* Effect.fail(new Misused(`${options.url} names no session: ${sessionUrl}`))
      }
      // Waiting for a session means to want it from its beginning, also when it came before we asked.
      const { otherwise, ...rest } = how
      const asked = Effect.gen(function* () {
        // With `joinMillis` those that come later join anyway.
        if (hasWaited && how.joinMillis === undefined) yield* settled(viewer, session)
        const seek = Option.getOrElse(options.seek, () => (options.wait ? "beginning" : otherwise))
        const { events, sessions } = yield* viewer.attachAll(session, { seek, ...rest })
        const isWaiting = how.joinMillis === Number.POSITIVE_INFINITY
        return { sessions, events: heedingWithdrawn(session.sessionName, isWaiting, events) }
      })
      const isUnlisted = (error: AttachFailed) => error._tag === "SessionNotFound" && isWorthWaiting(error)
      const looked = Effect.tapError(asked, (error) => (isUnlisted(error) ? onFailed(error) : Effect.void))
      return yield* Effect.retry(looked, { schedule: looks, while: isUnlisted })
    })
    // In a scope of its own: what is left of a relay that goes meanwhile is not kept until the end.
    const inScope = Effect.flatMap(Effect.flatMap(Effect.scope, Scope.fork), (scope) =>
      Effect.onError(Scope.provide(attached, scope), () => Scope.close(scope, Exit.void))
    )
    return yield* Effect.retry(inScope.pipe(Effect.tapError(onFailed)), { schedule: looks, while: isWorthWaiting })
  })

/** Options that differ from those that were given, once a relay was lost. */
export type Again = Required<Pick<Options, "isKnown" | "wait">>

/** Runs `watched`; if it waits for a relay, or for sessions that begin later, it runs again when the relay is lost. */
export const untilOver = <A, E extends { readonly _tag: string }, R>(
  { again, wait }: { readonly again: boolean; readonly wait: boolean },
  watched: (how: Again) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.gen(function* () {
    let how: Again = { isKnown: false, wait }
    const isWorthWaiting = ({ _tag }: E) => (wait || again) && _tag === "LinkLost"
    const once = Effect.suspend(() => watched(how)).pipe(
      Effect.tapError((error) => {
        if (!isWorthWaiting(error)) return Effect.void
        how = { isKnown: true, wait: true }
        return tellWaiting(String((error as { readonly message?: string }).message))
      })
    )
    return yield* Effect.retry(once, { schedule: looks, while: isWorthWaiting })
  })
