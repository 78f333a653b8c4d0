/** One session by an edge that rotates again and again, at a relay that is stopped and started meanwhile. */
import { Effect, Exit, Scope } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "../edge/Link.ts"
import * as Local from "../edge/Local.ts"
import { closeCommands, noSeq } from "../sidebyside/commands.ts"

const waitSeconds = 120

export interface Options {
  readonly rotationCount: number
  /** The relay is stopped after so many rotations, and started again. */
  readonly restartEvery: number
}

export interface Report {
  /** What the relay had put down of it at most, where it stopped. */
  readonly historyBytesMax: number
  readonly tree: ReadonlyArray<string>
  /** What the same session leaves without an edge. */
  readonly expected: ReadonlyArray<string>
  readonly restartCount: number
}

/** Streams come and go; `rotated` is called behind each rotation. */
const played = <E, R>(script: Script.Script, count: number, rotated: (chunk: number) => Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const { c, d } = yield* script.recording({ name: "rotated" })
    const stream = yield* c.addStream()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.streamsSent
    for (let chunk = 1; chunk <= count; chunk++) {
      const passing = yield* c.addStream({ path: `ust/pid/app-${chunk}` })
      yield* c.streamsSent
      yield* d.packet(stream, chunk - 1, 40)
      yield* c.index(stream, { seq: chunk - 1, packetSeq: chunk - 1, bytes: 40 })
      yield* c.closeStream(passing, noSeq)
      yield* c.createChunk(chunk, chunk)
      yield* c.rotate(chunk, [[stream, chunk] as const, [metadata, 0] as const])
      yield* c.metadata(metadata, Buffer.alloc(20, "m"))
      yield* c.closeChunk(chunk - 1, chunk, closeCommands.move)
      yield* rotated(chunk)
    }
    yield* c.closeStream(stream, count - 1)
    yield* c.closeStream(metadata, noSeq)
    yield* c.close
    yield* d.close
  })

const treeOf = ({ output }: TestRelay.TestRelay) => output.tree().filter((line) => !line.startsWith(".journals/"))

const isOver = (relay: TestRelay.TestRelay) => Effect.map(relay.relay.sessions, (sessions) => sessions.length === 0)

const directly = (count: number) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    yield* played(relay.script(), count, () => Effect.void)
    yield* until("the end", isOver(relay), { seconds: waitSeconds })
    return treeOf(relay)
  })

export const rotations = ({ restartEvery, rotationCount }: Options) =>
  Effect.gen(function* () {
    const expected = yield* Effect.scoped(directly(rotationCount))
    let scope = yield* Scope.make()
    let relay = yield* Scope.provide(TestRelay.make(), scope)
    const link = yield* new Link(() => relay.controlPort).open
    const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
    let [historyBytesMax, restartCount] = [0, 0]
    const historyPath = () => relay.output.files().find((path) => path.endsWith(".history")) ?? ""
    const restarted = Effect.gen(function* () {
      link.isDown = true
      link.cut()
      yield* Scope.close(scope, Exit.void)
      scope = yield* Scope.make()
      relay = yield* Scope.provide(TestRelay.make({ memory: relay.memory }), scope)
      link.isDown = false
      restartCount++
    })
    const rotated = (chunk: number) =>
      Effect.gen(function* () {
        if (chunk % restartEvery > 0) return
        const journals = [...local.edge.spool.journals.values()]
        const isThere = () => journals.every(({ durable, last }) => durable === last)
        yield* until("the relay to have all of it", isThere, { seconds: waitSeconds })
        historyBytesMax = Math.max(historyBytesMax, relay.output.size(historyPath()) ?? Number.POSITIVE_INFINITY)
        yield* restarted
      })
    yield* played(
      Script.make(local, relay.output, () => {}),
      rotationCount,
      rotated
    )
    const over = Effect.suspend(() => Effect.map(isOver(relay), (is) => is && local.edge.spool.journals.size === 0))
    yield* until("the end", over, { seconds: waitSeconds })
    const tree = treeOf(relay)
    yield* Scope.close(scope, Exit.void)
    const report: Report = { historyBytesMax, tree, expected, restartCount }
    return report
  })
