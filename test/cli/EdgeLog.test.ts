/** How much an edge logs is changed over its operator's port, as a relay's is, and its last lines are there. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { format } from "node:util"
import { assert, it } from "@effect/vitest"
import { Cause, Console, Effect } from "effect"
import { EdgeLog } from "../../src/cli/edge/EdgeLog.ts"
import { report } from "../../src/errors/Report.ts"
import * as Wire from "../../src/testing/Wire.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

interface Answer {
  readonly verbosity: number
  readonly lines: ReadonlyArray<string>
  readonly total: number
}

it.live("more is said from now on, and less again", () =>
  Effect.gen(function* () {
    const home = yield* Relays.temporaryDirectory("edgelog")
    const [control, data, http] = [yield* Ports.free, yield* Ports.free, yield* Ports.free]
    writeFileSync(join(home, "token"), "secret\n")
    const edge = yield* Process.daemon(process.execPath, [
      ...[toolboxProgram, "edge", "--to=net://127.0.0.1:1", `--listen=127.0.0.1:${control},${data}`],
      ...[`--spool=${home}/spool`, `--http-port=tcp://127.0.0.1:${http}`, `--http-token-file=${home}/token`]
    ])
    yield* Process.said(edge, "lead to")
    const asked = (path: string, verbosity?: number) =>
      Effect.promise(async () => {
        const headers = { authorization: "Bearer secret", "content-type": "application/json" }
        const change = verbosity === undefined ? {} : { method: "PUT", body: JSON.stringify({ verbosity }) }
        const answer = await fetch(`http://127.0.0.1:${http}/api/v1/${path}`, { headers, ...change })
        return (await answer.json()) as Answer
      })
    const lines = Effect.map(asked("log"), (log) => log.lines.filter((line) => line.includes("PEER_CLOSED")))
    /** The `count`th, whose end has been logged, if it is. */
    const visited = (count: number) =>
      Effect.andThen(
        Effect.scoped(Effect.flatMap(Wire.connect(control), ({ close }) => close)),
        Process.until("its end", asked("connections?state=closed"), ({ total }) => total === count)
      )
    yield* visited(1)
    assert.strictEqual((yield* asked("log-level", 1)).verbosity, 1)
    yield* visited(2)
    yield* Process.said(edge, "PEER_CLOSED")
    assert.lengthOf(yield* lines, 1)
    assert.strictEqual((yield* asked("log-level", 0)).verbosity, 0)
    assert.strictEqual((yield* asked("log-level")).verbosity, 0)
    yield* visited(3)
    assert.lengthOf((yield* Process.lastSaid(edge)).match(/PEER_CLOSED/g) ?? [], 1)
  })
)

/** What `log` prints with the log of an edge. */
const printedBy = (log: EdgeLog, logging: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const print = (...parts: ReadonlyArray<unknown>) => void printed.push(format(...parts))
    const console = { ...(yield* Console.Console), log: print, error: print }
    yield* logging.pipe(Effect.provide(log.layer), Effect.provideService(Console.Console, console))
    return printed
  })

it.effect("nor does what is in a cause, or in an error that is logged as it is", () =>
  Effect.gen(function* () {
    const evil = new Error("h/a\u009b2J\x1b]0;b\x07")
    for (const logging of [
      report("FORWARDING_DEFECT", "h/s", Cause.die(evil)),
      Effect.logError(evil),
      Effect.logError("why", Cause.fail(evil))
    ]) {
      const log = new EdgeLog()
      const printed = yield* printedBy(log, logging)
      assert.lengthOf(printed, 1)
      assert.include(printed[0], "h/a\\x9b2J\\x1b]0;b\\x07")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
      assert.notMatch(printed[0] ?? "", /[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b\]|\n./)
    }
  })
)

it.effect("what tracers and the relay say stays in one line, and acts on no terminal", () =>
  Effect.gen(function* () {
    const log = new EdgeLog()
    const printed = yield* printedBy(log, report("PART_LOST", "h/a\u009b2J: \x1b]0;b\x07\nc"))
    const expected = "h/a\\x9b2J: \\x1b]0;b\\x07 c"
    assert.lengthOf(printed, 1)
    assert.include(printed[0], expected)
    assert.lengthOf(log.lastLines, 1)
    assert.include(log.lastLines[0], expected.replaceAll("\\", "\\\\"))
  })
)
