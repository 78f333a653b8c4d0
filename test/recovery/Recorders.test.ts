/** What a running relay may be recording is not repaired in place, though it has no file of it open. */
import { chownSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Tree from "../../src/testing/Tree.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"

const repair = (output: string) => Toolbox.attempt("repair", "--in-place", output)

/** A session is over, and its last packet is torn; what a repair says while its relay runs. */
const repairedBeside = (args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours", { args })
    const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    yield* Toolbox.run("load", "--packets=3", url)
    const [path = ""] = Tree.files(relay.output).filter((name) => name.endsWith("/load_0"))
    truncateSync(join(relay.output, path), 3 * 4096 - 1000)
    return { relay, said: yield* repair(relay.output) }
  })

/** What `show` makes of it: the status, and what is said. */
const shown = (output: string, status: number, line: RegExp) =>
  Effect.map(Toolbox.attempt("show", "--count", output), ({ code, stderr }) => {
    assert.strictEqual(code, status, stderr)
    assert.match(stderr, line)
  })

it.live("where it has never had many files open, what is not open is over, and repaired", () =>
  Effect.gen(function* () {
    const { said } = yield* repairedBeside(["--fd-pool-size=1000"])
    assert.notInclude(said.stdout, "being-written")
    assert.match(said.stdout, /^(cut|empty) /m)
  })
)

it.live(
  "where it may have closed files behind their sessions' backs, what changed since it began waits for its end",
  () =>
    Effect.gen(function* () {
      const { relay, said } = yield* repairedBeside(["--fd-pool-size=100"])
      yield* shown(relay.output, 0, /^WARNING: packet-size.*being recorded/)
      assert.notMatch(said.stdout, /^(cut|empty) /m)
      relay.process.signal("SIGTERM")
      yield* relay.process.ended
      assert.match((yield* repair(relay.output)).stdout, /^(cut|empty) /m)
    })
)

it.live.skipIf(process.getuid?.() !== 0)(
  "what another user has is not what a relay records: damage in it is told",
  () =>
    Effect.gen(function* () {
      const { relay } = yield* repairedBeside(["--fd-pool-size=100"])
      for (const name of Tree.files(relay.output)) chownSync(join(relay.output, name), 65_534, 65_534)
      yield* shown(relay.output, 1, /^ERROR: packet-size/)
      assert.notMatch((yield* repair(relay.output)).stdout, /^(cut|empty) /m)
    })
)
