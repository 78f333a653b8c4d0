/** Answers of the operator's API, from the relay's status. */
import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { clockMillis, wallMillis } from "../Machine.ts"
import { Relay } from "../Relay.ts"
import type { ConnectionStatus, SessionStatus } from "../relay/Status.ts"
import * as History from "../telemetry/History.ts"
import { Telemetry } from "../telemetry/Telemetry.ts"
import {
  AdminApi,
  ConnectionUnknown,
  type SessionSort,
  type SessionSummary,
  SessionUnknown,
  SessionUnwatchable
} from "./AdminApi.ts"
import * as EventFeed from "./EventFeed.ts"
import * as LiveFeed from "./LiveFeed.ts"
import { Operations } from "./Operations.ts"
import * as Visibility from "./Visibility.ts"

interface Page {
  readonly limit?: number | undefined
  readonly offset?: number | undefined
}

const limitDefault = 100

const page = <A>(all: ReadonlyArray<A>, { limit = limitDefault, offset = 0 }: Page) => ({
  total: all.length,
  items: all.slice(offset, offset + limit)
})

const keys = {
  id: ({ id }: SessionStatus) => id,
  name: ({ name }: SessionStatus) => name,
  hostname: ({ hostname }: SessionStatus) => hostname,
  creationTime: ({ creationTimeSeconds }: SessionStatus) => creationTimeSeconds
}

const sorted = (sessions: ReadonlyArray<SessionStatus>, by: typeof SessionSort.Type): ReadonlyArray<SessionStatus> => {
  const direction = by.startsWith("-") ? -1 : 1
  const keyOf = keys[by.replace(/^-/, "") as keyof typeof keys]
  return sessions.toSorted((a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)]
    if (left === right) return a.id - b.id
    return left < right ? -direction : direction
  })
}

const summary = (
  session: SessionStatus,
  nowMillis: number,
  rates: ReadonlyArray<number> | undefined
): SessionSummary => {
  const { id, name, hostname, liveTimerMicros, isSnapshot, creationTimeSeconds, viewerCount, stallCount } = session
  const streams = session.streams.filter(({ isMetadata }) => !isMetadata)
  const most = (values: ReadonlyArray<number>) => values.reduce((largest, value) => Math.max(largest, value), 0)
  return {
    ...{ id, name, hostname, liveTimerMicros, isSnapshot, creationTimeSeconds, viewerCount, stallCount },
    streamCount: streams.length,
    ...History.totalsOf(session),
    silenceMillis: most(streams.map(({ heardAtMillis }) => nowMillis - heardAtMillis)),
    lagSeconds: most(session.viewers.map(({ lagNanos }) => lagNanos / 1e9)),
    lagPacketCount: most(session.viewers.map(({ lagPacketCount }) => lagPacketCount)),
    ...(session.edge !== undefined && { edge: session.edge }),
    ...(rates !== undefined && { byteRates: rates })
  }
}

const overview = (isWithRates: boolean) =>
  Effect.gen(function* () {
    const service = yield* Relay
    const passing = Option.getOrUndefined(yield* Effect.serviceOption(Operations))?.passing
    const history = yield* History.History
    const viewpoint = yield* Visibility.Visibility
    const [atMillis, upMillis] = [wallMillis(), clockMillis()]
    const all = Visibility.sessions(viewpoint, yield* service.sessions)
    const connections: Record<string, number> = { control: 0, data: 0, live: 0 }
    for (const { port } of Visibility.connections(viewpoint, yield* service.connections, all)) {
      connections[port] = (connections[port] ?? 0) + 1
    }
    return {
      atMillis,
      upMillis,
      sessions: all.map((session) =>
        summary(session, atMillis, isWithRates ? history.of(session.id)?.bytes : undefined)
      ),
      ...(passing !== undefined && { passing: yield* passing }),
      counters: Visibility.counters(viewpoint, yield* service.counters, all),
      drain: Visibility.drain(viewpoint, yield* service.drain.status, all),
      connections
    }
  })

export const sessions = HttpApiBuilder.group(
  AdminApi,
  "sessions",
  Effect.fnUntraced(function* (handlers) {
    const relay = yield* Relay
    const history = yield* History.History
    const watch = yield* LiveFeed.make
    const shown = Effect.gen(function* () {
      return Visibility.sessions(yield* Visibility.Visibility, yield* relay.sessions)
    })
    const find = (id: number) =>
      Effect.flatMap(shown, (all) => {
        const found = all.find((session) => session.id === id)
        return found === undefined ? Effect.fail(new SessionUnknown({ id })) : Effect.succeed(found)
      })
    const watching =
      (form: LiveFeed.Form) =>
      ({ params, query }: { readonly params: { readonly id: number }; readonly query: LiveFeed.Selection }) =>
        Effect.gen(function* () {
          const { hostname, liveTimerMicros, name: sessionName } = yield* find(params.id)
          if (liveTimerMicros === 0) return yield* new SessionUnwatchable({ reason: "it is not a live session" })
          const { mayView } = yield* Visibility.Visibility
          return yield* watch({ hostname, sessionName, ...query }, form, () => mayView({ hostname, sessionName }))
        })
    return handlers.handleAll({
      list: ({ query }) =>
        Effect.map(shown, (all) => {
          const { hostname, sort = "id" } = query
          const wanted = hostname === undefined ? all : all.filter((session) => session.hostname === hostname)
          return page(sorted(wanted, sort), query)
        }),
      get: ({ params }) => find(params.id),
      events: watching("ndjson"),
      eventsSse: watching("sse"),
      end: ({ params: { id } }) =>
        Effect.gen(function* () {
          yield* find(id)
          if (!(yield* relay.endSession(id))) return yield* new SessionUnknown({ id })
        }),
      history: ({ params }) =>
        Effect.map(find(params.id), ({ id }) => {
          const { bytes, eventsDiscarded, lagSeconds } = history.of(id) ?? {
            bytes: [],
            eventsDiscarded: [],
            lagSeconds: []
          }
          return { intervalSeconds: History.intervalSeconds, bytes, eventsDiscarded, lagSeconds }
        })
    })
  })
)

export const relay = HttpApiBuilder.group(
  AdminApi,
  "relay",
  Effect.fnUntraced(function* (handlers) {
    const service = yield* Relay
    const telemetry = yield* Telemetry
    const feed = yield* EventFeed.make
    const shown = (connections: Effect.Effect<ReadonlyArray<ConnectionStatus>>) =>
      Effect.gen(function* () {
        const viewpoint = yield* Visibility.Visibility
        const sessions = Visibility.sessions(viewpoint, yield* service.sessions)
        return Visibility.connections(viewpoint, yield* connections, sessions)
      })
    return handlers.handleAll({
      connections: ({ query }) =>
        query.state === "closed"
          ? Effect.map(shown(service.closedConnections), (all) => page(all.toReversed(), query))
          : Effect.map(shown(service.connections), (all) => page(all, query)),
      endConnection: ({ params: { id } }) =>
        Effect.gen(function* () {
          const isShown = (yield* shown(service.connections)).some((connection) => connection.id === id)
          if (!isShown || !(yield* service.endConnection(id))) return yield* new ConnectionUnknown({ id })
        }),
      draining: () => service.drain.status,
      drain: ({ payload: { deadlineSeconds } }) =>
        // This cannot fail: the request's schema is stricter.
        Effect.andThen(
          Effect.orDie(service.drain.begin(deadlineSeconds === undefined ? undefined : deadlineSeconds * 1000)),
          service.drain.status
        ),
      takeBackDrain: () => Effect.andThen(service.drain.takeBack, service.drain.status),
      events: () =>
        Effect.gen(function* () {
          const sight = yield* Visibility.Visibility
          return yield* feed(Visibility.events(sight, yield* service.sessions), () => sight.mayAsk)
        }),
      overview: ({ query }) => overview(query.rates === "true"),
      counters: () =>
        Effect.gen(function* () {
          const viewpoint = yield* Visibility.Visibility
          const sessions = Visibility.sessions(viewpoint, yield* service.sessions)
          return Visibility.counters(viewpoint, yield* service.counters, sessions)
        }),
      activity: () => service.activity,
      devices: ({ query }) => Effect.map(telemetry.devices, (all) => page(all, query)),
      process: () => telemetry.process
    })
  })
)

export const daemon = HttpApiBuilder.group(
  AdminApi,
  "daemon",
  Effect.fnUntraced(function* (handlers) {
    const { configuration, lastLines, reload, setVerbosity, verbosity } = yield* Operations
    const logLevel = Effect.map(verbosity, (now) => ({ verbosity: now }))
    return handlers.handleAll({
      reload: () => reload,
      logLevel: () => logLevel,
      setLogLevel: ({ payload }) => Effect.andThen(setVerbosity(payload.verbosity), logLevel),
      configuration: () => configuration,
      log: () => Effect.map(lastLines, (lines) => ({ lines }))
    })
  })
)
