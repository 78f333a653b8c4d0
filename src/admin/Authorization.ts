/**
 * Who may ask what. Reading needs the token unless only this machine reaches the port; changing something needs it
 * everywhere, so without a token nothing can be changed. If the access rules say so, a client certificate does what the
 * token does, for the sessions that the rules let its owner view.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { IncomingMessage } from "node:http"
import { Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Visitor } from "../Relay.ts"
import * as AdminApi from "./AdminApi.ts"
import { everything, type Sight, sightOf, Visibility } from "./Visibility.ts"

export interface Policy {
  /** The bearer token; undefined: there is none. */
  readonly token: string | undefined
  /** The port is a unix socket or on a loopback address. */
  readonly isLocal: boolean
  /** True: the live port shows events to some peers only, so this port shows them to nobody without the token. */
  readonly hidesEvents: boolean
}

/** How a connection came, if the relay's doors let it in. */
export type VisitorOf = (socket: object) => Visitor | undefined

export interface Options {
  readonly policy: Policy
  readonly visitorOf: VisitorOf
}

/** What counts of a request for whether its sender may ask it. */
export interface Question {
  readonly method: string
  /** The endpoint's path as the contract has it, with `:id`; empty for routes beside the API. */
  readonly path: string
  /** The bearer token that was given. */
  readonly given: string
  /** What a browser says of the page that asks: the header `Sec-Fetch-Site`. */
  readonly site: string | undefined
}

/** A digest, so that whatever was sent has the same length and the comparison takes the same time. */
const digest = (text: string) => createHash("sha256").update(text).digest()

/** Whether the token was given. An empty token is none: giving nothing would equal it. */
const isToken = (token: string | undefined, given: string): boolean =>
  token !== undefined && token !== "" && timingSafeEqual(digest(given), digest(token))

/** Methods that only read. */
const readings: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/** Whether an endpoint shows what is in traces, not what the relay does. */
const isContent = (path: string): boolean => path.startsWith("/api/v1/sessions/:id/events")

/** Endpoints about single sessions. All others tell of all sessions: the log, metrics, what the process does. */
const ofSessions = /^\/api\/v1\/(sessions|overview|counters|connections|events)(\/|$)/

/** Whether a foreign page makes the browser change something: it shows its certificate whatever page makes it ask. */
const isAskedByOthers = ({ method, site }: Question): boolean =>
  !readings.has(method) && site !== undefined && site !== "same-origin" && site !== "none"

/** What the client may see; undefined: it gets no answer. */
const viewpointOf = (
  { hidesEvents, isLocal, token }: Policy,
  question: Question,
  visitor: Pick<Visitor, "isDirect" | "viewpoint"> | undefined
): Sight | undefined => {
  const { given, method, path } = question
  if (isToken(token, given)) return everything
  const certified = sightOf(() => (isAskedByOthers(question) ? undefined : visitor?.viewpoint()))
  if (certified.mayAsk && (certified.mayViewAll || ofSessions.test(path))) return certified
  const isNear = isLocal && visitor?.isDirect !== false
  return isNear && readings.has(method) && !(hidesEvents && isContent(path)) ? everything : undefined
}

const question = (request: HttpServerRequest.HttpServerRequest, path: string, given: string): Question => ({
  method: request.method,
  path,
  given,
  site: request.headers["sec-fetch-site"]
})

/** How the request's connection came; undefined: directly to the port. */
export const visitorAt = (visitorOf: VisitorOf, { source }: HttpServerRequest.HttpServerRequest) =>
  source instanceof IncomingMessage ? visitorOf(source.socket) : undefined

export const layer = ({ policy, visitorOf }: Options): Layer.Layer<AdminApi.Authorization> =>
  Layer.succeed(
    AdminApi.Authorization,
    AdminApi.Authorization.of({
      bearer: (answer, { credential, endpoint }) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const asked = question(request, endpoint.path, Redacted.value(credential))
          const viewpoint = viewpointOf(policy, asked, visitorAt(visitorOf, request))
          if (viewpoint === undefined) return yield* new AdminApi.Unauthorized()
          return yield* Effect.provideService(answer, Visibility, viewpoint)
        })
    })
  )

/** The same for routes beside the API. */
export const guard = ({ policy, visitorOf }: Options) =>
  HttpRouter.middleware((answer) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const given = /^Bearer (.*)$/i.exec(request.headers.authorization ?? "")?.[1] ?? ""
      if (viewpointOf(policy, question(request, "", given), visitorAt(visitorOf, request)) !== undefined) return answer
      return Effect.succeed(HttpServerResponse.empty({ status: 401 }))
    })
  )
