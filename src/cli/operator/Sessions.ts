/** `lttng-relay sessions`: which sessions a relay has, for viewers or for operators. */
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import type { SessionSummary } from "../../admin/AdminApi.ts"
import type { PassedSession } from "../../admin/Operations.ts"
import * as LiveViewer from "../../viewer/LiveViewer.ts"
import * as ViewerUrl from "../../viewer/ViewerUrl.ts"
import type * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import * as Terms from "../Terms.ts"
import * as LivePort from "./LivePort.ts"
import * as Operator from "./Operator.ts"

interface Listed extends Omit<LiveViewer.Session, "id"> {
  readonly url: string
}

/** A session of several tracing domains has several entries; people think of it as one. */
const merge = (viewer: LiveViewer.LiveViewer, sessions: ReadonlyArray<LiveViewer.Session>): ReadonlyArray<Listed> => {
  const byUrl = new Map<string, Listed>()
  for (const { id: _id, ...session } of sessions) {
    const url = ViewerUrl.format(viewer.address, session)
    const known = byUrl.get(url)
    byUrl.set(url, {
      url,
      ...session,
      streamCount: session.streamCount + (known?.streamCount ?? 0),
      clientCount: Math.max(session.clientCount, known?.clientCount ?? 0)
    })
  }
  return [...byUrl.values()].sort((a, b) => (a.url < b.url ? -1 : 1))
}

const timerOf = (micros: number): string => (micros === 0 ? "not live" : `timer ${micros} µs`)

/** Viewers are told how many streams there are, but not which are metadata's. */
const describe = ({ clientCount, liveTimerMicros, streamCount, traceFormat, url }: Listed): string => {
  const counts = `${Output.plural(streamCount, "stream")} with metadata, ${Output.plural(clientCount, "client")}`
  const note = /^\w+:\/\/\[/.test(url) ? "; babeltrace2 opens no IPv6 addresses" : ""
  return `${url} (${timerOf(liveTimerMicros)}, ${counts}, ${traceFormat}${note})`
}

const config = {
  url: Argument.String("url").pipe(
    Argument.withDescription(
      "net:// or tls://HOST[:PORT], the relay's live port (5344); or its --http-port, which tells of edges too"
    )
  ),
  ...Operator.access,
  json: Output.jsonFlag
}

type Input = Flags.Given<typeof config>

/** Prints the lines. If there are none, people are told so on standard error, and a script gets no line. */
const printAll = (lines: ReadonlyArray<string>, of = "") =>
  lines.length === 0 ? Output.tell(`no session${of} streams to this relay`) : Effect.forEach(lines, Output.print)

/** Whether the URL is of the operator's port, which knows more than viewers do. */
const isOperators = (url: string) => /^(https?|tcp[46]?|unix):/.test(url)

const lagOf = ({ lagMillis, lagRecordCount }: Pick<PassedSession, "lagMillis" | "lagRecordCount">): string =>
  lagRecordCount > 0 || lagMillis > 0 ? `${Math.round(lagMillis / 1000)} s behind` : "up to date"

const wordsOfEdge = (edge: NonNullable<SessionSummary["edge"]>, atMillis: number): string => {
  const { name, spool, suspendedAtMillis } = edge
  const since = suspendedAtMillis === undefined ? 0 : Math.round((atMillis - suspendedAtMillis) / 1000)
  const state = suspendedAtMillis === undefined ? "connected" : `gone for ${Math.max(0, since)} s: suspended`
  if (spool === undefined) return `edge ${name} ${state}`
  return `edge ${name} ${state}, ${lagOf(spool)}, spool ${Output.bytes(spool.byteCount)}`
}

/** `url`: by which it is watched. `atMillis`: when the relay said it, by its clock, which need not be ours. */
export const describeSummary = (session: SessionSummary & { readonly url?: string }, atMillis: number): string => {
  const { edge, hostname, id, liveTimerMicros, name, streamCount, url, viewerCount } = session
  const counts = `${Output.plural(streamCount, "stream")}, ${Output.plural(viewerCount, "viewer")}`
  const comesBy = edge === undefined ? "" : `, ${wordsOfEdge(edge, atMillis)}`
  return `${id} ${url ?? `${hostname}/${name}`} (${timerOf(liveTimerMicros)}, ${counts}${comesBy})`
}

const describePassed = (session: PassedSession): string => {
  const { byteCount, edge, hostname, name, waitsFor } = session
  const state = edge.isConnected ? "connected" : "gone"
  const waits = waitsFor === undefined ? "" : `, waits ${waitsFor}`
  const spooled = `${lagOf(session)}, spool ${Output.bytes(byteCount)}`
  return `${hostname}/${name} (passes: edge ${edge.name} ${state}, ${spooled}${waits})`
}

const runOperators = (input: Input) =>
  Operator.withClient(input, ({ daemon, relay }) =>
    Effect.gen(function* () {
      const { atMillis, passing = [], sessions } = yield* relay.overview({ query: {} })
      // Not everybody may ask for it, and a relay in a program has none.
      const address = LivePort.addressOf(Option.getOrUndefined(yield* Effect.option(daemon.configuration())), input.url)
      const urlOf = ({ hostname, name }: SessionSummary) =>
        address === undefined ? {} : { url: ViewerUrl.format(address, { hostname, sessionName: name }) }
      const shown = sessions.map((session) => ({ ...session, ...urlOf(session) }))
      const passed = passing.map((session) => ({ ...session, passes: true }))
      if (input.json) return yield* Output.printJson([...shown, ...passed])
      yield* printAll([...shown.map((each) => describeSummary(each, atMillis)), ...passing.map(describePassed)])
    })
  )

const run = Effect.fnUntraced(function* (input: Input) {
  if (isOperators(input.url)) return yield* runOperators(input)
  const tls = yield* Terms.identityOf(input)
  if (Option.isSome(input.tokenFile)) {
    return yield* Effect.fail(new Misused(`${input.url}: --token-file is for the relay's --http-port`))
  }
  const { session, viewer } = yield* LiveViewer.fromUrl(input.url, tls)
  const all = merge(viewer, yield* viewer.sessions)
  const shown = all.filter(
    ({ hostname, sessionName }) =>
      session === undefined || (session.hostname === hostname && session.sessionName === sessionName)
  )
  if (input.json) return yield* Output.printJson(shown)
  yield* printAll(shown.map(describe), session && ` ${session.sessionName} of ${session.hostname}`)
})

export const command = Command.make("sessions", config, (input) => Output.reported(Effect.scoped(run(input)))).pipe(
  Command.withDescription("List the sessions a relay is receiving, with the URL to watch each"),
  Command.withExamples([
    { command: "lttng-relay sessions net://relay.example.org", description: "Everything that relay receives" },
    { command: "lttng-relay sessions http://localhost:5345", description: "The same with the edges they come by" },
    { command: "lttng-relay sessions --json net://localhost | jq -r '.[].url'", description: "URLs for a script" }
  ])
)
