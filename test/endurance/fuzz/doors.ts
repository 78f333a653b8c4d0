/**
 * Inputs for the doors of a relay: the first bytes of a connection, which may begin a handshake, and requests at the
 * operator's port. After each lot a client of each kind is served as if nothing had been.
 */
import { readFileSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import * as tls from "node:tls"
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Authority from "../../../src/cli/certs/Authority.ts"
import * as Commands from "../../../src/testing/PeerBytes.ts"
import * as Ports from "../../admin/ports.ts"
import * as Relays from "../../support/relays.ts"
import type { Outcome, Target } from "./Fuzzer.ts"
import { bytes } from "./Fuzzer.ts"

interface Doors {
  /** With TLS or without. */
  readonly controlPort: number
  readonly httpPort: number
  readonly ca: string
}

/** How long a peer that says no more is listened to: most are refused at once, the others wait for more. */
const patienceMillis = 20
/** A client that means well waits for its answer. */
const clientMillis = 10_000

const version = Commands.message(Commands.numbers.VERSION, Commands.join(Commands.u32(2), Commands.u32(13)))

const open: Effect.Effect<Doors, unknown, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* Relays.temporaryDirectory("doors")
  const { authority, relay } = yield* Authority.init(join(directory, "pki"), ["localhost", "127.0.0.1"])
  const text = (path: string) => readFileSync(path, "utf8")
  const mode = "allow" as const
  const { controlPort, port } = yield* Ports.start({
    tls: { control: mode, data: mode, live: mode, certificate: text(relay.certificate), key: text(relay.key) }
  })
  return { controlPort, httpPort: port, ca: text(authority.certificate) }
})

/** Says it, and hears until the other side has enough, or nothing comes any more. */
const say = (port: number, input: Buffer, millis = patienceMillis): Promise<Buffer> =>
  new Promise((resolve) => {
    const heard: Array<Buffer> = []
    const socket = net.connect(port, "127.0.0.1")
    socket.setTimeout(millis, () => socket.destroy())
    socket.on("data", (part) => heard.push(part))
    socket.on("error", () => undefined)
    socket.on("close", () => resolve(Buffer.concat(heard)))
    socket.write(input)
  })

/** The first bytes of an answer. */
const hear = (port: number, input: Buffer, count: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(input))
    socket.on("error", reject)
    socket.setTimeout(clientMillis, () => socket.destroy(new Error("no answer")))
    socket.once("data", (part) => {
      resolve(part.subarray(0, count))
      socket.destroy()
    })
  })

/** What a client of the platform says first. */
const hello = (options: tls.ConnectionOptions): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const server = net.createServer((socket) =>
      socket.once("data", (first) => {
        resolve(first)
        socket.destroy()
        server.close()
      })
    )
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo
      const client = tls.connect({ host: "127.0.0.1", port, ...options })
      client.on("error", () => undefined)
    })
    server.on("error", reject)
  })

const isGreeted = async ({ ca, controlPort }: Doors): Promise<void> => {
  const socket = tls.connect({ host: "127.0.0.1", port: controlPort, ca, ALPNProtocols: ["lttng-control"] })
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.on("error", reject)
    socket.once("data", resolve)
    socket.write(version)
  })
  socket.destroy()
  assert.strictEqual(answer.readUInt32BE(0), 2, "a client with TLS is served")
  const plain = await hear(controlPort, version, 8)
  assert.strictEqual(plain.readUInt32BE(0), 2, "a client without is served")
}

const isAnswered = async ({ ca, controlPort, httpPort }: Doors): Promise<void> => {
  const alive = Buffer.from("GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
  const since = Date.now()
  const answer = await say(httpPort, alive, clientMillis)
  // The timer fires, and nobody was heard, where this process was stopped for as long.
  if (answer.length === 0 && Date.now() - since > 2 * clientMillis) return isAnswered({ ca, controlPort, httpPort })
  assert.match(answer.toString("latin1"), /^HTTP\/1\.1 200 /, "an operator is served")
}

const request = (line: string, more = "", body = ""): Buffer =>
  Buffer.from(`${line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${Ports.token}\r\n${more}\r\n${body}`)

const api = [
  "sessions?limit=3&sort=-name",
  "sessions/1",
  "overview",
  "connections",
  "counters",
  "drain",
  "log-level",
  "log"
]

const json = "content-type: application/json\r\n"

const requests: ReadonlyArray<Buffer> = [
  ...api.map((path) => request(`GET /api/v1/${path}`)),
  ...["/metrics", "/readyz", "/livez", "/openapi.json", "/", "/nothing/here"].map((path) => request(`GET ${path}`)),
  request("DELETE /api/v1/sessions/7"),
  request("DELETE /api/v1/connections/7"),
  request("POST /api/v1/drain", `${json}content-length: 20\r\n`, '{"afterSeconds": 10}'),
  request("PUT /api/v1/log-level", `${json}transfer-encoding: chunked\r\n`, "2\r\n{}\r\n0\r\n\r\n")
]

type Fuzz = (target: Target<Buffer>) => Promise<Outcome<Buffer>>

/** Opens them, and closes them behind the fuzzer. */
const through =
  (
    seedsOf: () => Promise<ReadonlyArray<Buffer>>,
    ask: (doors: Doors, inputs: ReadonlyArray<Buffer>) => Promise<void>
  ) =>
  (fuzz: Fuzz, more: ReadonlyArray<Buffer>): Promise<Outcome<Buffer>> =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const doors = yield* open
          const seeds = [...(yield* Effect.promise(seedsOf)), ...more]
          const run = (inputs: ReadonlyArray<Buffer>) => ask(doors, inputs)
          return yield* Effect.promise(() => fuzz({ seeds, batchCount: 16, batchCountMax: 32, run, ...bytes }))
        })
      )
    )

export const doors = {
  hello: through(
    () =>
      Promise.all([
        hello({ ALPNProtocols: ["lttng-control"] }),
        hello({ ALPNProtocols: ["http/1.1", "h2"], servername: "localhost" }),
        hello({ maxVersion: "TLSv1.2" }),
        Promise.resolve(version),
        Promise.resolve(Buffer.from("GET / HTTP/1.1\r\n\r\n"))
      ]),
    async (doors, inputs) => {
      await Promise.all(inputs.map((input) => say(doors.controlPort, input)))
      await isGreeted(doors)
    }
  ),
  http: through(
    () => Promise.resolve(requests),
    async (doors, inputs) => {
      await Promise.all(inputs.map((input) => say(doors.httpPort, input)))
      await isAnswered(doors)
    }
  )
}
