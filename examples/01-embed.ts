/**
 * A relay inside a program: its three ports on loopback, its files in a directory of ours.
 *
 *     node examples/01-embed.ts /tmp/traces
 */
import { resolve } from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { Relay, RelayConfig } from "lttng-relay"

/** Port 0 lets the system choose. */
const anywhere: RelayConfig.ListenAddress = { host: "127.0.0.1", port: 0 }

const config: RelayConfig.RelayConfig = {
  ...RelayConfig.defaults,
  output: resolve(process.argv[2] ?? "traces"),
  control: anywhere,
  data: anywhere,
  live: anywhere
}

const program = Effect.gen(function* () {
  const { addresses } = yield* Relay.Relay
  yield* Console.log(`record with: lttng create -U net://127.0.0.1:${addresses.control.port}:${addresses.data.port}`)
  yield* Console.log(`watch with: lttng-relay sessions net://127.0.0.1:${addresses.live.port}`)
  // The relay lives as long as this effect; Ctrl-C ends it in order, files and all.
  yield* Effect.never
})

program.pipe(Effect.provide(Relay.layer(config)), NodeRuntime.runMain)
