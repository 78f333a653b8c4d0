/** What a client may be shown: everything with the token, otherwise the sessions that the rules let it view. */
import { Context } from "effect"
import type { RelayEvent } from "../relay/Events.ts"
import type { Viewpoint } from "../relay/party/Viewpoint.ts"
import type { ConnectionStatus, Counters, Drain, SessionStatus } from "../relay/Status.ts"
import * as Totals from "../relay/Totals.ts"

/** A view by the rules in force whenever it is asked: they may change while an answer without an end goes on. */
export interface Sight extends Viewpoint {
  /** True while the client has a right to the port. */
  readonly mayAsk: boolean
}

export class Visibility extends Context.Service<Visibility, Sight>()("lttng-relay/admin/Visibility") {}

export const everything: Sight = { mayView: () => true, mayViewAll: true, mayAsk: true }

/** `now` answers the rights in force; undefined: the client has no right to the port. */
export const sightOf = (now: () => Viewpoint | undefined): Sight => ({
  mayView: (names) => now()?.mayView(names) === true,
  get mayViewAll() {
    return now()?.mayViewAll === true
  },
  get mayAsk() {
    return now() !== undefined
  }
})

const isShown =
  ({ mayView }: Viewpoint) =>
  ({ hostname, name }: Pick<SessionStatus, "hostname" | "name">) =>
    mayView({ hostname, sessionName: name })

/** The session as if nothing else came by its edge. */
const alone = (session: SessionStatus): SessionStatus => {
  const { edge } = session
  if (edge?.spool === undefined) return session
  return { ...session, edge: { ...edge, spool: { ...edge.spool, edgeByteCount: edge.spool.byteCount } } }
}

export const sessions = (viewpoint: Viewpoint, all: ReadonlyArray<SessionStatus>): ReadonlyArray<SessionStatus> =>
  viewpoint.mayViewAll ? all : all.filter(isShown(viewpoint)).map(alone)

/** The connections of the sessions that are shown. */
export const connections = (
  { mayViewAll }: Viewpoint,
  all: ReadonlyArray<ConnectionStatus>,
  shown: ReadonlyArray<SessionStatus>
): ReadonlyArray<ConnectionStatus> => {
  if (mayViewAll) return all
  const ids = new Set<number | undefined>(shown.map(({ id }) => id))
  return all.filter(({ sessionId }) => sessionId !== undefined && ids.has(sessionId))
}

/** The counters as if there were only the sessions that are shown. */
export const counters = ({ mayViewAll }: Viewpoint, all: Counters, shown: ReadonlyArray<SessionStatus>): Counters => {
  if (mayViewAll) return all
  const parts = shown.flatMap(({ closedChannels, streams }) => [...closedChannels, ...streams])
  const { journals: _, ...known } = all
  return {
    ...known,
    sessionCount: shown.length,
    streamCount: shown.reduce((sum, { streams }) => sum + streams.length, 0),
    viewerCount: shown.reduce((sum, { viewerCount }) => sum + viewerCount, 0),
    traceChunkCount: 0,
    memoryBytes: 0,
    halvesBytes: 0,
    openFileCount: 0,
    ...Totals.sumOf(parts)
  }
}

/** The drain's status as if only the sessions that are shown were left. */
export const drain = ({ mayViewAll }: Viewpoint, all: Drain, shown: ReadonlyArray<SessionStatus>): Drain => {
  if (mayViewAll) return all
  const sessionCount = shown.filter(({ edge }) => edge === undefined).length
  return { ...all, sessionCount, edgeSessionCount: shown.length - sessionCount }
}

/** Whether an event, of those from now on, is of a session that is shown; `now` are the sessions that there are. */
export const events = (
  viewpoint: Viewpoint,
  now: ReadonlyArray<SessionStatus>
): ((told: RelayEvent | { readonly _tag: "Heartbeat" }) => boolean) => {
  if (viewpoint === everything) return () => true
  const known = new Map<number, Pick<SessionStatus, "hostname" | "name">>()
  for (const { hostname, id, name } of now) known.set(id, { hostname, name })
  return (told) => {
    if (told._tag === "Heartbeat") return true
    if (!("sessionId" in told)) return viewpoint.mayViewAll
    const { sessionId } = told
    if (told._tag === "SessionCreated") known.set(sessionId, { hostname: told.hostname, name: told.name })
    const session = known.get(sessionId)
    if (told._tag === "SessionClosed") known.delete(sessionId)
    return viewpoint.mayViewAll || (session !== undefined && isShown(viewpoint)(session))
  }
}
