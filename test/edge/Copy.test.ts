/** The copy that an edge keeps for viewers of its host: the same directory, and of no consequence. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Tree from "../../src/testing/Tree.ts"
import * as Local from "./Local.ts"
import { story } from "./stories.ts"

const played = (seed: number, faults?: (files: FaultyFiles) => void) =>
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
})
