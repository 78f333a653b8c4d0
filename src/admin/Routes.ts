/** The routes beside the API: health for a supervisor, metrics for a collector. */
import { Effect, Layer, Stream } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Relay } from "../Relay.ts"
import * as Exposition from "../telemetry/Exposition.ts"
import * as Scrapes from "../telemetry/Scrapes.ts"
import { Telemetry } from "../telemetry/Telemetry.ts"
import * as Authorization from "./Authorization.ts"
import * as Origin from "./Origin.ts"
import { type Check, readiness } from "./Readiness.ts"

/** Always answers: that there is an answer shows that the loop turns. */
export const livez = HttpRouter.add("GET", "/livez", HttpServerResponse.text("ok\n"))

export const readyz = (moreChecks: () => ReadonlyArray<Check> = () => []) =>
  HttpRouter.add(
    "GET",
    "/readyz",
    Effect.gen(function* () {
      const { state } = yield* Telemetry
      const { drain } = yield* Relay
      const answer = readiness({ ...(yield* state), ...(yield* drain.status) }, moreChecks())
      return yield* HttpServerResponse.json(answer, { status: answer.isReady ? 200 : 503 })
    }).pipe(Effect.orDie)
  )

const exposition = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const textIn = yield* Scrapes.make(yield* Telemetry)
    const answer = ({ headers }: HttpServerRequest.HttpServerRequest) => {
      const form = Exposition.formOf(headers.accept)
      return Effect.map(textIn(form), ({ byteCount, parts }) =>
        HttpServerResponse.stream(Stream.fromIterable(parts, { chunkSize: 1 }), {
          contentType: Exposition.contentTypes[form],
          contentLength: byteCount
        })
      )
    }
    yield* router.add("GET", "/metrics", answer)
  })
)

export const metrics = (options: Authorization.Options) =>
  exposition.pipe(Layer.provide(Authorization.guard(options).layer))

/** The status for a request by a wrong name: "Misdirected Request". */
const misdirected = 421

/** `answer`, unless there is a reason to refuse. */
export const unless = <E, R>(
  refusal: string | undefined,
  answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R> =>
  refusal === undefined ? answer : Effect.succeed(HttpServerResponse.text(refusal, { status: misdirected }))

/** Refuses requests that a browser sends for somebody else's page. */
export const meant = (names: Origin.Names): Layer.Layer<never> =>
  HttpRouter.middleware((answer) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => unless(Origin.refusal(names, headers), answer))
  ).layer
