/**
 * An HTTP client for an OpenTelemetry collector. If the collector refuses, hangs, or answers without end, that costs no
 * more than a connection for a bounded time. A failure is logged once, and again only after a success.
 */
import { Effect, Layer, References, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Report from "../errors/Report.ts"
import * as SystemError from "../errors/SystemError.ts"

const answerBytesMax = 64 * 1024

/** The part of a URL that can be shown: users, paths and queries may be secrets. */
const placeOf = (url: string): string => URL.parse(url)?.origin ?? ""

/** A request without what the exporter must not log. */
const bareOf = ({ url }: HttpClientRequest.HttpClientRequest) => HttpClientRequest.post(placeOf(url))

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The request with the URL's user and password in a header instead: fetch refuses them in URLs. */
const withUser = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
  const url = URL.parse(request.url)
  if (url === null || (url.username === "" && url.password === "")) return request
  const [username = "", password = ""] = [url.username, url.password].map(decoded)
  url.username = ""
  url.password = ""
  const cleaned = HttpClientRequest.setUrl(request, url.href)
  return "authorization" in request.headers ? cleaned : HttpClientRequest.basicAuth(cleaned, username, password)
}

const told = (request: HttpClientRequest.HttpClientRequest, description: string) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request: bareOf(request), description })
  })

/** Reads the answer's body and drops it, since only the status is needed; stops if it is too long. */
const emptied = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.gen(function* () {
    const counted = Stream.mapAccum(
      response.stream,
      () => 0,
      (sum, { length }) => [sum + length, [sum + length]] as const
    )
    yield* Stream.runDrain(Stream.takeUntil(counted, (sum) => sum > answerBytesMax))
    const { headers, request, status } = response
    return HttpClientResponse.fromWeb(bareOf(request), new Response(null, { status, headers }))
  })

/** `answerMillisMax`: time of a request, with its answer. */
export const layer = (answerMillisMax: number): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) => {
      let isRefusing = false
      const refuses = (reason: string) =>
        Effect.suspend(() => {
          if (isRefusing) return Effect.void
          isRefusing = true
          // Without the exporter's own annotations.
          return Effect.provideService(Report.report("EXPORT_FAILED", reason), References.CurrentLogAnnotations, {})
        })
      const takes = Effect.sync(() => {
        isRefusing = false
      })
      return HttpClient.transform(HttpClient.mapRequest(client, withUser), (answer, request) =>
        Effect.flatMap(answer, emptied).pipe(
          Effect.timeoutOrElse({
            duration: answerMillisMax,
            orElse: () => Effect.fail(told(request, "no answer in time"))
          }),
          Effect.tap(({ status }) =>
            status < 300 ? takes : refuses(`${placeOf(request.url)} answers with ${status}`)
          ),
          Effect.tapError((error) => refuses(`${placeOf(request.url)}: ${reasonOf(error)}`)),
          Effect.mapError((error) => told(request, reasonOf(error)))
        )
      )
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))

/** The system's reason, from the innermost cause: fetch itself says only that it failed, or repeats the whole URL. */
const reasonOf = ({ reason }: HttpClientError.HttpClientError): string => {
  let cause: unknown = "cause" in reason ? reason.cause : undefined
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  const description = "description" in reason ? reason.description : undefined
  return cause instanceof Error && "code" in cause ? SystemError.reasonOf(cause) : (description ?? "it cannot be asked")
}
