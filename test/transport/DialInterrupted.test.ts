/** Who gives up a connection that is being made, at whatever step, leaves no socket open behind him. */
import * as diagnostics from "node:diagnostics_channel"
import * as net from "node:net"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scheduler, Scope } from "effect"
import * as Dial from "../../src/transport/Dial.ts"
import * as Tunnel from "../../src/transport/Tunnel.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Process from "../support/process.ts"

/** Lets others in once, after so many steps of a fiber: calls `then`. */
class Stepping implements Scheduler.Scheduler {
  readonly executionMode = "async"
  readonly #inner = new Scheduler.MixedScheduler()
  #left: number
  readonly #then: () => void

  constructor(count: number, then: () => void) {
    this.#left = count
    this.#then = then
  }

  shouldYield(): boolean {
    if (--this.#left !== 0) return false
    queueMicrotask(this.#then)
    return true
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.#inner.makeDispatcher()
  }
}

/** Dials until it is done or was interrupted after so many steps. False: it was done before. */
const isInterrupted = (address: Dial.Address, stepCount: number, openCount: () => number) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    let interrupt = () => {}
    const stepping = new Stepping(stepCount, () => interrupt())
    const dialled = Scope.provide(Dial.dial(address), scope).pipe(Effect.provideService(Scheduler.Scheduler, stepping))
    const fiber = Effect.runFork(dialled)
    interrupt = () => fiber.interruptUnsafe()
    const exit = yield* Fiber.await(fiber)
    yield* Scope.close(scope, Exit.void)
    yield* Process.until(`no connection after ${stepCount} steps`, () => openCount() === 0, { seconds: 10 })
    return Exit.isFailure(exit)
  })

it.live.each(["plain", "TLS"])("interrupted at every step: %s", (kind) =>
  Effect.gen(function* () {
    const authority = yield* Certificates.authority
    const own = yield* authority.issue({ name: "relay", use: "serverAuth" })
    const open = new Set<net.Socket>()
    const server = kind === "TLS" ? tls.createServer({ cert: own.cert, key: own.key }) : net.createServer()
    server.on("tlsClientError", () => {})
    server.on("connection", (socket: net.Socket) => {
      open.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => open.delete(socket))
      socket.on("end", () => socket.end())
      if (kind === "plain") socket.resume()
    })
    server.on("secureConnection", (socket: tls.TLSSocket) => {
      socket.on("error", () => {})
      socket.resume()
    })
    const port = yield* listening(server)
    const address = {
      host: "127.0.0.1",
      port,
      ...(kind === "TLS" && { tls: { ca: authority.ca, serverName: "relay" } })
    }
    let count = 1
    while (yield* isInterrupted(address, count, () => open.size)) count++
    assert.isAbove(count, 10)
  })
)

/** A fiber that yields after so many steps, once `isDue`, goes on only when the socket it is about to get is closed. */
const slow = (stepCount: number, isDue: () => boolean, except?: net.Socket): Scheduler.Scheduler => {
  const usual = new Scheduler.MixedScheduler()
  let left = stepCount
  let socket: net.Socket | undefined
  const onSocket = (message: unknown) => {
    const { socket: made } = message as { readonly socket: net.Socket }
    if (made === except) return
    socket = made
    diagnostics.unsubscribe("net.client.socket", onSocket)
  }
  diagnostics.subscribe("net.client.socket", onSocket)
  return {
    executionMode: "async",
    shouldYield: (fiber) => (--left === 0 ? true : usual.shouldYield(fiber)),
    makeDispatcher: () => {
      const dispatcher = usual.makeDispatcher()
      return {
        flush: () => dispatcher.flush(),
        scheduleTask: (task, priority) => {
          if (left > 0 || !isDue() || socket === undefined || socket.closed) dispatcher.scheduleTask(task, priority)
          else socket.once("close", () => dispatcher.scheduleTask(task, priority))
        }
      }
    }
  }
}

/** A relay that resets a connection over TLS as soon as the handshake is over. */
const resetting = Effect.gen(function* () {
  const authority = yield* Certificates.authority
  const own = yield* authority.issue({ name: "relay", use: "serverAuth" })
  const server = tls.createServer({ cert: own.cert, key: own.key })
  let accepted: net.Socket | undefined
  server.on("connection", (socket: net.Socket) => {
    accepted = socket.on("error", () => {})
  })
  const shaking = { is: false }
  server.on("keylog", () => {
    shaking.is = true
  })
  server.on("secureConnection", () => accepted?.resetAndDestroy())
  const port = yield* listening(server)
  const address = { host: "127.0.0.1", port, tls: { ca: authority.ca, serverName: "relay" } }
  return { address, shaking }
})

it.live("reset by the other side before we have it: whoever reads hears of it", () =>
  Effect.gen(function* () {
    const { address, shaking } = yield* resetting
    for (let stepCount = 1; stepCount < 40; stepCount++) {
      shaking.is = false
      const failed = Effect.flip(Effect.flatMap(Dial.dial(address), (link) => link.read(1))).pipe(
        Effect.provideService(
          Scheduler.Scheduler,
          slow(stepCount, () => shaking.is)
        ),
        Effect.scoped
      )
      const told = yield* Effect.timeoutOption(failed, "10 seconds")
      assert.strictEqual(told._tag, "Some", `after ${stepCount} steps`)
    }
  })
)

it.live("reset by the other side before a tunnel has it: whoever came by the tunnel hears of it", () =>
  Effect.gen(function* () {
    const { address, shaking } = yield* resetting
    const listen = { host: "127.0.0.1", port: 0 }
    for (let stepCount = 1; stepCount < 60; stepCount++) {
      shaking.is = false
      let isTold = false
      const onFailed = () => {
        isTold = true
      }
      const closed = Effect.gen(function* () {
        const near = new net.Socket()
        const port = yield* Tunnel.listen({ role: "control", listen, to: () => address, onFailed }).pipe(
          Effect.provideService(
            Scheduler.Scheduler,
            slow(stepCount, () => shaking.is, near)
          )
        )
        yield* Effect.callback<void>((resume) => {
          near.once("close", () => resume(Effect.void)).on("error", () => {})
          near.connect(port, listen.host).resume()
        })
      }).pipe(Effect.scoped)
      const told = yield* Effect.timeoutOption(closed, "10 seconds")
      assert.deepStrictEqual([told._tag, isTold], ["Some", true], `after ${stepCount} steps`)
    }
  })
)
