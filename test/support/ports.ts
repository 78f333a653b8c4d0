/**
 * Port numbers for daemons that take them on the command line.
 *
 * Numbers come from below the ephemeral range, so no outgoing connection can take one between the probe and the
 * daemon's bind. Test files run in processes of their own: a number is claimed by a file that names the process, and
 * stays claimed until that is gone. Whether somebody listens is read from the kernel's table: a probing connection
 * would be a peer the daemon has to serve.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

const first = 12000
const count = 9000
/** Each process starts elsewhere in the range; a taken port only costs one more probe. */
let next = (process.pid * 97) % count

const claims = join(tmpdir(), "lttng-relay-ports")
const mine = new Set<string>()
process.on("exit", () => {
  for (const path of mine) rmSync(path, { force: true })
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** One of several processes that ask for the same port at once gets it. */
const claim = (port: number): boolean => {
  const path = join(claims, String(port))
  try {
    mkdirSync(claims, { recursive: true })
    writeFileSync(path, String(process.pid), { flag: "wx" })
    mine.add(path)
    return true
  } catch {
    if (mine.has(path)) return true
  }
  try {
    const owner = Number(readFileSync(path, "utf8"))
    // Left behind by a process that was killed: somebody may have it next time round.
    if (owner > 0 && !isAlive(owner)) rmSync(path, { force: true })
  } catch {
    // Given back meanwhile.
  }
  return false
}

const bindable = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

export const free: Effect.Effect<number> = Effect.suspend(() => {
  const port = first + next
  next = (next + 1) % count
  if (!claim(port)) return free
  return Effect.flatMap(bindable(port), (usable) => (usable ? Effect.succeed(port) : free))
})

const listenState = "0A"

export const listening = (port: number): boolean => listeningIn(process.pid, port)

/** In the network of a process that is there. */
export const listeningIn = (pid: number, port: number): boolean => {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  return ["tcp", "tcp6"].some((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "latin1")
      .split("\n")
      .some((line) => {
        const [, local, , state] = line.trim().split(/\s+/)
        return state === listenState && local?.endsWith(suffix) === true
      })
  )
}
