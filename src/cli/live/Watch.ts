/** What `follow` and `record` share: the URL of a session, where to start in it, and whether to wait for it. */
import { Duration, Effect, Option, Schedule, type Scope } from "effect"
import { Argument, Flag } from "effect/cli"
import * as LiveViewer from "../../viewer/LiveViewer.ts"
import type * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as TlsFlags from "../TlsFlags.ts"

const sessionUrl = "net://HOST[:PORT]/host/TARGETHOST/SESSION (see lttng-relay sessions)"

const url = Argument.String("url").pipe(
  Argument.withDescription("net:// or tls://HOST[:PORT]/host/TARGETHOST/SESSION, as printed by lttng-relay sessions")
)

const seek = (otherwise: "beginning" | "last") =>
  Flag.Literals("seek", ["beginning", "last"]).pipe(
    Flag.optional,
    Flag.withDescription(
      `Start with what the relay still has, or with the next packet (default: ${otherwise}; with --wait: beginning)`
    )
  )

const wait = Flag.Boolean("wait").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Wait for a session, or a relay, that is not there yet")
)

export const flags = (otherwise: "beginning" | "last") => ({
  url,
  seek: seek(otherwise),
  wait,
  ...TlsFlags.flags
})

/** What `follow` has more than `record`: sessions of the name that begin later. */
export const again = Flag.Boolean("again").pipe(
  Flag.withDefault(false),
  Flag.withDescription("When the session has ended, wait for the next one of its name, until Ctrl-C")
)

/** A session that is destroyed and created again, as scripts do that start over: the next one is waited for so long. */
const startOverMillis = 2000

/** For how long after the end. */
export const joinMillis = ({ again, wait }: { readonly again: boolean; readonly wait: boolean }): number =>
  again ? Number.POSITIVE_INFINITY : wait ? startOverMillis : 0

const waitMillis = 100
/** The tracing domains of a recording session come one after the other, within milliseconds. */
const settleMillis = 300

/** Until no more sessions of that name come. */
const settled = (viewer: LiveViewer.LiveViewer, name: LiveViewer.SessionName) =>
  Effect.gen(function* () {
    for (let before = 0; ; ) {
      const count = (yield* viewer.sessions).filter((session) => LiveViewer.isNamed(session, name)).length
      if (count === before) return
      before = count
      yield* Effect.sleep(Duration.millis(settleMillis))
    }
  })

/** What may come to be: the relay and, on it, the session. */
const absent: ReadonlySet<string> = new Set(["DialFailed", "SessionNotFound"])

export type Options = Flags.Given<ReturnType<typeof flags>>

type AttachFailed =
  | LiveViewer.ConnectFailed
  | LiveViewer.AttachRefused
  | LiveViewer.SessionNotFound
  | Misused
  | TlsFlags.TlsFileRefused

export const attach = (
  options: Options,
  how: { readonly otherwise: "beginning" | "last" } & Pick<
    LiveViewer.AttachOptions,
    "withPadding" | "isPrompt" | "joinMillis"
  >
): Effect.Effect<LiveViewer.Attached, AttachFailed, Scope.Scope> =>
  Effect.gen(function* () {
    let hasWaited = false
    const isWorthWaiting = ({ _tag }: AttachFailed) => {
      hasWaited = options.wait && absent.has(_tag)
      return hasWaited
    }
    const retry = { schedule: Schedule.spaced(Duration.millis(waitMillis)), while: isWorthWaiting }
    const tls = yield* TlsFlags.identityOf(options)
    const { session, viewer } = yield* LiveViewer.fromUrl(options.url, tls).pipe(Effect.retry(retry))
    if (session === undefined) {
      return yield* Effect.fail(new Misused(`${options.url} names no session: ${sessionUrl}`))
    }
    // Waiting for a session means to want it from its beginning, also when it came before we asked.
    const { otherwise, ...rest } = how
    const attached = Effect.gen(function* () {
      // Those that come later join where they may.
      if (hasWaited && how.joinMillis === undefined) yield* settled(viewer, session)
      const seek = Option.getOrElse(options.seek, () => (options.wait ? "beginning" : otherwise))
      return yield* viewer.attachAll(session, { seek, ...rest })
    })
    return yield* Effect.retry(attached, retry)
  })
