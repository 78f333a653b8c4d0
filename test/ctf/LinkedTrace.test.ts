/** Recordings of which a part is elsewhere, on another disk, with links in its place: all of it is read, and once. */
import { mkdirSync, renameSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CtfTrace from "../../src/ctf/CtfTrace.ts"
import * as Trees from "../recovery/trees.ts"
import * as Relays from "../support/relays.ts"

const trace = "live1/ust/uid/0/64-bit"

const place = Effect.gen(function* () {
  const home = yield* Relays.temporaryDirectory("linked")
  const [from, elsewhere] = [join(home, "from"), join(home, "elsewhere")]
  Trees.write(Trees.recorded("live1"), from)
  mkdirSync(elsewhere)
  return { from, elsewhere }
})

const move = (path: string, to: string): void => {
  renameSync(path, to)
  symlinkSync(to, path)
}

/** Traces, and packets of each of their files. */
const readIn = (directory: string) =>
  Effect.map(CtfTrace.open(directory), ({ chunks }) =>
    chunks.flatMap(({ traces }) =>
      traces.map(({ files, path }) => [path, ...files.map(({ name, packets }) => `${name}: ${packets.length}`)])
    )
  )

const whole = [[trace, "c_0: 13", "c_1: 5"]]

it.live("a data file, and metadata, that are links", () =>
  Effect.gen(function* () {
    const { elsewhere, from } = yield* place
    for (const name of ["c_0", "metadata", "index"]) move(join(from, trace, name), join(elsewhere, name))
    assert.deepStrictEqual(yield* readIn(from), whole)
  })
)

it.live("a directory that is a link; no other link leads to it again, round and round, or nowhere", () =>
  Effect.gen(function* () {
    const { elsewhere, from } = yield* place
    move(join(from, "live1", "ust"), join(elsewhere, "ust"))
    symlinkSync(".", join(from, "loop"))
    symlinkSync("..", join(from, "up"))
    symlinkSync("live1", join(from, "latest"))
    symlinkSync("nowhere", join(from, "nowhere"))
    symlinkSync("../..", join(elsewhere, "ust", "uid", "around"))
    assert.deepStrictEqual(yield* readIn(from), whole)
  })
)
