/** Answers of the operator's API, from the relay's status. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Relay } from "../Relay.ts"
import type { SessionStatus } from "../relay/Status.ts"
import { Telemetry } from "../telemetry/Telemetry.ts"
import { AdminApi, SessionUnknown } from "./AdminApi.ts"

interface Page {
  readonly limit?: number | undefined
  readonly offset?: number | undefined
}

const limitDefault = 100

const page = <A>(all: ReadonlyArray<A>, { limit = limitDefault, offset = 0 }: Page) => ({
  total: all.length,
  items: all.slice(offset, offset + limit)
})

const keys: Readonly<Record<string, (session: SessionStatus) => string | number>> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  hostname: ({ hostname }) => hostname,
  creationTime: ({ creationTimeSeconds }) => creationTimeSeconds
}

const sorted = (sessions: ReadonlyArray<SessionStatus>, by: string): ReadonlyArray<SessionStatus> => {
  const direction = by.startsWith("-") ? -1 : 1
  const keyOf = keys[by.replace(/^-/, "")] ?? (({ id }: SessionStatus) => id)
  return sessions.toSorted((a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)]
    if (left === right) return a.id - b.id
    return left < right ? -direction : direction
  })
}

export const sessions = HttpApiBuilder.group(
  AdminApi,
  "sessions",
  Effect.fnUntraced(function* (handlers) {
    const relay = yield* Relay
    return handlers.handleAll({
      list: ({ query }) =>
        Effect.map(relay.sessions, (all) => {
          const { hostname, sort = "id" } = query
          const shown = hostname === undefined ? all : all.filter((session) => session.hostname === hostname)
          return page(sorted(shown, sort), query)
        }),
      get: ({ params }) =>
        Effect.flatMap(relay.sessions, (all) => {
          const found = all.find(({ id }) => id === params.id)
          return found === undefined ? Effect.fail(new SessionUnknown({ id: params.id })) : Effect.succeed(found)
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
    return handlers.handleAll({
      connections: ({ query }) =>
        query.state === "closed"
          ? Effect.map(service.closedConnections, (all) => page(all.toReversed(), query))
          : Effect.map(service.connections, (all) => page(all, query)),
      counters: () => service.counters,
      activity: () => service.activity,
      build: () => Effect.map(telemetry.process, ({ version, node, startSeconds }) => ({ version, node, startSeconds }))
    })
  })
)
