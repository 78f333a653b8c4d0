/**
 * A segment of a spool that is gone, or a part of one that cannot be read, between others. Goal: it is named, and no
 * packet is made of the beginning of one and the end of another.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { scan } from "../../src/edge/journal/Scan.ts"
import { thin } from "../../src/edge/spool/Thinning.ts"
import { headBytes, Kind } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import * as Spools from "./spools.ts"

/** As long as a segment: each record is in one of its own. */
const partBytes = 1024 * 1024
const part = (bytes: Uint8Array) => ({ bytes: Buffer.from(bytes), from: 0, to: bytes.length })
const half = part(Buffer.alloc(partBytes, 7))
/** A packet of two halves begins. */
const begun = (seq: number) => [part(Commands.packetHeader(1n, seq, 2 * partBytes, 0)), part(half.bytes)] as const

/** Record 1 begins a packet, 2 ends it; and so on. */
const packets = (count: number) =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    const journal = Spools.open(yield* Spools.make(memory.service))
    const written = Effect.suspend(() => {
      journal.writing.flush()
      return Spools.written(journal)
    })
    for (let seq = 0; seq < count; seq++) {
      journal.append(Kind.packet, 1, ...begun(seq))
      yield* written
      journal.append(Kind.rest, 1, half)
      yield* written
    }
    const { directory } = journal.home
    const segments = memory.paths(directory).filter((path) => path.endsWith(".journal"))
    assert.strictEqual(segments.length, 2 * count)
    return { directory, memory, segments }
  })

describe("a record of the newest segment that is damaged", () => {
  it.live("is named once where whole ones are behind it, and was being written where there are none", () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      const journal = Spools.open(yield* Spools.make(memory.service))
      for (let number = 1; number <= 6; number++) journal.append(Kind.command, 1, part(Buffer.alloc(100, number)))
      yield* Spools.written(journal)
      const { directory } = journal.home
      const [segment = "", ...others] = memory.paths(directory).filter((path) => path.endsWith(".journal"))
      assert.deepStrictEqual(others, [])
      const bytes = Buffer.from(memory.read(segment) ?? [])
      for (const number of [2, 3, 6]) bytes[number * (headBytes + 100) - 1] = 0
      memory.write(segment, bytes)
      const { damage, last } = yield* scan(memory.service, directory)
      assert.strictEqual(last, 5)
      const named = damage.filter((line) => line.endsWith("is damaged"))
      assert.deepStrictEqual(
        named,
        [2, 3].map((number) => `${segment}: record ${number} is damaged`)
      )
    })
  )
})

describe("a segment that is gone", () => {
  it.live("is named, and packets of which a part was in it are left out", () =>
    Effect.gen(function* () {
      const { directory, memory, segments } = yield* packets(4)
      for (const gone of [3, 4]) yield* Effect.orDie(memory.service.unlink(segments[gone] ?? ""))
      const { damage, skipped } = yield* scan(memory.service, directory)
      assert.deepStrictEqual(damage, [
        `${directory}: records 4 to 5 are not there`,
        `${directory}: packet 1/1 is left out`
      ])
      assert.deepStrictEqual([...skipped.keys()], [3, 6])
    })
  )

  it.live("does nothing to packets that were whole", () =>
    Effect.gen(function* () {
      const { directory, memory, segments } = yield* packets(4)
      for (const gone of [2, 3]) yield* Effect.orDie(memory.service.unlink(segments[gone] ?? ""))
      const { damage, skipped } = yield* scan(memory.service, directory)
      assert.deepStrictEqual(damage, [`${directory}: records 3 to 4 are not there`])
      assert.deepStrictEqual([...skipped.keys()], [])
    })
  )

  it.live("was freed, if it was before all others", () =>
    Effect.gen(function* () {
      const { directory, memory, segments } = yield* packets(3)
      for (const gone of [0, 1]) yield* Effect.orDie(memory.service.unlink(segments[gone] ?? ""))
      const { damage } = yield* scan(memory.service, directory)
      assert.deepStrictEqual(damage, [])
    })
  )
})

describe("heads that are no heads", () => {
  it.live("of the end of a packet and the beginning of the next: neither is made of the other", () =>
    Effect.gen(function* () {
      const { directory, memory, segments } = yield* packets(4)
      const all = segments.map((path) => Buffer.from(memory.read(path) ?? assert.fail()))
      for (const path of segments.slice(1)) yield* Effect.orDie(memory.service.unlink(path))
      for (const at of [3, 4]) all[at]?.fill(0, 0, headBytes)
      memory.write(segments[0] ?? "", Buffer.concat(all))
      const { skipped } = yield* scan(memory.service, directory)
      assert.deepStrictEqual([...skipped.keys()], [3, 6])
    })
  )
})

describe("a segment that was thinned", () => {
  it.live("is not taken for one behind which another is missing", () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      const journal = Spools.open(yield* Spools.make(memory.service))
      const count = 40
      for (let seq = 0; seq < count; seq++) {
        const header = part(Commands.packetHeader(1n, seq, partBytes / 8, 0))
        journal.append(Kind.packet, 1, header, part(Buffer.alloc(partBytes / 8)))
        const index = Commands.sendIndex(13, 1n, { seq, bytes: partBytes / 8 })
        journal.append(Kind.command, 2, part(Commands.message(Commands.numbers.SEND_INDEX, index)))
        journal.writing.flush()
        yield* Spools.written(journal)
      }
      let dropped = 0
      for (let thinned = yield* thin(journal, Number.POSITIVE_INFINITY); thinned !== undefined; ) {
        dropped += thinned.packetCount
        thinned = yield* thin(journal, Number.POSITIVE_INFINITY)
      }
      assert.isAbove(dropped, count / 2)
      const { damage } = yield* scan(memory.service, journal.home.directory)
      assert.deepStrictEqual(damage, [])
    })
  )
})

const emptied = (image: MemoryFiles, path: string) => Effect.sync(() => image.write(path, Buffer.alloc(0)))
const removed = (image: MemoryFiles, path: string) => Effect.orDie(image.service.unlink(path))

/** A session of which the relay has a packet, and its edge `segmentCount` segments; what is done to these meanwhile. */
const damaged = (
  segmentCount: number,
  damage: (image: MemoryFiles, segments: ReadonlyArray<string>) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const scope = yield* Scope.make()
    const files = new MemoryFiles()
    const link = yield* new Link(() => relay.controlPort).open
    const ports = { controlPort: link.port, dataPort: relay.dataPort }
    const local = yield* Scope.provide(Local.start({ ...ports, files: files.service }), scope)
    const { c, d, file } = yield* Script.make(local, relay.output, () => {}).recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0, 16)
    yield* c.index(stream, { seq: 0 })
    yield* until("the packet", () => relay.output.size(file("ch_0")) === 16)
    link.isDown = true
    link.cut()
    const segmentsOf = (of: MemoryFiles) => of.paths("/spool").filter((path) => path.endsWith(".journal"))
    for (let seq = 1; segmentsOf(files).length < segmentCount; seq++) {
      yield* d.packet(stream, seq, partBytes)
      yield* c.index(stream, { seq })
    }
    const image = new MemoryFiles()
    for (const path of files.paths("/spool")) image.write(path, Buffer.from(files.read(path) ?? []))
    yield* Scope.close(scope, Exit.void)
    yield* damage(image, segmentsOf(image))
    link.isDown = false
    const next = yield* Local.start({ ...ports, files: image.service })
    yield* next.forwarded
    yield* Local.quiet(relay)
    assert.strictEqual(relay.output.size(file("ch_0")), 16)
    return image
  })

describe("the newest segment of a session, of which the relay has some", () => {
  it.live.each([
    ["is empty", emptied],
    ["is gone", removed]
  ] as const)("%s: that is named, and the session ends there", ([, damage]) => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      yield* damaged(1, (image, [segment = ""]) => damage(image, segment))
      assert.include(codes, "SPOOL_DAMAGED")
    }).pipe(Effect.provide(layer))
  })
})

describe("the first of several, of which the relay has some,", () => {
  it.live.each([
    ["is empty", emptied],
    ["is gone", removed]
  ] as const)("%s: what it needs is not there, so the others are put aside", ([, damage]) => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      let others: ReadonlyArray<string> = []
      const image = yield* damaged(3, (files, [segment = "", ...rest]) => {
        others = rest.map((path) => path.split("/").at(-1) ?? "")
        return damage(files, segment)
      })
      assert.include(codes, "JOURNAL_LOST")
      const aside = image.paths("/spool").filter((path) => /\.lost\/\d+\.journal$/.test(path))
      assert.isAbove(others.length, 0)
      // Besides, that its tracer is gone.
      assert.includeMembers(
        aside.map((path) => path.split("/").at(-1) ?? ""),
        [...others]
      )
    }).pipe(Effect.provide(layer))
  })
})
