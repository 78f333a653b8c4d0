/** Where the system gives few threads: the relay has fewer for files, or says why it does not start. */
import { chmodSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Threads from "../../src/daemon/launch/Threads.ts"
import { daemonProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"
import * as Daemons from "./daemons.ts"

describe("threads for files", () => {
  for (const [asked, left, count, level] of [
    [64, Number.POSITIVE_INFINITY, 64, undefined],
    [64, 76, 64, undefined],
    [64, 75, 63, "warning"],
    [1, 16, 1, undefined],
    [64, 16, 4, "warning"],
    [64, 15, 4, "error"]
  ] as const) {
    it(`are ${count} of ${asked} where ${left} more are to be had, with ${level ?? "nothing"} to say`, () => {
      const grant = Threads.grant(asked, left)
      assert.deepStrictEqual([grant.count, grant.complaint?.level], [count, level])
    })
  }
  it("are told to the runtime where they are fewer", () => {
    for (const [asked, left, told] of [
      [undefined, 100, undefined],
      [undefined, 40, "28"],
      ["8", 40, "8"],
      ["200", 100, "88"]
    ] as const) {
      const env: NodeJS.ProcessEnv = asked === undefined ? {} : { UV_THREADPOOL_SIZE: asked }
      Threads.settle(env, left)
      assert.strictEqual(env.UV_THREADPOOL_SIZE, told)
    }
  })
})

Peers.describeWithPeers(["setpriv", "prlimit"], "a user with few threads", () => {
  /** Of nobody else: the limit is that of all its processes. */
  const user = 15_300 + (process.pid % 1000)
  const startWith = Effect.fnUntraced(function* (limit: number, ...more: ReadonlyArray<string>) {
    const at = yield* Daemons.place
    const output = yield* temporaryDirectory("threads")
    chmodSync(output, 0o777)
    const identity = ["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"]
    const bare = ["-i", "PATH=/usr/bin:/bin", "setpriv", ...identity, "prlimit", `--nproc=${limit}`]
    const words = [...bare, process.execPath, daemonProgram, "-o", output, ...at.urls, ...more]
    return { at, running: yield* Process.daemon("env", words, { cwd: "/" }) }
  })
  for (const more of [[], ["--io-threads=60"]]) {
    it.live(`records with fewer, asked for ${more[0] ?? "nothing"}, and reads the same options again`, () =>
      Effect.gen(function* () {
        const { at, running } = yield* startWith(40, "-v", ...more)
        yield* Daemons.untilListening(at, running)
        const streaming = `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}`
        yield* Toolbox.run("load", "--packets=9", "--hostname=h", streaming)
        const [, count] = /^Threads:\t(\d+)/m.exec(readFileSync(`/proc/${running.pid}/status`, "utf8")) ?? []
        assert.isBelow(Number(count), 40)
        yield* Process.said(running, "Initialization complete")
        running.signal("SIGHUP")
        yield* Process.said(running, "configuration read again; changed: nothing")
        assert.match(yield* Process.lastSaid(running), /Warning: The system lets the relay have \d+ more threads/)
      })
    )
  }
  it.live("has those that were asked for, and nothing to say, where they are few enough", () =>
    Effect.gen(function* () {
      const { at, running } = yield* startWith(40, "-v", "--io-threads=5")
      yield* Daemons.untilListening(at, running)
      yield* Process.said(running, "Initialization complete")
      assert.notInclude(yield* Process.lastSaid(running), "more threads")
    })
  )
  it.live("is told when they are too few", () =>
    Effect.gen(function* () {
      const { running } = yield* startWith(20)
      const { code, stderr } = yield* running.ended
      assert.strictEqual(code, 1)
      assert.match(stderr, /^Error: The system lets the relay have \d+ more threads .*code=START_PROCESS/m)
    })
  )
})
