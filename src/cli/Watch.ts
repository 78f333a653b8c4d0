/** What `follow` and `record` share: the URL of a session, where to start in it, and whether to wait for it. */
import { Duration, Effect, Schedule, Schema, type Scope } from "effect"
import { Argument, Flag } from "effect/cli"
import * as LiveViewer from "../viewer/LiveViewer.ts"

export class SessionMissing extends Schema.TaggedError<SessionMissing>()("SessionMissing", { url: Schema.String }) {
  override get message(): string {
    return `${this.url} names no session: net://HOST[:PORT]/host/TARGETHOST/SESSION (see lttng-relay sessions)`
  }
}

export const url = Argument.String("url").pipe(
  Argument.withDescription("net://HOST[:PORT]/host/TARGETHOST/SESSION, as printed by lttng-relay sessions")
)

export const seek = (otherwise: "beginning" | "last") =>
  Flag.Literals("seek", ["beginning", "last"]).pipe(
    Flag.withDefault(otherwise),
    Flag.withDescription(`Start with what the relay still has, or with the next packet (default: ${otherwise})`)
  )

export const wait = Flag.Boolean("wait").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Wait for a session that does not exist yet")
)

const waitMillis = 500

export interface Options {
  readonly url: string
  readonly seek: "beginning" | "last"
  readonly wait: boolean
}

type AttachFailed = LiveViewer.ConnectFailed | LiveViewer.AttachRefused | LiveViewer.SessionNotFound | SessionMissing

export const attach = (
  options: Options,
  how: Pick<LiveViewer.AttachOptions, "withPadding" | "isPrompt">
): Effect.Effect<LiveViewer.Attached, AttachFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { session, viewer } = yield* LiveViewer.fromUrl(options.url)
    if (session === undefined) return yield* new SessionMissing({ url: options.url })
    return yield* viewer.attachAll(session, { seek: options.seek, ...how }).pipe(
      Effect.retry({
        schedule: Schedule.spaced(Duration.millis(waitMillis)),
        while: ({ _tag }) => options.wait && _tag === "SessionNotFound"
      })
    )
  })
