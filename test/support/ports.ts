/**
 * Port numbers for daemons that take them on the command line.
 *
 * Numbers come from below the ephemeral range, so no outgoing connection can take one between the probe and
 * the daemon's bind. Whether somebody listens is read from the kernel's table: a probing connection would be
 * a peer the daemon has to serve.
 */
import { readFileSync } from "node:fs"
import { createServer } from "node:net"
import { Effect } from "effect"

const first = 23000
const count = 3000
/** Each process starts elsewhere in the range; a taken port only costs one more probe. */
let next = (process.pid * 97) % count

const bindable = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

export const free: Effect.Effect<number> = Effect.suspend(() => {
  const port = first + next
  next = (next + 1) % count
  return Effect.flatMap(bindable(port), (usable) => (usable ? Effect.succeed(port) : free))
})

const listenState = "0A"

export const listening = (port: number): boolean => {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  return ["/proc/net/tcp", "/proc/net/tcp6"].some((table) =>
    readFileSync(table, "latin1")
      .split("\n")
      .some((line) => {
        const [, local, , state] = line.trim().split(/\s+/)
        return state === listenState && local?.endsWith(suffix) === true
      })
  )
}
