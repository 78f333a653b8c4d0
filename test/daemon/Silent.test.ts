/** A real disk that hangs while the daemon starts: every system call on it waits, as for a share without its server. */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Daemons from "./daemons.ts"

/** What is made at `path` lies on a disk that can hang. */
const disk = Effect.fnUntraced(function* (at: Daemons.Place, path: string) {
  const backing = join(at.home, "backing")
  for (const directory of [backing, path]) mkdirSync(directory, { recursive: true })
  const { pid } = yield* Process.daemon("bindfs", ["-f", backing, path])
  yield* Effect.addFinalizer(() => Effect.ignore(Process.run("umount", ["-l", path])))
  yield* Process.until("the mount", () => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `))
  const answers = Effect.sync(() => void process.kill(pid, "SIGCONT"))
  // A process with a system call that hangs does not end: to be added after each one was started.
  return {
    answers,
    hangs: Effect.sync(() => void process.kill(pid, "SIGSTOP")),
    ends: Effect.addFinalizer(() => answers)
  }
})

Peers.describeWithPeers(["bindfs", "umount"], "a daemon that is started while the disk of its output hangs", () => {
  it.live("says so, and serves when it answers", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const output = join(at.home, "lttng-traces")
      const { answers, ends, hangs } = yield* disk(at, output)
      for (const [options, said] of [
        [["-o", output], `The output ${output} does not answer`],
        [[], `the output directory does not answer: ${output}`]
      ] as const) {
        yield* hangs
        const running = yield* Daemons.start("ours", at, [...at.urls, ...options])
        yield* ends
        yield* Process.said(running, said)
        yield* answers
        yield* Daemons.untilListening(at, running)
        assert.strictEqual(yield* Process.stopped(running), "status 0")
      }
    }).pipe(Effect.scoped)
  )
})
