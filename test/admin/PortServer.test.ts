/** The thread that has the operator's connections, and fibers that answer: neither is left when the scope closes. */
import type { Worker } from "node:worker_threads"
import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { HttpServer, HttpServerResponse } from "effect/http"
import * as PortServer from "../../src/admin/port/PortServer.ts"
import { until } from "../../src/testing/Waiting.ts"
import { turns } from "../support/turns.ts"
import { halting } from "../support/yielding.ts"

const start = { listen: { host: "127.0.0.1", port: 0 }, connectionCountMax: 8 }
const built = Layer.build(Layer.fresh(PortServer.layer(start)))

/** Threads that run. */
const running = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const workers = new Set<Worker>()
      const onWorker = (worker: Worker) => void workers.add(worker.once("exit", () => workers.delete(worker)))
      process.on("worker", onWorker)
      return { onWorker, workers }
    }),
    ({ onWorker }) => Effect.sync(() => process.off("worker", onWorker))
  ),
  ({ workers }) => workers
)

it.live("no thread is left, at whatever step its start is interrupted", () =>
  Effect.gen(function* () {
    const workers = yield* running
    let hasBeenInterrupted = true
    let step = 1
    for (; hasBeenInterrupted; step += 2) {
      const scope = yield* Scope.make()
      let left = step
      let starting: Fiber.Fiber<unknown, unknown> | undefined
      starting = Effect.runFork(
        halting(
          Scope.provide(built, scope),
          () => --left === 0,
          () => starting?.interruptUnsafe()
        )
      )
      hasBeenInterrupted = Exit.isFailure(yield* Fiber.await(starting))
      left = Number.POSITIVE_INFINITY
      yield* Scope.close(scope, Exit.void)
      yield* until(`no thread after ${step} steps`, () => workers.size === 0)
    }
    assert.isAbove(step, 10)
  })
)

it.live("the port's scope waits for what an answer that it interrupts has to put back", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const begun = yield* Deferred.make<void>()
    let isPutBack = false
    const putBack = Effect.andThen(
      turns(20),
      Effect.sync(() => {
        isPutBack = true
      })
    )
    const answer = Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
      Effect.as(HttpServerResponse.empty()),
      Effect.onInterrupt(() => putBack),
      // As those of a router are.
      Effect.interruptible
    )
    const { address, serve } = Context.get(yield* Scope.provide(built, scope), HttpServer.HttpServer)
    yield* Scope.provide(serve(answer), scope)
    const port = "port" in address ? address.port : 0
    yield* Effect.forkScoped(Effect.ignore(Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/`))))
    yield* Deferred.await(begun)
    yield* Scope.close(scope, Exit.void)
    assert.isTrue(isPutBack)
  })
)
