/** Services of the toolbox that somebody stops: no failure, for which a manager would start them again. */
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"

const services = {
  tunnel: { to: "tls://127.0.0.1:1", viewers: ",", ready: /leads to data/ },
  edge: { to: "net://127.0.0.1:1:2", viewers: "", ready: / lead to / }
}

it.live.each(["SIGTERM", "SIGINT"] as const)("a tunnel and an edge that %s stops end with status 0", (signal) =>
  Effect.gen(function* () {
    for (const [name, { ready, to, viewers }] of Object.entries(services)) {
      const spool = name === "edge" ? [`--spool=${yield* Relays.temporaryDirectory("spool")}`] : []
      const listen = `--listen=127.0.0.1:${yield* Ports.free},${yield* Ports.free}${viewers}`
      const running = yield* Toolbox.start(name, `--to=${to}`, listen, ...spool)
      yield* Process.said(running, ready)
      // Of a log rotation that means the relay.
      running.signal("SIGUSR2")
      running.signal(signal)
      const { code, stderr } = yield* running.ended
      assert.deepStrictEqual([name, code, stderr], [name, 0, ""])
    }
  })
)

it.live("a second signal ends one whose stop takes too long", () =>
  Effect.gen(function* () {
    const fixture = fileURLToPath(new URL("./stuckService.ts", import.meta.url))
    const running = yield* Process.daemon(process.execPath, [fixture])
    yield* Process.said(running, /ready/)
    running.signal("SIGTERM")
    yield* Process.said(running, /stuck/)
    running.signal("SIGINT")
    assert.strictEqual((yield* running.ended).code, 1)
  })
)
