/** What strangers may take of time: the rest of a hello, and connections that are over as soon as they are secured. */
import * as net from "node:net"
import { Duplex } from "node:stream"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Machine from "../../src/Machine.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Door from "../../src/transport/Door.ts"
import { make, type TlsTerminal } from "../../src/transport/tls/TlsTerminal.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Balancer from "../support/proxy.ts"

/** A clock that stands, and timers that are run by hand. */
const stopped = Effect.gen(function* () {
  let now = 1_000_000
  const timers = new Map<NodeJS.Timeout, { readonly millis: number; readonly run: () => void }>()
  const short = Machine.setTimeout
  const source: Machine.Source = {
    ...Machine,
    clockMillis: () => now,
    setTimeout: (run, millis = 0) => {
      if (millis < 1000) return short(run, millis)
      const timer = short(() => {}, 0)
      timers.set(timer, { millis, run })
      return timer
    },
    clearTimeout: (timer) => {
      if (timer !== undefined) timers.delete(timer)
      clearTimeout(timer)
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => Machine.replace(source)),
    (restore) => Effect.sync(restore)
  )
  return {
    pass: (millis: number) => {
      now += millis
    },
    timers
  }
})

const accepting = (onConnection: (socket: net.Socket) => void) =>
  listening(net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, onConnection))

const identity = Effect.gen(function* () {
  const authority = yield* Certificates.authority
  const { cert, key } = yield* authority.issue({ name: "relay", use: "serverAuth" })
  return { certificate: cert, key }
})

/** A door, and whom it has refused. */
const opened = Effect.fnUntraced(function* (mode: "allow" | "require", terminal: TlsTerminal, isProxied: boolean) {
  const refused: Array<string> = []
  const door = yield* Door.open({
    mode,
    purpose: "data",
    entrances: { terminal, isProxy: isProxied ? () => true : undefined, welcomes: new Map() },
    welcome: () => {},
    admits: () => true,
    refuse: ({ accepted }, why, detail) => {
      refused.push(`${why} ${detail}`)
      accepted.destroy()
    }
  })
  return { door, refused }
})

/** A handshake's first message, as it is. */
const hello = Buffer.concat([Buffer.of(0x16, 3, 1, 0, 8, 1, 0, 0, 100), Buffer.alloc(4)])

it.live(
  "who has begun a hello, or a header, and says no more has ten seconds; who has said nothing has none to lose",
  () =>
    Effect.gen(function* () {
      const terminal = yield* make(yield* identity)
      for (const [isProxied, begun, code] of [
        [false, hello, "TLS_FAILED"],
        [true, Buffer.from("\r\n\r\n"), "PROXY_REFUSED"]
      ] as const) {
        const { timers } = yield* stopped
        const { door, refused } = yield* opened("allow", terminal, isProxied)
        let count = 0
        const port = yield* accepting((socket) => {
          count++
          door.enter(socket)
        })
        const silent = net.connect(port, "127.0.0.1")
        yield* until("it to have come", () => count === 1)
        assert.strictEqual(timers.size, 0)
        const socket = net.connect(port, "127.0.0.1").on("error", () => undefined)
        socket.write(begun.subarray(0, 3))
        yield* until("its beginning to be seen", () => timers.size === 1)
        // More of it wins no time.
        socket.write(begun.subarray(3))
        yield* Effect.sleep(50)
        assert.deepStrictEqual(
          [...timers.values()].map(({ millis }) => millis),
          [10_000]
        )
        assert.deepStrictEqual(refused, [])
        for (const { run } of timers.values()) run()
        assert.deepStrictEqual(refused, [`${code} it says no more`])
        silent.destroy()
      }
    }).pipe(Effect.scoped)
)

/** The first message of a client that knows what it does. */
const wholeHello = Effect.callback<Buffer>((resume) => {
  const socket = new Duplex({ read: () => undefined, write: (bytes) => resume(Effect.succeed(bytes)) })
  tls.connect({ socket, rejectUnauthorized: false }).on("error", () => undefined)
})

it.live("a hello, or a header, that is whole has no deadline any more, nor has one whose peer has gone", () =>
  Effect.gen(function* () {
    const terminal = yield* make(yield* identity)
    for (const [isProxied, whole] of [
      [false, yield* wholeHello],
      [true, Balancer.ipv4("192.0.2.7", 1)]
    ] as const) {
      const { timers } = yield* stopped
      const { door, refused } = yield* opened("require", terminal, isProxied)
      let accepted: net.Socket | undefined
      const port = yield* accepting((socket) => {
        accepted = socket
        door.enter(socket)
      })
      for (const goesOn of [true, false]) {
        const socket = net.connect(port, "127.0.0.1").on("error", () => undefined)
        socket.write(whole.subarray(0, 12))
        yield* until("its beginning to be seen", () => timers.size === 1)
        const [deadline] = timers.keys()
        if (goesOn) socket.write(whole.subarray(12))
        else socket.destroy()
        yield* until("its deadline to be off", () => deadline !== undefined && !timers.has(deadline))
        assert.deepStrictEqual(refused, [])
        socket.destroy()
        yield* until("it to have gone", () => timers.size === 0 && accepted?.closed === true)
        refused.splice(0)
      }
    }
  }).pipe(Effect.scoped)
)

it.live(
  "connections that are over within a second of their handshakes cost their address its credit, others do not",
  () =>
    Effect.gen(function* () {
      for (const [lastingMillis, begunCount] of [
        [0, 5],
        [1000, 10]
      ] as const) {
        const { pass } = yield* stopped
        const terminal = yield* make(yield* identity, { isBusy: () => true })
        const ends: Array<() => void> = []
        const port = yield* accepting((accepted) =>
          terminal.secure(
            { accepted, address: "192.0.2.1", port: "data" },
            { done: ({ socket }) => void ends.push(() => socket.destroy()), failed: () => accepted.destroy() }
          )
        )
        const connect = () =>
          void tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false }).on("error", () => undefined)
        for (let count = 0; count < 10; count++) {
          connect()
          yield* until("it to be secured", () => ends.length === 1)
          pass(lastingMillis)
          ends.pop()?.()
        }
        yield* Effect.sleep(50)
        for (let count = 0; count < 10; count++) connect()
        yield* until("those to begin that may", () => ends.length === begunCount)
        yield* until("the others to have come", () => terminal.handshakes().waitingCount === 10 - begunCount)
        yield* Effect.sleep(50)
        assert.deepStrictEqual([ends.length, terminal.handshakes().waitingCount], [begunCount, 10 - begunCount])
        for (const end of ends) end()
      }
    }).pipe(Effect.scoped)
)
