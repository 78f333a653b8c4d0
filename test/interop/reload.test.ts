/** Options are read again while a real application is traced as fast as it can: limits change, no event is lost. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const eventCount = 200_000

Peers.describeWithPeers(Peers.tracing, "SIGHUP under load", () => {
  it.live("changes limits again and again, and loses no packet", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("reload")
      const ini = join(home, "relay.ini")
      const write = (limit: number) =>
        writeFileSync(ini, `[relayd]\nmax-connections = ${limit}\nmemory-limit = ${limit}M\n`)
      write(100)
      const port = yield* Ports.free
      const relay = yield* Relays.start("ours", { args: [`--http-port=tcp://127.0.0.1:${port}`, `--config=${ini}`] })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "loaded", { path: "/loaded" })
      const limit = Effect.promise(async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/configuration`)
        const { relay: config } = (await answer.json()) as { readonly relay: { readonly connectionCountMax: number } }
        return config.connectionCountMax
      })
      const emitting = yield* Effect.forkScoped(tracing.emit({ count: eventCount }))
      let reloadCount = 0
      do {
        const wanted = 50 + (reloadCount++ % 2)
        write(wanted)
        relay.process.signal("SIGHUP")
        yield* Process.until(`the limit to be ${wanted}`, limit, (now) => now === wanted)
      } while (emitting.pollUnsafe() === undefined || reloadCount < 3)
      yield* Fiber.join(emitting)
      yield* tracing.lttng("destroy")
      const found = yield* Process.run("find", [relay.output, "-type", "d", "-name", "loaded"])
      Babeltrace.assertExactly(yield* Babeltrace.read(found.stdout.trim()), [{ count: eventCount }])
      assert.notInclude(yield* Process.lastSaid(relay.process), "CONFIGURATION_REFUSED")
    })
  )
})
