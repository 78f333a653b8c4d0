/** The priorities of relay and edge, as the kernel has them. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as Tree from "../../src/testing/Tree.ts"
import * as Daemons from "../daemon/daemons.ts"
import { daemonProgram } from "../support/bundle.ts"
import * as Edges from "../support/edges.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

/** Of each thread; the name of the first is in brackets and may contain spaces. */
const niceness = (pid: number): ReadonlyMap<number, number> =>
  new Map(
    readdirSync(`/proc/${pid}/task`).map((id) => {
      const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, "latin1")
      return [Number(id), Number(stat.slice(stat.lastIndexOf(")")).split(" ")[17])]
    })
  )

/** Of its loop. */
const becomes = (pid: number, expected: number) =>
  Process.until(`niceness ${expected}`, () => niceness(pid).get(pid) === expected)

const isRoot = process.getuid?.() === 0

describe.runIf(isRoot)("a daemon that may", () => {
  for (const [what, args, expected] of [
    ["lets its loop go before others", [], -10],
    ["does so by as much as it is told", ["--priority-boost=2"], -2],
    ["does not when it is told so", ["--priority-boost", "0"], 0]
  ] as const) {
    it.live(what, () =>
      Effect.gen(function* () {
        const { running } = yield* Daemons.runForeground(args, { env: { LTTNG_RELAY_WARM_UP: "0" } })
        yield* becomes(running.pid, expected)
        assert.isTrue([...niceness(running.pid)].every(([id, nice]) => id === running.pid || nice >= 0))
      })
    )
  }

  it.live("waits its turn until it has rehearsed what targets will need", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours", { env: { LTTNG_RELAY_WARM_UP: "1" } })
      const { pid } = relay.process
      assert.strictEqual(niceness(pid).get(pid), 0)
      yield* Script.make(relay, Tree.onDisk(relay.output), () => {}).recording()
      yield* becomes(pid, -10)
    })
  )

  it.live("goes before others without having rehearsed, if its package was replaced before a target came", () =>
    Effect.gen(function* () {
      const copy = yield* Relays.temporaryDirectory("package")
      cpSync(dirname(daemonProgram), copy, { recursive: true })
      writeFileSync(join(copy, "package.json"), '{ "type": "module" }')
      const program = join(copy, "lttng-relayd.js")
      const relay = yield* Relays.start("ours", { program, env: { LTTNG_RELAY_WARM_UP: "1" } })
      rmSync(copy, { recursive: true })
      yield* Script.make(relay, Tree.onDisk(relay.output), () => {}).recording()
      yield* becomes(relay.process.pid, -10)
    })
  )

  it.live("leaves a niceness that was chosen", () =>
    Effect.gen(function* () {
      const { running } = yield* Daemons.runForeground([], { before: "renice -n 3 -p $$ >&2" })
      assert.deepStrictEqual([...new Set(niceness(running.pid).values())], [3])
    })
  )
})

describe.runIf(isRoot)("an edge that may", () => {
  it.live("lets its loop go before others", () =>
    Effect.gen(function* () {
      const { process } = yield* Edges.start(yield* Relays.start("ours"), { args: ["--priority-boost=4"] })
      yield* becomes(process.pid, -4)
    })
  )
})

describe.runIf(isRoot)("a relay that may", () => {
  it.live("waits its turn while all sessions come by edges, and no longer", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const edge = yield* Edges.start(relay)
      const { pid } = relay.process
      yield* becomes(pid, -10)
      const tree = Tree.onDisk(relay.output)
      yield* Script.make(edge, tree, () => {}).recording()
      yield* becomes(pid, 0)
      yield* Script.make(relay, tree, () => {}).recording({ name: "direct", sessionId: 2 })
      yield* becomes(pid, -10)
    })
  )
})
