/** Answers requests that reach no handler: for an unknown path, a method that a path has not, a misspelt request. */
import { Effect, Layer, type Schema, SchemaIssue } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { type HttpApiEndpoint, HttpApiError } from "effect/http-api"
import { AdminApi, RequestRefused, Understanding } from "./AdminApi.ts"

interface Place {
  readonly isAt: (path: string) => boolean
  readonly method: string
}

/** Paths beside the API. */
const own = ["/", "/page.js", "/page.css", "/livez", "/readyz", "/metrics", "/openapi.json"]

const bare = (path: string): string => path.replace(/\?.*$/s, "").replace(/(?<=.)\/$/, "")

const placeOf = (path: string, method: string): Place => {
  const pattern = new RegExp(`^${bare(path).replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`)
  return { isAt: (asked) => pattern.test(asked), method }
}

const places: ReadonlyArray<Place> = [
  ...own.map((path) => placeOf(path, "GET")),
  ...Object.values(AdminApi.groups).flatMap(({ endpoints }) =>
    Object.values(endpoints).map(({ method, path }) => placeOf(path, method))
  )
]

/** The methods that a path has. */
const methodsAt = (url: string): ReadonlyArray<string> => {
  const path = bare(url)
  const methods = new Set(places.filter(({ isAt }) => isAt(path)).map(({ method }) => method))
  return methods.has("GET") ? ["HEAD", ...methods] : [...methods]
}

const nothing = HttpServerResponse.text("There is nothing here; /openapi.json says what there is.\n", { status: 404 })

const answer = ({ method, url }: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse => {
  const methods = methodsAt(url)
  // If the path has the method, its length is what is wrong: the router takes none that are so long.
  if (methods.length === 0 || methods.includes(method)) return nothing
  const headers = { allow: ["OPTIONS", ...methods].join(", ") }
  if (method === "OPTIONS") return HttpServerResponse.empty({ status: 204, headers })
  return HttpServerResponse.text(`Not by ${method}.\n`, { status: 405, headers })
}

export const route: Layer.Layer<never, never, HttpRouter.HttpRouter> = HttpRouter.add(
  "*",
  "/*",
  Effect.map(HttpServerRequest.HttpServerRequest, answer)
)

const badRequest = 400

const isNowhere = (error: unknown): boolean =>
  HttpServerError.isHttpServerError(error) && error.reason._tag === "RouteNotFound"

/**
 * Makes an answer of what the HTTP library refuses without a word: it fails if a path cannot be read, and dies for all
 * else that it refuses.
 */
export const contained = <E, R>(answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  answer.pipe(
    Effect.catchIf(isNowhere, () => Effect.succeed(nothing)),
    Effect.catchDefect((defect) =>
      HttpServerRespondable.isRespondable(defect)
        ? Effect.map(Effect.orDie(HttpServerRespondable.toResponse(defect)), explained)
        : Effect.die(defect)
    )
  )

const explained = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  response.status === badRequest && response.body._tag === "Empty"
    ? HttpServerResponse.text("The request has no body, or one that cannot be read.\n", { status: badRequest })
    : response

const reasonLengthMax = 500

/** Refuses parameters or a body at an endpoint that has none: it would do something else than was asked. */
const surplus = ({ payload, query }: HttpApiEndpoint.Top) =>
  Effect.gen(function* () {
    const [name] = query === undefined ? Object.keys(yield* HttpServerRequest.ParsedSearchParams) : []
    if (name !== undefined) {
      const reason = `Unexpected key\n  at [${JSON.stringify(name)}]`.slice(0, reasonLengthMax)
      return yield* new RequestRefused({ part: "query", reason })
    }
    const { headers, method, text } = yield* HttpServerRequest.HttpServerRequest
    const hasBody = (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined
    if (payload.size > 0 || method === "GET" || !hasBody) return
    if (!/^\s*(\{\s*\})?\s*$/.test(yield* Effect.orDie(text))) {
      return yield* new RequestRefused({ part: "payload", reason: "Expected no body" })
    }
  })

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** The parameter that is several and may be one only: its schema says of several texts that they are none. */
const severalOf = (
  { issue }: Schema.SchemaError,
  params: Readonly<Record<string, string | ReadonlyArray<string>>>
): string | undefined =>
  issuesOf(issue)
    .issues.filter(({ path }) => path?.length === 1)
    .map(({ path }) => String(path?.[0]))
    .find((name) => Array.isArray(params[name]))

const refused = ({ kind, cause }: HttpApiError.HttpApiSchemaError) =>
  Effect.gen(function* () {
    const several = kind === "Query" ? severalOf(cause, yield* HttpServerRequest.ParsedSearchParams) : undefined
    const reason = several === undefined ? cause.message : `Given more than once\n  at [${JSON.stringify(several)}]`
    return yield* new RequestRefused({ part: kind.toLowerCase(), reason: reason.slice(0, reasonLengthMax) })
  })

/** What is ours to answer rightly is not the client's fault. */
const isOurs = ({ kind }: HttpApiError.HttpApiSchemaError): boolean => kind === "Body" || kind === "ResponseHeaders"

export const understanding: Layer.Layer<Understanding> = Layer.succeed(Understanding, (answer, { endpoint }) =>
  Effect.catch(Effect.andThen(surplus(endpoint), answer), (error) =>
    !HttpApiError.HttpApiSchemaError.is(error) ? Effect.fail(error) : isOurs(error) ? Effect.die(error) : refused(error)
  )
)
