/** A file system in memory and in another process (`volatile.py`): its power fails, or it stands still, on request. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"

const python = "/usr/bin/python3"
const program = fileURLToPath(new URL("./volatile.py", import.meta.url))
const isUsable = spawnSync(python, ["-c", "import fusepy"]).status === 0 && existsSync("/dev/fuse")

/** What is needed for one, as peers. */
export const peers: ReadonlyArray<string> = isUsable ? ["fusermount3"] : ["python3-fusepy"]

export const make = Effect.gen(function* () {
  const home = yield* Relays.temporaryDirectory("volatile")
  const [mount, left] = [join(home, "mount"), join(home, "left")]
  for (const directory of [mount, left]) mkdirSync(directory)
  yield* Effect.addFinalizer(() => Effect.ignore(Process.attempt("fusermount3", ["-u", "-z", mount])))
  const running = yield* Process.daemon(python, [program, mount, left])
  yield* Process.until("the file system", Process.attempt("mountpoint", ["-q", mount]), ({ code }) => code === 0)
  // Else who waits for it could not even be killed.
  yield* Effect.addFinalizer(() => Effect.sync(() => running.signal("SIGCONT")))
  return {
    mount,
    /** What survived its power. */
    left,
    fail: Effect.andThen(Process.attempt("mkdir", [join(mount, ".power-off")]), running.ended),
    stall: Effect.sync(() => running.signal("SIGSTOP")),
    goOn: Effect.sync(() => running.signal("SIGCONT"))
  }
})
