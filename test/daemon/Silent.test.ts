/** A real disk that hangs while the daemon starts: every system call on it waits, as for a share without its server. */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as Tree from "../../src/testing/Tree.ts"
import * as Wire from "../../src/testing/Wire.ts"
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

/** Together more than there are threads for files. */
const [recordingCount, newCount] = [40, 40]

const host = "127.0.0.1"

Peers.describeWithPeers(["bindfs", "umount"], "a daemon of which one host has its traces on a disk that hangs", () => {
  it.live("creates and records the sessions of others, however many begin or go on there", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const output = join(at.home, "lttng-traces")
      const { answers, ends, hangs } = yield* disk(at, join(output, "hangs"))
      const running = yield* Daemons.start("ours", at, [...at.urls, "-o", output])
      yield* ends
      yield* Daemons.untilListening(at, running)
      const [controlPort = 0, dataPort = 0] = at.ports
      const place = Tree.onDisk(output)
      const script = Script.make({ host, controlPort, dataPort }, place, () => {})
      const all = Array.from({ length: recordingCount }, () => script.recording({ host: "hangs" }))
      const recordings = yield* Effect.all(all)
      for (const { c } of recordings) yield* c.addStream({ channel: "one" })
      yield* hangs
      const asks = (name: Commands.Name, payload: Buffer) => Commands.message(Commands.numbers[name], payload)
      for (const { c } of recordings) yield* c.raw(asks("ADD_STREAM", Commands.addStream(13, { channel: "two" })))
      for (let number = 0; number < newCount; number++) {
        const wire = yield* Wire.connect(controlPort, host)
        yield* wire.send(asks("VERSION", Commands.join(Commands.u32(2), Commands.u32(13))))
        yield* wire.send(
          asks("CREATE_SESSION", Commands.createSession(13, { host: "hangs", sessionId: 1000 + number }))
        )
        yield* wire.read(8)
      }
      const { c, d, file } = yield* script.recording({ host: "good" })
      const stream = yield* c.addStream({ channel: "one" })
      yield* d.packet(stream, 0, 100)
      yield* c.index(stream, { seq: 0, bytes: 100 })
      yield* script.fileSize(file("one"), 100)
      assert.strictEqual(place.size(file("one")), 100)
      yield* answers
      // What waited has its turn.
      for (const { file } of recordings) yield* script.exists(file("two"))
      assert.isTrue(recordings.every(({ file }) => place.exists(file("two"))))
      assert.strictEqual(yield* Process.stopped(running), "status 0")
    }).pipe(Effect.scoped)
  )
})
