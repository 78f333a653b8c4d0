/**
 * Who may ask. Readings need the token unless the port is one that only this machine reaches; what changes something
 * needs it everywhere. Without a token nothing can be changed.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as AdminApi from "./AdminApi.ts"

export interface Policy {
  /** Undefined: there is none. */
  readonly token: string | undefined
  /** A unix socket or a loopback address. */
  readonly isLocal: boolean
  /** The live port shows events to some only, so this one shows them to none without the token. */
  readonly hidesEvents: boolean
}

/** Of equal length whatever was sent, so that the comparison takes the same time. */
const digest = (text: string) => createHash("sha256").update(text).digest()

const isToken = (token: string | undefined, given: string): boolean =>
  token !== undefined && timingSafeEqual(digest(given), digest(token))

/** Methods that only read. */
const readings: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/** What traces say, not what the relay does. */
const isContent = (url: string): boolean => /^\/api\/v1\/sessions\/[^/]*\/events/.test(url)

/** `request`: its method, its path. */
export const isAllowed = (
  { hidesEvents, isLocal, token }: Policy,
  { method, url }: { readonly method: string; readonly url: string },
  given: string
): boolean => (isLocal && readings.has(method) && !(hidesEvents && isContent(url))) || isToken(token, given)

export const layer = (policy: Policy): Layer.Layer<AdminApi.Authorization> =>
  Layer.succeed(
    AdminApi.Authorization,
    AdminApi.Authorization.of({
      bearer: (answer, { credential }) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          if (!isAllowed(policy, request, Redacted.value(credential))) return yield* new AdminApi.Unauthorized()
          return yield* answer
        })
    })
  )

/** For routes beside the API. */
export const guard = (policy: Policy) =>
  HttpRouter.middleware((answer) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const given = /^Bearer (.*)$/i.exec(request.headers.authorization ?? "")?.[1] ?? ""
      if (isAllowed(policy, request, given)) return answer
      return Effect.succeed(HttpServerResponse.empty({ status: 401, headers: { "www-authenticate": "Bearer" } }))
    })
  )
