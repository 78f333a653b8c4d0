/**
 * Recorded sessions of a real session daemon, `show`n: line for line what babeltrace2 prints of them, and the same
 * losses. No relay takes part.
 */
import { stripVTControlCharacters } from "node:util"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { settled } from "../support/ties.ts"
import * as Zoo from "../support/zoo.ts"

const env = { TZ: "UTC", LC_ALL: "C.UTF-8" }

/** A counter that is smaller than the one before is no loss: version 2.0 takes the difference for one (ctf.md §8). */
const isNegative = (line: string): boolean => BigInt(/discarded (\d+)/.exec(line)?.[1] ?? 0) >= 2n ** 63n

/** Without colours, and what the versions of babeltrace2 word differently. */
const lossesOf = (stderr: string): ReadonlyArray<string> =>
  stripVTControlCharacters(stderr)
    .split("\n")
    .filter((line) => line.startsWith("WARNING: Tracer") && !isNegative(line))
    .map((line) => line.replace(/ within stream "[^"]*"| \(U?UID: [^)]*\)| in trace "[^"]*"/g, ""))

const compare = (directory: string, ...options: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    // It has none where no terminal is, unless it is told otherwise.
    const colors = options.includes("--color=always") ? { BABELTRACE_TERM_COLOR: "always" } : {}
    const expected = yield* Process.run("babeltrace2", [...options, directory], { env: { ...env, ...colors } })
    const shown = yield* Process.run(process.execPath, [toolboxProgram, "show", ...options, directory], { env })
    const [a, b] = [settled(shown.stdout), settled(expected.stdout)]
    const at = a.findIndex((line, index) => line !== b[index])
    if (at !== -1) assert.strictEqual(a[at], b[at], `line ${at + 1} of ${a.length} and ${b.length}`)
    assert.strictEqual(a.length, b.length)
    assert.deepStrictEqual(lossesOf(shown.stderr), lossesOf(expected.stderr))
    return { lineCount: b.length - 1, lossCount: lossesOf(expected.stderr).length }
  })

Peers.describeWithPeers(Peers.tracing, "showing recorded sessions", () => {
  for (const buffers of ["uid", "pid"] as const) {
    it.live(
      `per ${buffers}: forty classes with fields of all types, contexts, tiny buffers that discard, a rotation`,
      () =>
        Effect.gen(function* () {
          const { lttng, run } = yield* Lttng.start
          const zoo = yield* Zoo.build(40)
          const directory = yield* Relays.temporaryDirectory("recorded")
          yield* lttng("create", "r", `--output=${directory}`)
          yield* lttng("enable-channel", "-u", `--buffers-${buffers}`, "--subbuf-size=8k", "--num-subbuf=2", "small")
          for (const context of ["vpid", "vtid", "procname", "ip"]) yield* lttng("add-context", "-u", "-t", context)
          yield* lttng("enable-event", "-u", "-c", "small", "zoo:*")
          yield* lttng(...Lttng.losslessChannel("ch", `--buffers-${buffers}`))
          yield* lttng("enable-event", "-u", "-c", "ch", "zoo:event_3*")
          yield* lttng("start")
          yield* Effect.all([run(zoo, "40", "0"), run(zoo, "40", "500")], { concurrency: "unbounded" })
          yield* lttng("rotate")
          yield* run(zoo, "40", "0")
          yield* lttng("destroy")
          const { lineCount, lossCount } = yield* compare(directory)
          assert.isAbove(lineCount, 1000)
          assert.isAbove(lossCount, 0)
          yield* compare(directory, "--clock-cycles", "--names=all", "--fields=all")
          yield* compare(directory, "--color=always")
          yield* compare(directory, "--clock-offset=3", "--clock-offset-ns=-7", "--clock-seconds")
          yield* compare(directory, "--clock-offset=-010", "--clock-offset-ns=0x1F")
        })
    )
  }
})
