/** The rehearsal beside a relay that serves: it happens, with the first connection, and leaves nothing behind. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import * as net from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { defaults } from "../src/config/RelayDefaults.ts"
import { rehearse } from "../src/Warmup.ts"
import * as Process from "./support/process.ts"
import * as Relays from "./support/relays.ts"

it.live("every packet of it is answered, whatever the output, and not if there cannot be a relay", () =>
  Effect.gen(function* () {
    assert.isAbove(yield* rehearse({ ...defaults, output: "/nowhere" }), 1000)
    assert.strictEqual(yield* rehearse({ ...defaults, output: "/nowhere", memoryBytesMax: -1 }), 0)
  })
)

it.live("it ends when it is of no more use, wherever it is", () =>
  Effect.gen(function* () {
    const whole = yield* rehearse({ ...defaults, output: "/nowhere" })
    let looks = 0
    const isOver = Effect.sync(() => ++looks > 3)
    const part = yield* rehearse({ ...defaults, output: "/nowhere" }, isOver)
    assert.isAbove(part, 0)
    assert.isBelow(part, whole / 2)
  })
)

/** TCP sockets of the process; its health socket comes when it likes. */
const socketCount = (pid: number): number => {
  const lines = readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n")
  const inodes = new Set(lines.map((line) => line.trim().split(/\s+/)[9]))
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? []
      return inode !== undefined && inodes.has(inode)
    } catch {
      return false
    }
  }).length
}

const processorTicks = (pid: number): number => {
  const [, after = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")
  return Number(after.split(" ")[11])
}

it.live("a relay rehearses when the first peer connects, and nobody sees it", () =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours", { args: ["-v"], env: { LTTNG_RELAY_WARM_UP: "1" } })
    const { pid } = relay.process
    const [sockets, ticks] = [socketCount(pid), processorTicks(pid)]
    yield* Effect.promise(
      () =>
        new Promise<void>((resolve) => {
          const socket = net.connect({ host: "127.0.0.1", port: relay.dataPort }, () => socket.destroy())
          socket.on("close", () => resolve())
        })
    )
    yield* Process.until("sockets of the rehearsal", () => socketCount(pid) > sockets + 3)
    yield* Process.until("the end of the rehearsal", () => socketCount(pid) === sockets)
    assert.isAbove(processorTicks(pid), ticks + 5)
    assert.deepStrictEqual(readdirSync(relay.output), [])
    assert.notInclude(yield* Process.lastSaid(relay.process), "warmup")
  })
)
