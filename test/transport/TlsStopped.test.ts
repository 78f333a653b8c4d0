/**
 * A receiver that takes one message, stops, and goes on later, as a viewer's connection does while an answer is on its
 * way: over TLS, too, nothing is given to it meanwhile, nothing is lost, and the end comes last. Records that came
 * together are decrypted in one go, whoever said stop.
 */
import { readFileSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import { Duplex } from "node:stream"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import { listen } from "../../src/transport/Listener.ts"
import type { Peer } from "../../src/transport/Peer.ts"
import * as TlsTerminal from "../../src/transport/tls/TlsTerminal.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const text = (path: string) => readFileSync(path, "utf8")

interface Heard {
  readonly all: string
  readonly callsWhileStopped: number
}

/** Begins late; `millis` lie between two messages. */
const oneByOne = (heard: Deferred.Deferred<Heard>, millis: number) => (peer: Peer) =>
  Effect.gen(function* () {
    let all = ""
    let isStopped = false
    let callsWhileStopped = 0
    yield* Effect.sleep(millis)
    peer.start({
      receive: (bytes, length) => {
        if (isStopped) callsWhileStopped++
        all += bytes.toString("latin1", 0, length)
        isStopped = true
        setTimeout(() => {
          isStopped = false
          peer.resume()
        }, millis)
        return false
      },
      ended: () => {
        Deferred.doneUnsafe(heard, Effect.succeed({ all, callsWhileStopped }))
        peer.close()
      },
      drained: () => {}
    })
    yield* Effect.callback<void>((resume) => peer.whenGone(() => resume(Effect.void)))
  })

/** What is written to it goes out when `release` is called, at once. */
const gathering = (socket: net.Socket) => {
  const pieces: Array<Buffer> = []
  let isHeld = false
  const wire = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _encoding, done) => {
      if (isHeld) pieces.push(bytes)
      else socket.write(bytes)
      done()
    }
  })
  socket.on("data", (bytes: Buffer) => wire.push(bytes))
  const hold = () => {
    isHeld = true
  }
  const release = () => socket.end(Buffer.concat(pieces))
  return { wire, hold, release, heldCount: () => pieces.length }
}

for (const millis of [0, 5]) {
  it.live(`records that come together, with the end behind them, ${millis} ms for each`, () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("certs")
      const { authority, relay } = yield* Authority.init(join(directory, "pki"), ["localhost"])
      const terminal = yield* TlsTerminal.make({ certificate: text(relay.certificate), key: text(relay.key) })
      const heard = yield* Deferred.make<Heard>()
      const { port } = yield* listen(
        {
          name: "live",
          address: { host: "127.0.0.1", port: 0, family: 4 },
          keepAlive: undefined,
          stallMillis: undefined,
          limit: { countMax: 10, count: 0, onChange: () => {}, doors: new Set() },
          admission: { admits: () => true, onRefused: () => {}, onReported: () => {} },
          door: {
            mode: "require",
            purpose: "live",
            entrances: { terminal, isProxy: undefined, welcomes: new Map() }
          }
        },
        oneByOne(heard, millis)
      )
      const below = net.connect({ host: "127.0.0.1", port })
      const { heldCount, hold, release, wire } = gathering(below)
      const socket = tls.connect({ socket: wire, servername: "localhost", ca: text(authority.certificate) })
      yield* Effect.callback<void>((resume) => void socket.once("secureConnect", () => resume(Effect.void)))
      hold()
      const messages = Array.from({ length: 50 }, (_, index) => `message ${index} ${"x".repeat(index * 7)};`)
      for (const message of messages)
        yield* Effect.callback<void>((r) => void socket.write(message, () => r(Effect.void)))
      socket.end()
      // A record each, and the end.
      yield* Process.until("everything to be encrypted", () => heldCount() > messages.length)
      release()
      const { all, callsWhileStopped } = yield* Deferred.await(heard)
      assert.strictEqual(all, messages.join(""))
      assert.strictEqual(callsWhileStopped, 0)
      below.destroy()
    })
  )
}
