/**
 * What happens between an edge and its relay, and to the edge itself, from a seed: the link is cut after any number of
 * bytes, again and again; the edge dies at any write. In the end the relay's directory is that of a run without faults,
 * byte for byte.
 *
 * `EDGE_SEEDS=10000` plays as many.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type { Files, OpenFile } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import { seeded, story } from "./stories.ts"

const seedCount = Number(process.env.EDGE_SEEDS ?? 12)
const firstSeed = Number(process.env.EDGE_SEED ?? 1)

const direct = (seed: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      yield* Effect.scoped(story(seed)(Script.make(relay, relay.output, () => {})))
      yield* Local.quiet(relay)
      return relay.output.tree()
    })
  )

/** Most of a story with faults is waiting until somebody connects again: several are told at a time. */
const concurrency = 4

/** Plays each seed's story with faults: the directory that is answered has to be that of a run without. */
const withFaults = <E>(play: (seed: number) => Effect.Effect<ReadonlyArray<string>, E, Scope.Scope>) =>
  Effect.forEach(
    Array.from({ length: seedCount }, (_, offset) => firstSeed + offset),
    Effect.fnUntraced(function* (seed) {
      const expected = yield* direct(seed)
      const found = yield* Effect.scoped(play(seed))
      assert.deepStrictEqual(found, expected, `seed ${seed}`)
    }),
    { concurrency, discard: true }
  )

describe("an edge whose link is cut", () => {
  it.live(
    "leaves the same directory, whenever it is cut",
    () =>
      withFaults((seed) =>
        Effect.gen(function* () {
          const random = seeded(seed)
          const relay = yield* TestRelay.make()
          const link = yield* new Link(
            () => relay.controlPort,
            () => 60 + Math.floor(random() ** 3 * 4000)
          ).open
          const compression = seed % 2 === 0 ? "on" : "auto"
          const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort, compression })
          yield* Effect.scoped(story(seed)(Script.make(local, relay.output, () => {})))
          yield* local.forwarded
          yield* Local.quiet(relay)
          return relay.output.tree()
        })
      ),
    600_000
  )
})

/** What the edge says from here on is its last word. */
const isFinished = (relay: TestRelay.TestRelay): boolean =>
  relay.output.files().some((path) => path.endsWith(".finished"))

describe("an edge whose link is cut at its last word", () => {
  it.live("says it again: the relay remembers nothing of the journal", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const link = yield* new Link(() => relay.controlPort).open
      let cutCount = 0
      link.passes = () => {
        if (!isFinished(relay) || cutCount === 3) return true
        cutCount++
        return false
      }
      const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
      yield* Effect.scoped(story(1)(Script.make(local, relay.output, () => {})))
      yield* local.forwarded
      assert.strictEqual(cutCount, 3)
      yield* Local.quiet(relay)
    })
  )

  it.live("and killed then, as the next edge does", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const link = yield* new Link(() => relay.controlPort).open
      const memory = new MemoryFiles()
      let image: MemoryFiles | undefined
      link.passes = () => {
        if (!isFinished(relay)) return true
        image = Local.imageOf(memory)
        return false
      }
      yield* Effect.scoped(
        Effect.gen(function* () {
          const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort, files: memory.service })
          yield* Effect.scoped(story(1)(Script.make(local, relay.output, () => {})))
          yield* until("the edge to say its last word", () => image !== undefined)
        })
      )
      const before = relay.output.tree()
      link.passes = () => true
      const files = (image as MemoryFiles).service
      const next = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort, files })
      yield* next.forwarded
      yield* Local.quiet(relay)
      // Nothing is recorded twice.
      assert.deepStrictEqual(
        relay.output.tree(),
        before.filter((line) => !line.includes(".journals"))
      )
    })
  )
})

describe("an edge that is killed", () => {
  it.live(
    "has what it answered for: the next one brings it to the relay",
    () =>
      withFaults((seed) =>
        Effect.gen(function* () {
          const relay = yield* TestRelay.make()
          const memory = new MemoryFiles({ isImmediate: seed % 2 === 0 })
          // The relay cannot be reached before the edge is gone.
          const first = yield* Scope.make()
          const local = yield* Scope.provide(Local.start({ controlPort: 1, dataPort: 1, files: memory.service }), first)
          yield* Effect.scoped(story(seed)(Script.make(local, relay.output, () => {})))
          const image = Local.imageOf(memory)
          yield* Scope.close(first, Exit.void)
          // Part of a record that was being written.
          const torn = image.paths("/spool").findLast((path) => path.endsWith(".journal"))
          if (torn !== undefined && seed % 3 === 0) {
            const whole = image.read(torn) ?? Buffer.alloc(0)
            image.write(torn, Buffer.concat([whole, Buffer.alloc(1 + (seed % 50), seed)]))
          }
          const next = yield* Local.start({
            controlPort: relay.controlPort,
            dataPort: relay.dataPort,
            files: image.service
          })
          yield* next.forwarded
          yield* Local.quiet(relay)
          return relay.output.tree()
        })
      ),
    600_000
  )
})

/** Tells of every operation before it is done. */
class TellingFiles extends MemoryFiles {
  onOperation = () => {}

  override get service(): Files["Service"] {
    const plain = super.service
    const told = <A, E>(operation: Effect.Effect<A, E>) =>
      Effect.suspend(() => {
        this.onOperation()
        return operation
      })
    const openFile = (file: OpenFile): OpenFile => ({
      ...file,
      write: (buffers, position) => told(file.write(buffers, position)),
      writeNow: undefined,
      writeBeside: undefined,
      truncate: (size) => told(file.truncate(size))
    })
    return {
      ...plain,
      open: (path, mode) => told(Effect.map(plain.open(path, mode), openFile)),
      makeDirectory: (path) => told(plain.makeDirectory(path)),
      rename: (from, to) => told(plain.rename(from, to)),
      unlink: (path) => told(plain.unlink(path)),
      displace: (path) => told(plain.displace(path)),
      removeDirectory: (path) => told(plain.removeDirectory(path))
    }
  }
}

const tellingOf = (image?: MemoryFiles): TellingFiles => {
  const files = new TellingFiles()
  for (const path of image?.paths("/") ?? []) {
    const bytes = image?.read(path)
    if (bytes !== undefined) files.write(path, Buffer.from(bytes))
  }
  return files
}

describe("a relay that is killed", () => {
  it.live(
    "is where it was when it is there again: at any operation on its files",
    () =>
      withFaults((seed) =>
        Effect.gen(function* () {
          const random = seeded(seed)
          const scopes: Array<Scope.Closeable> = []
          const scope = yield* Scope.make()
          scopes.push(scope)
          let memory = tellingOf()
          let relay = yield* Scope.provide(TestRelay.make({ memory }), scope)
          const link = yield* new Link(() => relay.controlPort).open
          let killed: MemoryFiles | undefined
          const killIn = (count: number) => {
            let left = count
            memory.onOperation = () => {
              if (--left !== 0) return
              killed = Local.imageOf(memory)
              link.isDown = true
              link.cut()
            }
          }
          killIn(20 + Math.floor(random() * 60))
          const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
          let isTold = false
          const telling = Effect.scoped(story(seed)(Script.make(local, relay.output, () => {})))
          yield* Effect.forkScoped(
            Effect.map(telling, () => {
              isTold = true
            })
          )
          const isOver = () => isTold && local.edge.spool.journals.size === 0
          for (let kills = 0; kills < 3; kills++) {
            yield* until("a kill", () => killed !== undefined || isOver())
            if (killed === undefined) break
            const image = killed
            killed = undefined
            memory.onOperation = () => {}
            yield* Scope.close(scopes.at(-1) as Scope.Closeable, Exit.void)
            memory = tellingOf(image)
            const next = yield* Scope.make()
            scopes.push(next)
            relay = yield* Scope.provide(TestRelay.make({ memory }), next)
            link.isDown = false
            killIn(10 + Math.floor(random() * 80))
          }
          memory.onOperation = () => {}
          yield* until("the end", isOver)
          yield* Local.quiet(relay, ".history")
          // An edge that was told, and did not say so, is remembered.
          const tree = relay.output.tree().filter((line) => !line.startsWith(".journals/"))
          yield* Scope.close(scopes.at(-1) as Scope.Closeable, Exit.void)
          return tree
        })
      ),
    600_000
  )
})

const refusals = ["ENOSPC", "EROFS", "EACCES", "EPERM"]
const needRoom = ["write", "open", "mkdir", "rename"] as const

describe("a relay whose disk is full for a while, or may not be written", () => {
  it.live(
    "waits until it can write, or the next one does, and then has the same directory",
    () =>
      withFaults((seed) =>
        Effect.gen(function* () {
          const random = seeded(seed)
          const first = yield* Scope.make()
          let relay = yield* Scope.provide(TestRelay.make(), first)
          const code = refusals[Math.floor(random() * refusals.length)] as string
          const operation = needRoom[seed % needRoom.length] as (typeof needRoom)[number]
          relay.faults.fail({ code, operation, after: Math.floor(random() * 30), times: 2 })
          const link = yield* new Link(() => relay.controlPort).open
          const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort })
          const { memory } = relay
          yield* Effect.scoped(story(seed)(Script.make(local, relay.output, () => {})))
          if (seed % 3 === 0) {
            link.isDown = true
            link.cut()
            yield* Scope.close(first, Exit.void)
            relay = yield* TestRelay.make({ memory })
            link.isDown = false
          }
          yield* local.forwarded
          yield* Local.quiet(relay)
          const tree = relay.output.tree()
          yield* Scope.close(first, Exit.void)
          return tree
        })
      ),
    600_000
  )
})
