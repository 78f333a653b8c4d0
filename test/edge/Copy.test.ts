/** The copy that an edge keeps for viewers of its host: the same directory, and of no consequence. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Tree from "../../src/testing/Tree.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Local from "./Local.ts"
import { story } from "./stories.ts"

const played = (seed: number, faults?: (files: FaultyFiles) => unknown) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const memory = new MemoryFiles()
    const files = new FaultyFiles(memory.service)
    faults?.(files)
    const local = yield* Local.start({ ...relay, files: files.service, copy: "/copy" })
    yield* Effect.scoped(story(seed)(Script.make(local, relay.output, () => {})))
    yield* local.forwarded
    yield* Local.quiet(relay)
    return { copy: Tree.inMemory(memory, "/copy").tree(), relay: relay.output.tree() }
  })

/** Of an edge with the fewest descriptors. */
const streamCount = 40
const packetBytes = 16

describe("a copy", () => {
  it.live("is what the relay has", () =>
    Effect.gen(function* () {
      const { copy, relay } = yield* played(3)
      assert.isAbove(relay.length, 3)
      assert.deepStrictEqual(copy, relay)
    })
  )

  for (const [operation, after] of [
    ["write", 5],
    ["open", 3],
    ["mkdir", 1],
    ["rename", 0]
  ] as const) {
    it.live(`whose disk is full at ${operation} costs nobody anything`, () =>
      Effect.gen(function* () {
        const { relay: expected } = yield* played(3)
        const { copy, relay } = yield* played(3, (files) => {
          files.fail({ code: "ENOSPC", operation, path: "/copy", after })
        })
        assert.deepStrictEqual(relay, expected)
        if (operation !== "rename") assert.notDeepEqual(copy, expected)
      })
    )
  }

  for (const operation of ["open", "write", "mkdir", "rename", "unlink", "rmdir", "readdir"] as const) {
    it.live(`whose disk fails at ${operation} costs nobody the rings, rotations and clears of its session`, () =>
      Effect.gen(function* () {
        const { relay: expected } = yield* played(1)
        const { relay } = yield* played(1, (files) => files.fail({ code: "EIO", operation, path: "/copy" }))
        assert.deepStrictEqual(relay, expected)
      })
    )
  }

  it.live("of more files than descriptors costs nobody what cannot be opened again", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const memory = new MemoryFiles()
      const files = new FaultyFiles(memory.service)
      const local = yield* Local.start({ ...relay, files: files.service, copy: "/copy", descriptorCount: 1 })
      const { c, d, file } = yield* Script.make(local, relay.output, () => {}).recording()
      const streams: Array<bigint> = []
      for (let cpu = 0; cpu < streamCount; cpu++) streams.push(yield* c.addStream({ channel: `ch_${cpu}` }))
      for (let seq = 0; seq < 3; seq++) {
        for (const stream of streams) {
          yield* d.packet(stream, seq, packetBytes)
          yield* c.index(stream, { seq })
        }
        if (seq === 0) files.fail({ code: "EIO", operation: "open", path: "/copy" })
      }
      for (let cpu = 0; cpu < streamCount; cpu++) {
        yield* until("all packets of a stream", () => relay.output.size(file(`ch_${cpu}`)) === 3 * packetBytes)
      }
    })
  )

  it.live("whose disk can only be read any more costs nobody anything", () =>
    Effect.gen(function* () {
      const { relay: expected } = yield* played(1)
      const { relay } = yield* played(1, (files) => files.fail({ code: "EROFS", path: "/copy", after: 15 }))
      assert.deepStrictEqual(relay, expected)
    })
  )
})
