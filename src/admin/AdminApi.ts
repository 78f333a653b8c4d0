/**
 * The operator's API as a contract: server, typed client, OpenAPI document and tests are made from it. It says nothing
 * of how it is served. Paths are below `/api/v1`; lists page by `limit` and `offset`.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import { Activity, ConnectionStatus, Counters, SessionStatus } from "../relay/Status.ts"

export class SessionUnknown extends Schema.TaggedError<SessionUnknown>()(
  "SessionUnknown",
  { id: Schema.Int },
  { httpApiStatus: 404 }
) {}

/** No token, or a wrong one, where one is needed. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, { httpApiStatus: 401 }) {}

/** A bearer token, compared in constant time. Not asked for on loopback and unix sockets, but for actions. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("lttng-relay/admin/Authorization", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: Unauthorized
}) {}

const countMax = 1000

export const Page = {
  limit: Schema.optional(
    Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: countMax }))
  ),
  offset: Schema.optional(Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0)))
}

/** What there is in all, and the part that was asked for. */
const listOf = <A extends Schema.Top>(item: A) => Schema.Struct({ total: Schema.Int, items: Schema.Array(item) })

export const Build = Schema.Struct({ version: Schema.String, node: Schema.String, startSeconds: Schema.Finite })

/** Sessions by these; the largest or newest first with a leading `-`. */
export const SessionSort = Schema.Literals([
  "id",
  "-id",
  "name",
  "-name",
  "hostname",
  "-hostname",
  "creationTime",
  "-creationTime"
])

const sessions = HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { ...Page, sort: Schema.optional(SessionSort), hostname: Schema.optional(Schema.String) },
      success: listOf(SessionStatus)
    }),
    HttpApiEndpoint.get("get", "/:id", {
      params: { id: Schema.NumberFromString.check(Schema.isInt()) },
      success: SessionStatus,
      error: SessionUnknown
    })
  )
  .prefix("/api/v1/sessions")
  .middleware(Authorization)

const relay = HttpApiGroup.make("relay")
  .add(
    HttpApiEndpoint.get("connections", "/connections", {
      query: { ...Page, state: Schema.optional(Schema.Literals(["open", "closed"])) },
      success: listOf(ConnectionStatus)
    }),
    HttpApiEndpoint.get("counters", "/counters", { success: Counters }),
    HttpApiEndpoint.get("activity", "/activity", { success: Activity }),
    HttpApiEndpoint.get("build", "/build", { success: Build })
  )
  .prefix("/api/v1")
  .middleware(Authorization)

export class AdminApi extends HttpApi.make("lttng-relay")
  .add(sessions, relay)
  .annotateMerge(OpenApi.annotations({ title: "lttng-relay", version: "1" })) {}
