/**
 * The operator's API as a typed client, made from its contract. Over any `HttpClient`: `FetchHttpClient.layer` of
 * `effect/http`, or one of a platform, which also reaches unix sockets.
 */
import { Effect } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { AdminApi, Authorization } from "./AdminApi.ts"

/** The port's address, and the client's token. */
export interface Options {
  /** `http://HOST:PORT`. For a unix socket any host: the `HttpClient` knows the path. */
  readonly url: string
  /** The token in the relay's `--http-token-file`. */
  readonly token?: string | undefined
}

/** One method for each endpoint of `AdminApi`, by group: `client.sessions.list({ query: {} })`. */
export type AdminClient = HttpApiClient.ForApi<typeof AdminApi>

/** Makes a client. This asks nothing yet: if the relay is not there, the first method that is called fails. */
export const make = ({ token, url }: Options): Effect.Effect<AdminClient, never, HttpClient.HttpClient> =>
  HttpApiClient.make(AdminApi, { baseUrl: url }).pipe(
    Effect.provide(
      HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
        next(token === undefined ? request : HttpClientRequest.bearerToken(request, token))
      )
    )
  )
