/**
 * HTTP clients that mean no good, as a process of their own, until its input closes:
 *
 *   HostileProgram PORT COUNT held|new
 *
 * `held`: who is cut off comes back a second later; `new`: almost at once, so there are always new ones.
 */
import { connect, type Socket } from "node:net"

const openings: ReadonlyArray<string> = [
  // Half a request, and then a byte of a header again and again.
  "GET /metrics HTTP/1.1\r\nhost: localhost\r\nx: ",
  // Nothing.
  "",
  // A body that does not come.
  "POST /api/v1/drain HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\ncontent-type: application/json\r\n\r\n{",
  // No HTTP.
  "\0\0\0\0\0\0\0\x08\0\0\0\x01",
  // A header without end.
  `GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}`,
  // Answers that are not read.
  "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(50),
  // Events that are not read.
  "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n"
]

const pauseMillis = { held: 1000, new: 20 } as const
const dripMillis = 20

const clients = (port: number, count: number, kind: keyof typeof pauseMillis): void => {
  const dripping = new Set<Socket>()
  const open = (at: number): void => {
    const kindOf = at % openings.length
    const socket = connect(port, "127.0.0.1")
    socket.on("error", () => undefined)
    socket.once("close", () => {
      dripping.delete(socket)
      setTimeout(open, pauseMillis[kind], at)
    })
    // Otherwise the end of the connection would not be heard.
    if (kindOf < 5) socket.resume()
    if (kindOf === 0) dripping.add(socket)
    socket.write(openings[kindOf] ?? "")
  }
  for (let at = 0; at < count; at++) open(at)
  setInterval(() => {
    for (const socket of dripping) if (socket.writable) socket.write("y")
  }, dripMillis)
  process.stdin.resume().once("end", () => process.exit())
  process.stdout.write("ready\n")
}

const [port, count, kind] = process.argv.slice(2)
clients(Number(port), Number(count), kind === "new" ? "new" : "held")
