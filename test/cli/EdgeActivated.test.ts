/** An edge whose sockets a service manager has bound: tracers are there before it, and are not refused. */
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"

const edgeTo = (relay: Relays.Relay, spool: string) => [
  process.execPath,
  toolboxProgram,
  "edge",
  `--to=net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`,
  `--spool=${spool}`
]

Peers.describeWithPeers(["systemd-socket-activate"], "an edge whose sockets are bound already", () => {
  it.live.each([["in their order", []] as const, ["by name", ["--fdname=data:control"]] as const])(
    "takes them, %s",
    ([, names]) =>
      Effect.gen(function* () {
        const relay = yield* Relays.start("ours")
        const spool = yield* Relays.temporaryDirectory("spool")
        const ports = [yield* Ports.free, yield* Ports.free]
        const listen = ports.flatMap((port) => ["-l", `127.0.0.1:${port}`])
        yield* Process.daemon("systemd-socket-activate", [...listen, ...names, "-E", "PATH", ...edgeTo(relay, spool)])
        yield* Process.until("somebody to listen", () => ports.every(Ports.listening))
        const [control, data] = names.length === 0 ? ports : ports.toReversed()
        const load = ["load", "--packets=1", "--hostname=h", `net://127.0.0.1:${control}:${data}`]
        yield* Toolbox.run(...load)
        yield* Process.until("it to be forwarded", () => readdirSync(relay.output).includes("h"))
      })
  )

  it.live("says which of them it has no use for", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const spool = yield* Relays.temporaryDirectory("spool")
      const started = (names: string) =>
        Process.attempt("sh", [
          "-c",
          `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=${names} exec "$@" 3</dev/null`,
          "sh",
          ...edgeTo(relay, join(spool, names))
        ])
      const live = yield* started("live")
      assert.deepStrictEqual([live.code, /live is not one of control, data, each once/.test(live.stderr)], [1, true])
      const file = yield* started("control")
      assert.deepStrictEqual([file.code, /\(control\): Invalid argument/.test(file.stderr)], [1, true], file.stderr)
    })
  )

  /**
   * Once it is told to: makes some megabytes that live for a while, and says how large the heap for what is new has
   * become. While old garbage is being marked the runtime takes more than it may have, and gives it back at once: the
   * smallest size that was seen is what it keeps.
   */
  const hasRoom = `
    import { getHeapSpaceStatistics } from "node:v8"
    const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size
    process.on("SIGUSR2", () => {
      let kept = []
      let smallest = Infinity
      for (let count = 0; count < 6e6; count++) {
        kept.push({ count })
        if (kept.length > 200_000) kept = []
        if (count > 3e6 && count % 50_000 === 0) smallest = Math.min(smallest, size())
      }
      console.error("room for " + Math.ceil(smallest / 2 ** 20) + " MiB;")
    })`

  it.live.each(["whose sockets are its own", "whose sockets are bound already"])(
    "has as little room for garbage as any, %s",
    (whose) =>
      Effect.gen(function* () {
        const relay = yield* Relays.start("ours")
        const spool = yield* Relays.temporaryDirectory("spool")
        const preload = join(spool, "room.mjs")
        writeFileSync(preload, hasRoom)
        const ports = [yield* Ports.free, yield* Ports.free]
        const listen = ports.flatMap((port) => ["-l", `127.0.0.1:${port}`])
        const passed = ["PATH", "NODE_OPTIONS"].flatMap((name) => ["-E", name])
        const edge = edgeTo(relay, join(spool, "edge"))
        const words =
          whose === "whose sockets are its own"
            ? ["env", "MALLOC_ARENA_MAX=3", ...edge, `--listen=127.0.0.1:${ports.join(",")}`]
            : ["systemd-socket-activate", ...listen, ...passed, ...edge]
        const [command = "", ...args] = words
        const running = yield* Process.daemon(command, args, { env: { NODE_OPTIONS: `--import=${preload}` } })
        yield* Process.until("somebody to listen", () => ports.every(Ports.listening))
        yield* Process.run(process.execPath, [
          toolboxProgram,
          "load",
          "--packets=1",
          `net://127.0.0.1:${ports.join(":")}`
        ])
        yield* Process.said(running, "lead to")
        running.signal("SIGUSR2")
        const [, size] = /room for (\d+) MiB;/.exec(yield* Process.said(running, /room for \d+ MiB;/)) ?? []
        // By itself the runtime takes 32 and more.
        assert.isAtMost(Number(size), 5)
      })
  )
})
