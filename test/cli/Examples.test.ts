/** The examples, run as their reader would: a relay embedded in one program, a target and a viewer in two others. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url))

describe("the examples", () => {
  it.live("embed, produce and view work together", () =>
    Effect.gen(function* () {
      const output = yield* Relays.temporaryDirectory("example")
      const embedded = yield* Process.daemon(process.execPath, [example("embed"), output])
      yield* Process.until(
        "the embedded relay's ports",
        Effect.sync(() => embedded.output().includes("watch with"))
      )
      const streamingUrl = /net:\/\/127\.0\.0\.1:\d+:\d+/.exec(embedded.output())?.[0] ?? ""
      const liveUrl = /net:\/\/127\.0\.0\.1:\d+$/m.exec(embedded.output())?.[0] ?? ""
      const producing = yield* Process.daemon(process.execPath, [example("produce"), streamingUrl, "6"])
      let listed = ""
      yield* Process.until(
        "the session in the viewer's list",
        Effect.map(Process.run(process.execPath, [example("view"), liveUrl]), ({ stdout }) => {
          listed = stdout.trim()
          return listed.endsWith("/example")
        })
      )
      const [host = ""] = listed.split("/")
      const viewed = yield* Process.run(process.execPath, [example("view"), `${liveUrl}/host/${host}/example`])
      const produced = yield* producing.ended
      assert.strictEqual(produced.code, 0, produced.stderr)
      const [, eventCount, path = ""] = /^(\d+) events are stored in (.+)$/m.exec(produced.stdout) ?? []
      assert.isAbove(Number(eventCount), 0)
      const packetCount = Babeltrace.assertIndexed(join(output, path))
      assert.include(viewed.stdout, "+ ust/uid/0/64-bit/example_0\n")
      assert.match(viewed.stdout, new RegExp(`^example_0: ${packetCount} packets, \\d+ bytes$`, "m"))
      assert.include(viewed.stdout, "- ust/uid/0/64-bit/example_0\n")
    })
  )
})
