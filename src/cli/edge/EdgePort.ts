/** The operator's port of an edge: that of a relay, for the relay that tracers see, and for what the edge keeps. */
import { resolve } from "node:path"
import { Effect, Option, type Scope } from "effect"
import { Flag } from "effect/cli"
import type { PassedSession } from "../../admin/Operations.ts"
import type * as Standalone from "../../admin/Standalone.ts"
import { fileLimit } from "../../config/FileLimit.ts"
import * as HttpPort from "../../config/HttpPort.ts"
import * as PackageVersion from "../../config/PackageVersion.ts"
import * as TextFile from "../../config/TextFile.ts"
import type { Edge } from "../../edge/Edge.ts"
import type { Journal } from "../../edge/journal/Journal.ts"
import * as Report from "../../edge/Report.ts"
import type * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Paths from "../Paths.ts"

export const flags = {
  httpPort: Flag.String("http-port").pipe(
    Flag.optional,
    Flag.withDescription("For the operator: tcp://HOST[:PORT] or unix:///PATH, as of the relay (default: none)")
  ),
  httpTokenFile: Paths.fileFlag("http-token-file").pipe(
    Flag.optional,
    Flag.withDescription("File with the bearer token for it: beyond loopback nobody is answered without")
  )
}

export type Given = Flags.Given<typeof flags>

export const portOf = ({ httpPort }: Given): Effect.Effect<HttpPort.HttpPort | undefined, Misused> => {
  if (Option.isNone(httpPort)) return Effect.succeed(undefined)
  const parsed = HttpPort.parse(httpPort.value)
  return typeof parsed === "string" ? Effect.fail(new Misused(`--http-port: ${parsed}`)) : Effect.succeed(parsed)
}

/** The check of the spool's disk: whether what tracers say can be written. */
const disk = (journals: Iterable<Pick<Journal, "writing">>) => {
  const isOk = ![...journals].some(({ writing }) => writing.isFailing)
  return { name: "disk", isOk, detail: isOk ? "is written" : "cannot be written" }
}

const passing = ({ journals }: Report.EdgeStatus): ReadonlyArray<PassedSession> =>
  journals.flatMap(({ byteCount, from, heardCount, isOpen, lagMillis, name, receivedCount, waitsFor }) => {
    if (from === undefined) return []
    const [hostname = "", ...names] = name.split("/")
    const session = { hostname: names.length === 0 ? "" : hostname, name: names.join("/") }
    const lagRecordCount = Math.max(0, heardCount - receivedCount)
    const edge = { name: from.edge, isConnected: from.isConnected }
    return [
      { ...session, edge, isOpen, byteCount, lagRecordCount, lagMillis, ...(waitsFor !== undefined && { waitsFor }) }
    ]
  })

/** What the port tells of besides the edge. */
interface Around {
  readonly given: Given
  readonly log: Standalone.Options["log"]
  readonly relay: () => string
  readonly spool: string
}

/** Serves the port, if one was asked for, until the scope closes. */
export const serve = (
  edge: Edge,
  { given, log, relay, spool }: Around
): Effect.Effect<void, Misused | Paths.PathRefused | Standalone.HttpRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* portOf(given)
    if (port === undefined) return
    const { link, spool: kept } = edge
    const { serve } = yield* Effect.promise(() => import("../../admin/Standalone.ts"))
    yield* serve(edge.relay, {
      port,
      token: yield* Paths.optional("http-token-file", given.httpTokenFile, TextFile.secretOf),
      version: PackageVersion.packageVersion(),
      output: resolve(spool),
      descriptorLimit: fileLimit(),
      log,
      configuration: { to: relay(), spool, spoolLimit: kept.bytesMax },
      edge: () => Report.of(edge, relay()),
      passing: () => passing(Report.of(edge, relay())),
      moreChecks: () => [
        { name: "spool", isOk: kept.holding.hasRoom, detail: `${kept.byteCount} of ${kept.bytesMax} bytes` },
        disk(kept.journals.values()),
        // An edge is there for times when the link is not, so that is no failure.
        { name: "link", isOk: true, detail: link.reason ?? "up" }
      ]
    })
  })
