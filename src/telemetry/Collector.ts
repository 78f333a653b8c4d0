/**
 * The way to an OpenTelemetry collector: it may refuse, hang, or answer without end, and costs no more than a
 * connection for a bounded time. That it takes nothing is said once, and again after it took something.
 */
import { Effect, Layer, References, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError, type HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Report from "../errors/Report.ts"

const answerBytesMax = 64 * 1024

/** Users, paths and queries may be secrets. */
const placeOf = (url: string): string => URL.parse(url)?.origin ?? ""

const late = (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request, description: "no answer in time" })
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
    return HttpClientResponse.fromWeb(request, new Response(null, { status, headers }))
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
      return HttpClient.transform(client, (answer, request) =>
        Effect.flatMap(answer, emptied).pipe(
          Effect.timeoutOrElse({ duration: answerMillisMax, orElse: () => Effect.fail(late(request)) }),
          Effect.tap(({ status }) =>
            status < 300 ? takes : refuses(`${placeOf(request.url)} answers with ${status}`)
          ),
          Effect.tapError((error) => refuses(`${placeOf(request.url)}: ${reasonOf(error)}`))
        )
      )
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))

/** The innermost that has a code: fetch says only that it failed, or repeats all of the URL. */
const reasonOf = ({ reason }: HttpClientError.HttpClientError): string => {
  let cause: unknown = "cause" in reason ? reason.cause : undefined
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  const description = "description" in reason ? reason.description : undefined
  return cause instanceof Error && "code" in cause ? cause.message : (description ?? "it cannot be asked")
}
