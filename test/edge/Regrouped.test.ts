/**
 * Session daemons before 2.11 say the whole path of a stream, and the relay groups it by session where it is told to,
 * by its own clock if no time is in it. Goal: a relay that is started again goes on in the same directory.
 */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Link from "./Link.ts"
import * as Local from "./Local.ts"

const hourMillis = 3_600_000
const packetBytes = 64

afterEach(() => void vi.restoreAllMocks())

/** From now on it is an hour later. */
const anHourLater = () => {
  const now = Date.now()
  const before = performance.now()
  vi.spyOn(Date, "now").mockImplementation(() => Math.round(now + hourMillis + performance.now() - before))
}

type Grouping = "host" | "session"

/** One packet each for streams of one session: the second begins when `between` is done. */
const played = (
  ports: Script.Ports,
  { output }: TestRelay.TestRelay,
  minor: number,
  path: string,
  between: Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const script = Script.make(ports, output, () => {})
    const { c, d } = yield* script.recording({ minor, name: "s" })
    for (const channel of ["ch_0", "ch_1", "ch_2"]) {
      const stream = yield* c.addStream({ channel, path })
      yield* c.streamsSent
      for (const seq of [0, 1]) {
        yield* d.packet(stream, seq, packetBytes)
        yield* c.index(stream, { seq })
      }
      yield* c.closeStream(stream, 1)
      yield* between
    }
    yield* c.close
    yield* d.close
  })

/** Times as such: a target that comes by an edge comes later. */
const treeOf = ({ output }: TestRelay.TestRelay): ReadonlyArray<string> =>
  output.tree().map((line) => line.replace(/-20\d{6}-\d{6}/g, "-TIME"))

const direct = (grouping: Grouping, minor: number, path: string) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ grouping })
    yield* played(relay, relay, minor, path, Effect.void)
    yield* Local.quiet(relay)
    return treeOf(relay)
  })

describe("a relay that is started again while an older session daemon's session lives", () => {
  for (const grouping of ["host", "session"] as const) {
    for (const minor of [1, 4, 7, 10]) {
      it.live.each(["/h/s//ust/uid/0/64-bit", "/h/s-20260102-030405/ust", "/h/elsewhere/ust"])(
        `goes on in the directory where it was, by ${grouping}, protocol 2.${minor}: %s`,
        (path) =>
          Effect.gen(function* () {
            const expected = yield* direct(grouping, minor, path)
            let scope = yield* Scope.make()
            let relay = yield* Scope.provide(TestRelay.make({ grouping }), scope)
            const link = yield* new Link.Link(() => relay.controlPort).open
            const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
            const restarted = Effect.gen(function* () {
              yield* Local.marked(local)
              yield* Scope.close(scope, Exit.void)
              anHourLater()
              scope = yield* Scope.make()
              relay = yield* Scope.provide(TestRelay.make({ grouping, memory: relay.memory }), scope)
            })
            yield* played(local, relay, minor, path, Effect.orDie(restarted))
            yield* local.forwarded
            yield* Local.quiet(relay)
            assert.deepStrictEqual(treeOf(relay), expected)
            yield* Scope.close(scope, Exit.void)
          })
      )
    }
  }
})
