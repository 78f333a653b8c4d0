/**
 * The operator's API as a contract, from which server, typed client, OpenAPI document and tests are made. It does not
 * say how it is served. Paths are below `/api/v1`; lists page by `limit` and `offset`.
 */
import { Schema } from "effect"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  OpenApi
} from "effect/http-api"
import { Reloaded, ReloadRefused } from "../config/Reloaded.ts"
import { RelayEvent } from "../relay/Events.ts"
import { Activity, ConnectionStatus, Counters, Drain, Lost, SessionStatus } from "../relay/Status.ts"
import { Device } from "../telemetry/Device.ts"
import { ProcessFigures } from "../telemetry/Reading.ts"
import { PassedSession, Verbosity } from "./Operations.ts"
import type { Visibility } from "./Visibility.ts"

/** There is no session of this number. */
export class SessionUnknown extends Schema.TaggedError<SessionUnknown>()(
  "SessionUnknown",
  { id: Schema.Int },
  { httpApiStatus: 404 }
) {
  override get message(): string {
    return `there is no session ${this.id}`
  }
}

/** There is no connection of this number. */
export class ConnectionUnknown extends Schema.TaggedError<ConnectionUnknown>()(
  "ConnectionUnknown",
  { id: Schema.Int },
  { httpApiStatus: 404 }
) {
  override get message(): string {
    return `there is no connection ${this.id}`
  }
}

/** The number of clients that may listen to events at once is reached. */
export class TooManyListeners extends Schema.TaggedError<TooManyListeners>()(
  "TooManyListeners",
  {},
  { httpApiStatus: 503 }
) {
  override get message(): string {
    return "as many listen to events as may"
  }
}

/** The filter's expression or pattern is not valid. */
export class FilterRefused extends Schema.TaggedError<FilterRefused>()(
  "FilterRefused",
  { reason: Schema.String },
  { httpApiStatus: 400 }
) {
  override get message(): string {
    return this.reason
  }
}

/** The session is not live, or its events cannot be read. */
export class SessionUnwatchable extends Schema.TaggedError<SessionUnwatchable>()(
  "SessionUnwatchable",
  { reason: Schema.String },
  { httpApiStatus: 409 }
) {
  override get message(): string {
    return `its events cannot be shown: ${this.reason}`
  }
}

/** The request needs the token, and has none or a wrong one. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, { httpApiStatus: 401 }) {
  override get message(): string {
    return "it takes the token, or a certificate that has the right"
  }
}

/**
 * Asks for a bearer token, which is compared in constant time. On loopback and unix sockets only actions need it; a
 * client certificate to which the access rules give the right needs none.
 */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: Visibility }>()(
  "lttng-relay/admin/Authorization",
  {
    requiredForClient: true,
    security: { bearer: HttpApiSecurity.bearer },
    error: Unauthorized
  }
) {}

/** A parameter or a body is not what the contract says; `part` is which. */
export class RequestRefused extends Schema.TaggedError<RequestRefused>()(
  "RequestRefused",
  { part: Schema.String, reason: Schema.String },
  { httpApiStatus: 400 }
) {
  override get message(): string {
    return `${this.part}: ${this.reason}`
  }
}

/** Answers what is wrong with a request that does not fit the contract. */
export class Understanding extends HttpApiMiddleware.Service<Understanding>()("lttng-relay/admin/Understanding", {
  error: RequestRefused
}) {}

const countMax = 1000

/** Which part of a long list is asked for. */
export const Page = {
  limit: Schema.optional(
    Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: countMax }))
  ),
  offset: Schema.optional(Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0)))
}

/** A list: how many items there are in all, and those that were asked for. */
const listOf = <A extends Schema.Top>(item: A) => Schema.Struct({ total: Schema.Int, items: Schema.Array(item) })

/** What sessions are sorted by; with a leading `-` the largest or newest comes first. */
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

/** One session in one row; `byteRates`, bytes per second, the oldest first, only if rates were asked for. */
export const SessionSummary = Schema.Struct({
  id: Schema.Int,
  name: Schema.String,
  hostname: Schema.String,
  /** 0 = not live. */
  liveTimerMicros: Schema.Int,
  isSnapshot: Schema.Boolean,
  creationTimeSeconds: Schema.Int,
  streamCount: Schema.Int,
  viewerCount: Schema.Int,
  stallCount: Schema.Int,
  byteCount: Schema.Int,
  packetCount: Schema.Int,
  eventsDiscarded: Lost,
  packetsLost: Lost,
  /** Time since the last packet or beacon, of the stream where that is longest. */
  silenceMillis: Schema.Finite,
  /** How far the slowest viewer is behind, in time of the trace's clock and in packets; 0 without viewers. */
  lagSeconds: Schema.Finite,
  lagPacketCount: Schema.Int,
  /** The edge by which the session comes; absent: it comes by none. */
  edge: SessionStatus.fields.edge,
  byteRates: Schema.optionalKey(Schema.Array(Schema.Finite))
})
/** One session in one row. */
export interface SessionSummary extends Schema.Schema.Type<typeof SessionSummary> {}

/** The relay in a few numbers. */
export const Overview = Schema.Struct({
  atMillis: Schema.Finite,
  /** ms since the relay began, by a clock that nobody sets: rates are by this one. */
  upMillis: Schema.optionalKey(Schema.Finite),
  sessions: Schema.Array(SessionSummary),
  /** Sessions of other edges that pass through; only an edge has any. */
  passing: Schema.optionalKey(Schema.Array(PassedSession)),
  counters: Counters,
  drain: Drain,
  /** Number of open connections by port: `control`, `data`, `live`. */
  connections: Schema.Record(Schema.String, Schema.Int)
})
/** The relay in a few numbers. */
export interface Overview extends Schema.Schema.Type<typeof Overview> {}

/** One session's rates and lag over the last 15 minutes: a point every `intervalSeconds`, the newest last. */
export const SessionHistory = Schema.Struct({
  intervalSeconds: Schema.Finite,
  bytes: Schema.Array(Schema.Finite),
  eventsDiscarded: Schema.Array(Schema.Finite),
  lagSeconds: Schema.Array(Schema.Finite)
})

/** Sent every few seconds, so that a connection that is gone is noticed. */
export const Heartbeat = Schema.TaggedStruct("Heartbeat", { atMillis: Schema.Finite })

/** Sent last if the client may not listen any more. */
export const End = Schema.TaggedStruct("End", { reason: Schema.String })

/** What `GET /events` sends; 64-bit numbers are strings. */
export const Told = Schema.toCodecJson(Schema.Union([RelayEvent, Heartbeat, End]))
export type Told = typeof Told.Type

/** The body of `POST /drain`. */
export const DrainRequest = Schema.Struct({
  /** After this time sessions that are left are ended. Absent: they are waited for. */
  deadlineSeconds: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })))
})

const sessionId = { params: { id: Schema.NumberFromString.check(Schema.isInt()) }, error: SessionUnknown }

const OneOrMore = Schema.Union([Schema.String, Schema.Array(Schema.String)])

const watched = {
  params: sessionId.params,
  query: { event: Schema.optional(OneOrMore), where: Schema.optional(OneOrMore) },
  error: [SessionUnknown, SessionUnwatchable, FilterRefused, TooManyListeners]
} as const

const sessions = HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { ...Page, sort: Schema.optional(SessionSort), hostname: Schema.optional(Schema.String) },
      success: listOf(SessionStatus)
    }),
    HttpApiEndpoint.get("get", "/:id", { ...sessionId, success: SessionStatus }),
    HttpApiEndpoint.get("history", "/:id/history", { ...sessionId, success: SessionHistory }),
    /** Decoded events from now on, lines of JSON as `lttng-relay follow` prints them; a line `end` says why it ends. */
    HttpApiEndpoint.get("events", "/:id/events", {
      ...watched,
      success: HttpApiSchema.StreamUint8Array({ contentType: "application/x-ndjson" })
    }),
    /** The same as server-sent events, one for each line. */
    HttpApiEndpoint.get("eventsSse", "/:id/events/sse", {
      ...watched,
      success: HttpApiSchema.StreamUint8Array({ contentType: "text/event-stream" })
    }),
    /** Ends the session as a lost connection does; when this answers, its files are complete. */
    HttpApiEndpoint.delete("end", "/:id", { ...sessionId, success: HttpApiSchema.NoContent })
  )
  .prefix("/api/v1/sessions")
  .middleware(Understanding)
  .middleware(Authorization)

const connectionId = { params: sessionId.params, error: ConnectionUnknown }

const relay = HttpApiGroup.make("relay")
  .add(
    HttpApiEndpoint.get("connections", "/connections", {
      query: { ...Page, state: Schema.optional(Schema.Literals(["open", "closed"])) },
      success: listOf(ConnectionStatus)
    }),
    /** Ending a target's connection ends its session, ending a viewer's detaches it. */
    HttpApiEndpoint.delete("endConnection", "/connections/:id", { ...connectionId, success: HttpApiSchema.NoContent }),
    HttpApiEndpoint.get("draining", "/drain", { success: Drain }),
    /** Refuses new sessions from now on. */
    HttpApiEndpoint.post("drain", "/drain", { payload: DrainRequest, success: Drain }),
    /** New sessions are made again. */
    HttpApiEndpoint.delete("takeBackDrain", "/drain", { success: Drain }),
    HttpApiEndpoint.get("events", "/events", {
      success: HttpApiSchema.StreamSse({ data: Told }),
      error: TooManyListeners
    }),
    HttpApiEndpoint.get("overview", "/overview", {
      query: { rates: Schema.optional(Schema.Literals(["true", "false"])) },
      success: Overview
    }),
    HttpApiEndpoint.get("counters", "/counters", { success: Counters }),
    HttpApiEndpoint.get("activity", "/activity", { success: Activity }),
    /** Devices that traces are on, the output's first. */
    HttpApiEndpoint.get("devices", "/devices", { query: Page, success: listOf(Device) }),
    HttpApiEndpoint.get("process", "/process", { success: ProcessFigures })
  )
  .prefix("/api/v1")
  .middleware(Understanding)
  .middleware(Authorization)

/** Endpoints about the process around the relay. */
const daemon = HttpApiGroup.make("daemon")
  .add(
    /** Reads options and their files again; all changes come into force, or none. */
    HttpApiEndpoint.post("reload", "/reload", { success: Reloaded, error: ReloadRefused }),
    HttpApiEndpoint.get("logLevel", "/log-level", { success: Verbosity }),
    HttpApiEndpoint.put("setLogLevel", "/log-level", { payload: Verbosity, success: Verbosity }),
    /** The options in force, without secrets. */
    HttpApiEndpoint.get("configuration", "/configuration", { success: Schema.Json }),
    /** The log's last lines, the newest last. */
    HttpApiEndpoint.get("log", "/log", { success: Schema.Struct({ lines: Schema.Array(Schema.String) }) })
  )
  .prefix("/api/v1")
  .middleware(Understanding)
  .middleware(Authorization)

// Unknown members are refused: a misspelt one would count as absent, and a drain have no deadline.
const named = HttpApi.make("lttng-relay")
  .annotateMerge(OpenApi.annotations({ title: "lttng-relay", version: "1" }))
  .annotate(HttpApi.QueryParseOptions, { onExcessProperty: "error" })
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error" })

/** The contract of the port: every endpoint with its schemas and errors. */
export class AdminApi extends named.add(sessions, relay, daemon) {}

/** The part of the contract that is about a relay, and not about a daemon around it. */
export class RelayApi extends named.add(sessions, relay) {}
