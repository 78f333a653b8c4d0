/**
 * Whoever may write to a trace's directory may plant links there, or FIFOs, under the names that a repair will use: it
 * writes to nothing beside, and waits for nobody.
 */
import * as fs from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Aside from "../../src/recovery/Aside.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Trees from "./trees.ts"

const recorded = Trees.recorded("live1")
const nameOf = (suffix: string) => [...recorded.keys()].find((path) => path.endsWith(suffix)) as string
const index = nameOf("/index/c_0.idx")
const data = nameOf("/64-bit/c_0")
const metadata = nameOf("/64-bit/metadata")

/** A recorded session whose first index is cut, and whose metadata no longer declares all events. */
const place = Effect.map(Relays.temporaryDirectory("planted"), (home) => {
  const directory = join(home, "trace")
  Trees.write(recorded, directory)
  fs.truncateSync(join(directory, index), 30)
  fs.truncateSync(join(directory, metadata), 9000)
  const victim = join(home, "victim")
  fs.writeFileSync(victim, "as it was")
  return { directory, victim }
})

const repair = (directory: string) =>
  Process.attempt(process.execPath, [toolboxProgram, "repair", directory, "--in-place"])

describe("a repair in place", () => {
  it.live("replaces a link in the place of its draft", () =>
    Effect.gen(function* () {
      const { directory, victim } = yield* place
      for (const path of [index, data, metadata]) fs.symlinkSync(victim, join(directory, `${path}.repair`))
      const { code, stderr } = yield* repair(directory)
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(fs.readFileSync(victim, "utf8"), "as it was")
      assert.isTrue(fs.lstatSync(join(directory, index)).isFile())
    })
  )

  it.live("replaces a FIFO there", () =>
    Effect.gen(function* () {
      const { directory } = yield* place
      yield* Process.run("mkfifo", [join(directory, `${index}.repair`)])
      const { code, stderr } = yield* repair(directory)
      assert.strictEqual(code, 0, stderr)
      assert.isTrue(fs.lstatSync(join(directory, index)).isFile())
    })
  )

  it.live.each(["link", "FIFO"])("sets nothing aside in a %s, and cuts nothing then", (kind) =>
    Effect.gen(function* () {
      const { directory, victim } = yield* place
      for (const path of recorded.keys()) {
        if (dirname(path) !== dirname(data)) continue
        const planted = join(directory, Aside.pathOf(path))
        if (kind === "link") fs.symlinkSync(victim, planted)
        else yield* Process.run("mkfifo", [planted])
      }
      const { code, stderr } = yield* repair(directory)
      assert.strictEqual(code, 1)
      assert.match(stderr, /Error: cannot set \d+ bytes of .* aside/)
      assert.strictEqual(fs.readFileSync(victim, "utf8"), "as it was")
      assert.strictEqual(fs.statSync(join(directory, data)).size, recorded.get(data)?.length)
    })
  )
})
