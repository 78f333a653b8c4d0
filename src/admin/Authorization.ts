/**
 * Who may ask. Readings need the token unless the port is one that only this machine reaches; what changes something
 * needs it everywhere. Without a token nothing can be changed. A client certificate does what the token does, where the
 * rules for access say so, for the sessions that they show it.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { IncomingMessage } from "node:http"
import { Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Visitor } from "../Relay.ts"
import * as AdminApi from "./AdminApi.ts"
import { everything, type Sight, sightOf, Visibility } from "./Visibility.ts"

export interface Policy {
  /** Undefined: there is none. */
  readonly token: string | undefined
  /** A unix socket or a loopback address. */
  readonly isLocal: boolean
  /** The live port shows events to some only, so this one shows them to none without the token. */
  readonly hidesEvents: boolean
}

/** How a connection came, if it is one of those that were let in by the relay's doors. */
export type VisitorOf = (socket: object) => Visitor | undefined

export interface Options {
  readonly policy: Policy
  readonly visitorOf: VisitorOf
}

/** What is asked. */
export interface Question {
  readonly method: string
  /** As the contract has it, whatever was written to come there; of what is beside the API there is none. */
  readonly path: string
  /** The bearer token that was given. */
  readonly given: string
  /** What a browser says of the page that asks. */
  readonly site: string | undefined
}

/** Of equal length whatever was sent, so that the comparison takes the same time. */
const digest = (text: string) => createHash("sha256").update(text).digest()

/** Nothing that is given would be the same as a token that is empty. */
const isToken = (token: string | undefined, given: string): boolean =>
  token !== undefined && token !== "" && timingSafeEqual(digest(given), digest(token))

/** Methods that only read. */
const readings: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/** What traces say, not what the relay does. */
const isContent = (path: string): boolean => path.startsWith("/api/v1/sessions/:id/events")

/** What is of single sessions. The rest is of all of them: the log, metrics, what the process does. */
const ofSessions = /^\/api\/v1\/(sessions|overview|counters|connections|events)(\/|$)/

/** A browser shows its certificate for whatever page makes it ask; only our own page may make it do something. */
const isAskedByOthers = ({ method, site }: Question): boolean =>
  !readings.has(method) && site !== undefined && site !== "same-origin" && site !== "none"

/** Undefined: nothing is answered. */
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

/** Undefined: it came to the port itself. */
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

/** For routes beside the API. */
export const guard = ({ policy, visitorOf }: Options) =>
  HttpRouter.middleware((answer) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const given = /^Bearer (.*)$/i.exec(request.headers.authorization ?? "")?.[1] ?? ""
      if (viewpointOf(policy, question(request, "", given), visitorAt(visitorOf, request)) !== undefined) return answer
      return Effect.succeed(HttpServerResponse.empty({ status: 401 }))
    })
  )
