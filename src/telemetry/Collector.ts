/**
 * The way to an OpenTelemetry collector: it may refuse, hang, or answer without end, and costs no more than a
 * connection for a bounded time. That it takes nothing is said once, and again after it took something.
 */
import { Effect, Layer, References, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Report from "../errors/Report.ts"
import * as SystemError from "../errors/SystemError.ts"

const answerBytesMax = 64 * 1024

/** Users, paths and queries may be secrets. */
const placeOf = (url: string): string => URL.parse(url)?.origin ?? ""

/** What the exporter may log of a request. */
const bareOf = ({ url }: HttpClientRequest.HttpClientRequest) => HttpClientRequest.post(placeOf(url))

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A user in the URL goes into a header: fetch takes none. */
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

/** What it says beside its status is of no use; more of it than there can be is not waited for. */
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

/** `answerMillisMax`: of a request, its answer included. */
export const layer = (answerMillisMax: number): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) => {
      let isRefusing = false
      const refuses = (reason: string) =>
        Effect.suspend(() => {
          if (isRefusing) return Effect.void
          isRefusing = true
          // Not with what the exporter says of itself.
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

/** The innermost that has a code: fetch says only that it failed, or repeats all of the URL. */
const reasonOf = ({ reason }: HttpClientError.HttpClientError): string => {
  let cause: unknown = "cause" in reason ? reason.cause : undefined
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  const description = "description" in reason ? reason.description : undefined
  return cause instanceof Error && "code" in cause ? SystemError.reasonOf(cause) : (description ?? "it cannot be asked")
}
