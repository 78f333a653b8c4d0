/** What the system asks of connections that say nothing, as it has it. */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Wire from "../../src/testing/Wire.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

/** Seconds until a connection that comes to the port is asked for a sign of life. */
const idleSeconds = (port: number): number => {
  const { stdout } = spawnSync("ss", ["-tnoH", "state", "established", "sport", "=", `:${port}`], { encoding: "utf8" })
  const [, minutes = "0", seconds = "-1"] = /timer:\(keepalive,(?:(\d+)min)?(?:(\d+)[.\d]*sec)?/.exec(stdout) ?? []
  return 60 * Number(minutes) + Number(seconds)
}

describe.runIf(spawnSync("ss", ["--version"]).status === 0)(
  "a peer that says nothing is asked for a sign of life",
  () => {
    it.live("after 40 seconds if it is a target, after a minute if it is a viewer", () =>
      Effect.gen(function* () {
        const relay = yield* Relays.start("ours")
        for (const [port, seconds] of [
          [relay.controlPort, 40],
          [relay.dataPort, 40],
          [relay.livePort, 60]
        ] as const) {
          yield* Wire.connect(port, "127.0.0.1")
          yield* Process.until("the connection to be accepted", () => idleSeconds(port) >= 0)
          assert.isAtMost(idleSeconds(port), seconds)
          assert.isAbove(idleSeconds(port), seconds - 20)
        }
      })
    )
  }
)
