/**
 * `lttng-relay load`, held up. A session of some packets at a pace lasts for seconds, in which who is to watch it from
 * its beginning may not even have started, where the machine has too much to do.
 */
import { globSync, statSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { toolboxProgram } from "./bundle.ts"
import * as Process from "./process.ts"
import type * as Relays from "./relays.ts"

/** From its first packet on it stands still, until `goOn`. Nothing else has streamed to the relay before. */
export const held = (relay: Relays.Relay, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    const running = yield* Process.daemon(process.execPath, [toolboxProgram, "load", ...args, url])
    const hasPacket = () =>
      globSync("**/load_0", { cwd: relay.output }).some((path) => statSync(join(relay.output, path)).size > 0)
    yield* Process.until("the first packet", hasPacket)
    running.signal("SIGSTOP")
    return { running, goOn: Effect.sync(() => running.signal("SIGCONT")) }
  })
