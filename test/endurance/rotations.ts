/**
 * One session by an edge that rotates again and again, at a relay that is stopped and started meanwhile: in this
 * process over files in memory, or as it is shipped over a disk, where every second time it is killed.
 */
import { Effect, Exit, Scope } from "effect"
import type { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Tree from "../../src/testing/Tree.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "../edge/Link.ts"
import * as Local from "../edge/Local.ts"
import { closeCommands, noSeq } from "../sidebyside/commands.ts"
import * as Relays from "../support/relays.ts"

const waitSeconds = 120

export interface Options {
  readonly rotationCount: number
  /** The relay is stopped after so many rotations, and started again. */
  readonly restartEvery: number
  /** It writes into this directory; undefined: into memory. */
  readonly directory?: string | undefined
}

export interface Report {
  /** What the relay had put down of it at most, where it stopped. */
  readonly historyBytesMax: number
  readonly tree: ReadonlyArray<string>
  /** What the same session leaves without an edge. */
  readonly expected: ReadonlyArray<string>
  readonly restartCount: number
  /** Of the script, that waited in vain: what follows from it is no fault of the relay's. */
  readonly complaints: ReadonlyArray<string>
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

/** Where the relay writes, and how one is started over what the one before has left. */
interface Ground {
  readonly output: Tree.Place
  readonly start: Effect.Effect<Pick<Script.Ports, "controlPort" | "dataPort">, unknown, Scope.Scope>
  /** Before it ends. */
  readonly stop: () => void
}

const inMemory = (): Ground => {
  let memory: MemoryFiles | undefined
  let output = Tree.onDisk("/nowhere")
  const start = Effect.map(
    Effect.suspend(() => TestRelay.make(memory === undefined ? {} : { memory })),
    (relay) => {
      memory = relay.memory
      output = relay.output
      return relay
    }
  )
  return {
    start,
    stop: () => undefined,
    get output() {
      return output
    }
  }
}

const onDisk = (directory: string): Ground => {
  let [count, kill] = [0, () => {}]
  const start = Effect.map(Relays.start("ours", { output: directory }), (relay) => {
    kill = () => relay.process.signal("SIGKILL")
    return relay
  })
  const stop = () => {
    if (count++ % 2 === 1) kill()
  }
  return { output: Tree.onDisk(directory), start, stop }
}

const isKept = (path: string) => path.startsWith(".journals/")

/** Every file with its bytes. */
const treeOf = (output: Tree.Place) =>
  output
    .files()
    .filter((path) => !isKept(path))
    .map((path) => `${path} ${Buffer.from(output.read(path) ?? []).toString("base64")}`)
    .sort()

/** The sessions are over. */
const isQuiet = (output: Tree.Place) => !output.files().some(isKept)

const directly = (count: number) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    yield* played(relay.script(), count, () => Effect.void)
    const isOver = Effect.map(relay.relay.sessions, (sessions) => sessions.length === 0)
    yield* until("the end", isOver, { seconds: waitSeconds })
    return treeOf(relay.output)
  })

const inVain = /→ [0-9a-f]* ?(?:closed|silent)$|in vain/

export const rotations = ({ directory, restartEvery, rotationCount }: Options) =>
  Effect.gen(function* () {
    const expected = yield* Effect.scoped(directly(rotationCount))
    const ground = directory === undefined ? inMemory() : onDisk(directory)
    let scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    let relay = yield* Scope.provide(ground.start, scope)
    const link = yield* new Link(() => relay.controlPort).open
    const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
    let [historyBytesMax, restartCount] = [0, 0]
    const complaints: Array<string> = []
    const historyPath = () => ground.output.files().find((path) => path.endsWith(".history")) ?? ""
    const restarted = Effect.gen(function* () {
      link.isDown = true
      link.cut()
      ground.stop()
      yield* Scope.close(scope, Exit.void)
      scope = yield* Scope.make()
      relay = yield* Scope.provide(ground.start, scope)
      link.isDown = false
      restartCount++
    })
    const rotated = (chunk: number) =>
      Effect.gen(function* () {
        if (chunk % restartEvery > 0) return
        const journals = [...local.edge.spool.journals.values()]
        const isThere = () => journals.every(({ durable, last }) => durable === last)
        yield* until(`the relay to have all of ${chunk} rotations`, isThere, { seconds: waitSeconds })
        historyBytesMax = Math.max(historyBytesMax, ground.output.size(historyPath()) ?? Number.POSITIVE_INFINITY)
        yield* restarted
      })
    const note = (line: string) => void (inVain.test(line) && complaints.push(line))
    yield* played(Script.make(local, ground.output, note), rotationCount, rotated).pipe(
      Effect.tapError(() => Effect.sync(() => process.stderr.write(`${complaints.slice(0, 5).join("\n")}\n`)))
    )
    const isOver = () => local.edge.spool.journals.size === 0 && isQuiet(ground.output)
    yield* until("the end", isOver, { seconds: waitSeconds, everyMillis: 100 })
    const report: Report = { historyBytesMax, tree: treeOf(ground.output), expected, restartCount, complaints }
    return report
  })
