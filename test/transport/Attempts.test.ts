/** A host with several addresses: none of them keeps the others from being reached, and none is given up early. */
import type { lookup as systemLookup } from "node:dns"
import { readFileSync } from "node:fs"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { connect } from "../../src/transport/Attempts.ts"
import * as Dial from "../../src/transport/Dial.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"

/** Finds these addresses. */
const finding = (...addresses: ReadonlyArray<string>) =>
  ((_host: string, _options: unknown, then: (error: null, found: ReadonlyArray<unknown>) => void) =>
    setImmediate(() =>
      then(
        null,
        addresses.map((address) => ({ address, family: 4 }))
      )
    )) as unknown as typeof systemLookup

const reach = (port: number, ...addresses: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    connect({ host: "relay.example", port }, { isHalfOpen: false, lookup: finding(...addresses) }),
    (socket) => Effect.sync(() => socket.destroy()),
    { interruptible: true }
  ).pipe(Effect.map(({ remoteAddress }) => remoteAddress))

const serve = "require('net').createServer().listen({ port, host, backlog: 1 }, () => console.log('listening'))"

/** Listens, but the system has no room for one more connection, and drops what asks for it, until this goes on. */
const behind = Effect.fnUntraced(function* (port: number, host: string) {
  const running = yield* Process.daemon(process.execPath, [
    ...["-e", `const [host, port] = process.argv.slice(1); ${serve}`, host, `${port}`]
  ])
  yield* Process.said(running, "listening")
  running.signal("SIGSTOP")
  const goOn = Effect.sync(() => running.signal("SIGCONT"))
  yield* Effect.addFinalizer(() => goOn)
  let waitingCount = 0
  for (let count = 0; count < 4; count++) {
    yield* Effect.acquireRelease(
      Effect.sync(() => net.connect({ port, host }, () => waitingCount++).on("error", () => undefined)),
      (socket) => Effect.sync(() => socket.destroy())
    )
  }
  yield* Process.until("its queue to be full", () => waitingCount === 2)
  return goOn
})

/** A connection to it is being asked for. */
const isTried = (port: number, host: string, count: number): boolean => {
  const address = Buffer.from(host.split(".").map(Number)).reverse().toString("hex").toUpperCase()
  const remote = `${address}:${port.toString(16).toUpperCase().padStart(4, "0")}`
  const lines = readFileSync("/proc/self/net/tcp", "latin1").split("\n")
  return lines.filter((line) => line.trim().split(/\s+/).slice(2, 4).join(" ") === `${remote} 02`).length === count
}

describe("a host with several addresses", () => {
  it.live("is reached at the next one while one does not answer, or refuses", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      yield* behind(port, "127.0.0.2")
      const server = net.createServer()
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(port, "127.0.0.4", () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      server.on("connection", (socket) => socket.on("error", () => undefined).resume())
      assert.strictEqual(yield* reach(port, "127.0.0.2", "127.0.0.3", "127.0.0.4"), "127.0.0.4")
    }).pipe(Effect.scoped)
  )

  it.live("is reached at one that takes its time, though others were tried since", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      const goOn = yield* behind(port, "127.0.0.2")
      yield* behind(port, "127.0.0.3")
      // Of each, two that fill its queue are waiting themselves.
      const reached = yield* Effect.forkChild(reach(port, "127.0.0.2", "127.0.0.3"))
      yield* Process.until("the second one to be tried", () => isTried(port, "127.0.0.3", 3))
      yield* goOn
      assert.strictEqual(yield* Fiber.join(reached), "127.0.0.2")
      yield* Process.until("the other to be given up", () => isTried(port, "127.0.0.3", 2))
    }).pipe(Effect.scoped)
  )

  it.live("is not asked for again when the connection to it breaks", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      const came: Array<string> = []
      for (const host of ["127.0.0.2", "127.0.0.3"]) {
        const server = net.createServer((socket) => {
          came.push(host)
          socket.on("error", () => undefined).on("data", () => socket.resetAndDestroy())
        })
        yield* Effect.acquireRelease(
          Effect.callback<void>((resume) => void server.listen(port, host, () => resume(Effect.void))),
          () => Effect.sync(() => server.close())
        )
      }
      const socket = yield* connect(
        { host: "relay.example", port },
        { isHalfOpen: false, lookup: finding("127.0.0.2", "127.0.0.3") }
      )
      socket.write("x")
      yield* Effect.callback<void>((resume) => void socket.resume().once("close", () => resume(Effect.void)))
      // Whoever had been asked would come first.
      net.connect(port, "127.0.0.3").on("error", () => undefined)
      yield* Process.until("one at the other address", () => came.includes("127.0.0.3"))
      assert.deepStrictEqual(came, ["127.0.0.2", "127.0.0.3"])
    }).pipe(Effect.scoped)
  )

  it.live("is tried no longer than somebody waits for it", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      yield* behind(port, "127.0.0.2")
      const dialled = yield* Effect.forkChild(Effect.scoped(Dial.dial({ host: "127.0.0.2", port })))
      yield* Process.until("an attempt", () => isTried(port, "127.0.0.2", 3))
      yield* Fiber.interrupt(dialled)
      const exit = yield* Fiber.await(dialled)
      // Not that it was waited for until it had failed.
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause), String(exit))
      yield* Process.until("it to be given up", () => isTried(port, "127.0.0.2", 2))
    }).pipe(Effect.scoped)
  )

  it.live("is not reached: the reason of each is told", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      const failure = yield* Effect.flip(reach(port, "127.0.0.2", "127.0.0.3"))
      assert.strictEqual(failure, "127.0.0.2: Connection refused; 127.0.0.3: Connection refused")
    }).pipe(Effect.scoped)
  )

  it.live("is not reached at what is no port, or without an address", () =>
    Effect.gen(function* () {
      for (const port of [-1, 1.5, 65_536, Number.NaN]) {
        assert.strictEqual(yield* Effect.flip(reach(port, "127.0.0.1")), `${port} is no port`)
      }
      assert.strictEqual(yield* Effect.flip(reach(1)), "it has no address")
    })
  )
})
