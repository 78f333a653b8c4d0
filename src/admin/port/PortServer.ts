/**
 * An `HttpServer` whose connections are in a thread of their own (`PortThread`): this side gets whole requests, and
 * sends answers as fast as their clients take them.
 */
import { Worker } from "node:worker_threads"
import { Context, Effect, type Fiber, FiberSet, Latch, Layer, Schedule, type Scope, Stream } from "effect"
import {
  type HttpBody,
  HttpEffect,
  type HttpMiddleware,
  HttpServer,
  HttpServerError,
  HttpServerRequest,
  type HttpServerResponse
} from "effect/http"
import { NetAddress } from "effect/net"
import * as Report from "../../errors/Report.ts"
import { clearTimeout, setTimeout } from "../../Machine.ts"
import type { Answered, Start, Told } from "./PortMessages.ts"

type Asked = Extract<Told, { readonly _tag: "Asked" }>
type Listening = Extract<Told, { readonly _tag: "Listening" }>
/** An app; its other requirements are in the context in which it is served. */
type HttpApp = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** Limits of the thread: all its clients together hold a few MiB at most. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 }
const restartInterval = "1 second"
/** How long answers have to end when the port closes. */
const stopMillisMax = 1_000
/** An answer whose length is known and at most this goes in one message. */
const wholeBytesMax = 256 * 1024

const program = new URL(import.meta.url.endsWith(".ts") ? "./PortThread.ts" : "./PortThread.js", import.meta.url)

/** The request for Effect. Without a body, as all reading requests are, it is an imitation: `Request` is not loaded. */
const sourceOf = ({ body, headers, method, target }: Asked): Request => {
  const url = `http://relay${target}`
  if (body !== undefined) return new Request(url, { method, headers: { ...headers }, body })
  const bare = { method, url, headers, body: null, arrayBuffer: async () => new ArrayBuffer(0) }
  return bare as unknown as Request
}

const nothing = new Uint8Array()

const joined = (parts: Iterable<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat([...parts]))

/** A request whose answer is being made or sent. */
class Exchange {
  readonly #id: number
  readonly #send: (answered: Answered) => void
  readonly #taken = Latch.makeUnsafe()
  fiber: Fiber.Fiber<unknown, unknown> | undefined

  constructor(id: number, send: (answered: Answered) => void) {
    this.#id = id
    this.#send = send
  }

  /** The client has taken the parts sent so far. */
  more(): void {
    this.#taken.openUnsafe()
  }

  /** Nobody waits for the rest of the answer. */
  end(): void {
    this.fiber?.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
  }

  /** Sends the answer. A body that fails ends where it fails. */
  answer({ body, headers, status }: HttpServerResponse.HttpServerResponse): Effect.Effect<void> {
    this.#send({ _tag: "Head", id: this.#id, status, headers })
    if (body._tag === "Uint8Array") this.#part(body.body, true)
    else if (body._tag === "Stream") return Effect.interruptible(this.#stream(body))
    else this.#part(nothing, true)
    return Effect.void
  }

  #stream({ contentLength, stream }: HttpBody.Stream): Effect.Effect<void> {
    const isWhole = contentLength !== undefined && contentLength <= wholeBytesMax
    const sent = isWhole
      ? Effect.map(Stream.runCollect(stream), (parts) => this.#part(joined(parts), true))
      : Effect.andThen(
          Stream.runForEach(stream, (bytes) => {
            this.#taken.closeUnsafe()
            this.#part(bytes, false)
            return this.#taken.await
          }),
          Effect.sync(() => this.#part(nothing, true))
        )
    return Effect.catchCause(sent, () => Effect.sync(() => this.#part(nothing, true)))
  }

  #part(bytes: Uint8Array, isLast: boolean): void {
    this.#send({ _tag: "Part", id: this.#id, bytes, isLast })
  }
}

class Port {
  readonly #exchanges = new Map<number, Exchange>()
  readonly #fibers: FiberSet.FiberSet<unknown, unknown>
  #worker: Worker | undefined
  #exited: Promise<void> | undefined
  #run: ((exchange: Exchange, asked: Asked) => Fiber.Fiber<unknown, unknown>) | undefined

  /** `fibers` has those that make answers. */
  constructor(fibers: FiberSet.FiberSet<unknown, unknown>) {
    this.#fibers = fibers
  }

  /** Starts a thread, which is used from when it listens; requests of the one before end. */
  start(start: Start): Effect.Effect<Listening, HttpServerError.ServeError> {
    return Effect.callback((resume) => {
      const refused = (cause: Error) => resume(Effect.fail(new HttpServerError.ServeError({ cause })))
      const worker = new Worker(program, {
        name: "http",
        execArgv: [],
        workerData: start,
        resourceLimits
      })
      worker.once("error", refused)
      worker.once("message", (told: Told) => {
        if (told._tag === "Listening") {
          // At once: whoever waits may have been interrupted, and then closes what is used.
          this.#use(worker)
          resume(Effect.succeed(told))
        } else {
          void worker.terminate()
          const { code, message } = told._tag === "Refused" ? told : { code: undefined, message: told._tag }
          refused(Object.assign(new Error(message), { code }))
        }
      })
      return Effect.promise(() => worker.terminate())
    })
  }

  #use(worker: Worker): void {
    this.#endAll()
    this.#worker = worker
    this.#exited = new Promise((resolve) => worker.once("exit", () => resolve()))
    worker.on("message", (told: Told) => this.#hear(told))
    worker.unref()
  }

  /** Completes when the current thread ends, or has ended. */
  readonly ended: Effect.Effect<void> = Effect.promise(async () => this.#exited)

  serve(app: HttpApp, middleware: HttpMiddleware.HttpMiddleware | undefined, context: Context.Context<never>): void {
    const exchanges = new WeakMap<object, Exchange>()
    const handled = HttpEffect.toHandled(
      app,
      ({ source }, response) => exchanges.get(source)?.answer(response) ?? Effect.void,
      middleware
    )
    this.#run = (exchange, asked) => {
      const source = sourceOf(asked)
      exchanges.set(source, exchange)
      const request = HttpServerRequest.fromWeb(source)
      const fiber = Effect.runForkWith(Context.add(context, HttpServerRequest.HttpServerRequest, request))(handled)
      FiberSet.addUnsafe(this.#fibers, fiber)
      return fiber
    }
  }

  /** Closes the port; answers have a moment to end. The thread may have ended already. */
  async close(): Promise<void> {
    const timer = setTimeout(() => void this.#worker?.terminate(), stopMillisMax)
    this.#send({ _tag: "Close" })
    await this.#exited
    clearTimeout(timer)
    this.#endAll()
  }

  #endAll(): void {
    for (const exchange of this.#exchanges.values()) exchange.end()
    this.#exchanges.clear()
  }

  #send(answered: Answered): void {
    if (answered._tag === "Part" && answered.isLast) this.#exchanges.delete(answered.id)
    this.#worker?.postMessage(answered)
  }

  #hear(told: Told): void {
    if (told._tag === "Asked") this.#ask(told)
    else if (told._tag === "More") this.#exchanges.get(told.id)?.more()
    else if (told._tag === "Gone") {
      this.#exchanges.get(told.id)?.end()
      this.#exchanges.delete(told.id)
    }
  }

  #ask(asked: Asked): void {
    const exchange = new Exchange(asked.id, (answered) => this.#send(answered))
    this.#exchanges.set(asked.id, exchange)
    exchange.fiber = this.#run?.(exchange, asked)
  }
}

const addressOf = ({ address }: Listening): Effect.Effect<NetAddress.SocketAddress, HttpServerError.ServeError> =>
  typeof address === "string"
    ? Effect.succeed(NetAddress.unixPathAddress(address))
    : Effect.fromResult(NetAddress.inetAddressFromIpString(address.address, address.port)).pipe(
        Effect.mapError((cause) => new HttpServerError.ServeError({ cause }))
      )

/** Starts the thread again whenever it ends: nothing is known that ends it, but there shall be a port even so. */
const keptUp = (port: Port, start: Start): Effect.Effect<never> =>
  Effect.forever(
    Effect.gen(function* () {
      yield* port.ended
      yield* Report.report("HTTP_PORT_LOST")
      yield* Effect.sleep(restartInterval)
      yield* Effect.orDie(Effect.retry(port.start(start), Schedule.spaced(restartInterval)))
    })
  )

const make = (start: Start): Effect.Effect<HttpServer.HttpServer["Service"], HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    // Answers that have not ended by then are interrupted behind the port's end, which waits for that.
    const port = new Port(yield* FiberSet.make())
    yield* Effect.addFinalizer(() => Effect.promise(() => port.close()))
    const listening = yield* port.start(start)
    const { address } = listening
    const listen = typeof address === "string" ? start.listen : { ...start.listen, port: address.port }
    yield* Effect.forkScoped(keptUp(port, { ...start, listen }))
    return HttpServer.make({
      address: yield* addressOf(listening),
      serve: (app, middleware) => Effect.map(Effect.context<never>(), (context) => port.serve(app, middleware, context))
    })
  })

export const layer = (start: Start): Layer.Layer<HttpServer.HttpServer, HttpServerError.ServeError> =>
  Layer.effect(HttpServer.HttpServer, make(start))
