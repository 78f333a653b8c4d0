/**
 * TLS handshakes that strangers begin: `FloodProgram.ts '{"port": …, "handshakesPerSecond": …, "addresses": …}'` sends a
 * client's first message, again and again, each over a connection of its own, and goes when it is answered. That costs
 * whoever is asked most, and who asks least.
 */
import * as net from "node:net"
import { Duplex } from "node:stream"
import * as tls from "node:tls"
import type * as Case from "./Case.ts"

export interface Told extends Case.Flood {
  readonly port: number
}

const tickMillis = 10
const patienceMillis = 2000

const hello = (): Promise<Buffer> =>
  new Promise((resolve) => {
    const wire = new Duplex({ read: () => {}, write: (bytes: Buffer) => resolve(bytes) })
    tls.connect({ socket: wire, servername: "relay" }).on("error", () => undefined)
  })

const { addresses, handshakesPerSecond, port } = JSON.parse(process.argv[2] ?? "") as Told
const first = await hello()
let begunCount = 0

const begin = (): void => {
  const localAddress = `127.0.0.${2 + (begunCount++ % addresses)}`
  const socket = net.connect({ host: "127.0.0.1", port, localAddress, noDelay: true })
  const go = () => socket.resetAndDestroy()
  socket.write(first)
  socket.on("error", () => undefined)
  socket.once("data", go)
  socket.setTimeout(patienceMillis, go)
}

const from = performance.now()
setInterval(() => {
  const due = ((performance.now() - from) / 1000) * handshakesPerSecond
  while (begunCount < due) begin()
}, tickMillis)
