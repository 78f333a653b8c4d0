/**
 * Terminals that are closed, and readers that go, while a command of the toolbox runs for long.
 * Goal: what `nohup` started goes on, and what serves others is not ended by nobody's reading what it says.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import { listening } from "../support/listening.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

/** The command that listens there, whoever started it. */
const pidOf = (port: number): number => {
  const isIt = (pid: string) => {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) !== realpathSync(process.execPath)) return false
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`--listen=127.0.0.1:${port},`)
    } catch {
      return false
    }
  }
  return Number(readdirSync("/proc").find((name) => /^\d+$/.test(name) && isIt(name)))
}

/** The terminal's number, of the fields behind the name: 0 once it is gone. Undefined: the process is. */
const terminalOf = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return fields[0] === "Z" ? undefined : Number(fields[4])
  } catch {
    return undefined
  }
}

const started = Effect.fnUntraced(function* (subcommand: "edge" | "tunnel", before = "") {
  const home = yield* Relays.temporaryDirectory("hangup")
  const port = yield* Ports.free
  const data = yield* Ports.free
  const args = {
    tunnel: `tunnel --to=tls://127.0.0.1:1 --listen=127.0.0.1:${port},,`,
    edge: `edge --to=net://127.0.0.1:1 --listen=127.0.0.1:${port},${data} --spool=${home}/spool`
  }[subcommand]
  const command = `exec ${before} '${process.execPath}' '${toolboxProgram}' ${args}`
  const terminal = yield* Process.daemon("script", ["-qec", command, "/dev/null"], { cwd: home, env: { HOME: home } })
  yield* Process.until("it to listen", () => Ports.listening(port))
  const pid = pidOf(port)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (terminalOf(pid) !== undefined) process.kill(pid)
    })
  )
  terminal.signal("SIGKILL")
  yield* Process.until("its terminal to be gone", () => (terminalOf(pid) ?? 0) === 0)
  return { pid, port }
})

describe("when its terminal is closed", () => {
  for (const subcommand of ["tunnel", "edge"] as const) {
    it.live(`${subcommand} ends`, () =>
      Effect.gen(function* () {
        const { pid } = yield* started(subcommand)
        yield* Process.until("it to end", () => terminalOf(pid) === undefined)
      })
    )
    it.live(`${subcommand} goes on if nohup started it`, () =>
      Effect.gen(function* () {
        const { pid, port } = yield* started(subcommand, "nohup")
        assert.isDefined(terminalOf(pid))
        assert.isTrue(Ports.listening(port))
      })
    )
  }
})

it.live("an edge goes on that nobody reads, when it has something to say", () =>
  Effect.gen(function* () {
    const home = yield* Relays.temporaryDirectory("unread")
    const [control, data] = [yield* Ports.free, yield* Ports.free]
    let count = 0
    const server = createServer((socket) => {
      count++
      socket.destroy()
    })
    const relayPort = yield* listening(server)
    const toFile = join(home, "to")
    writeFileSync(toFile, "net://127.0.0.1:1")
    const args = `edge --to-file=to --listen=127.0.0.1:${control},${data} --spool=spool`
    const edge = `exec '${process.execPath}' '${toolboxProgram}' ${args}`
    yield* Process.daemon("sh", ["-c", `(${edge}) | :`], { cwd: home, env: { HOME: home } })
    yield* Process.until("it to listen", () => Ports.listening(control))
    const pid = pidOf(control)
    yield* Effect.addFinalizer(() => Effect.sync(() => process.kill(pid)))
    writeFileSync(toFile, `net://127.0.0.1:${relayPort}`)
    process.kill(pid, "SIGHUP")
    yield* Process.until("the edge to go there", () => count > 0)
    assert.isTrue(Ports.listening(control))
  })
)
