import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { Retraceable, Watch } from "../../src/storage/Retraceable.ts"
import { Prefixes, Watches } from "../../src/storage/Watches.ts"

const any = () => true

describe("watches of directories", () => {
  it("are not looked through for a name in one of them, however many there are", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const memory = new MemoryFiles()
        const retraceable = new Retraceable(memory.service)
        let lookCount = 0
        for (let number = 0; number < 1000; number++) {
          const changes = yield* memory.service.open(`/changes-${number}`, "create")
          const watch = new Watch(changes, { isSynced: false, base: "/traces" })
          watch.prefixes.add(`/traces/host/s${number}`)
          retraceable.watches.add(watch)
          const has = watch.prefixes.has.bind(watch.prefixes)
          watch.prefixes.has = (path) => {
            lookCount++
            return has(path)
          }
        }
        yield* retraceable.service.makeDirectory("/traces/host/s777/ust")
        assert.isAbove(yield* memory.service.size("/changes-777"), 0)
        assert.isAtMost(lookCount, 10)
      })
    ))

  it("are found by what they watch now: the first that is meant, wherever above the path it watches", () => {
    const watches = new Watches<{ readonly prefixes: Prefixes }>()
    const [above, below] = [{ prefixes: new Prefixes(["/a"]) }, { prefixes: new Prefixes(["/a/b"]) }]
    watches.add(above)
    watches.add(below)
    assert.strictEqual(watches.of("/a/b/c", any), above)
    assert.strictEqual(
      watches.of("/a/b/c", (watch) => watch !== above),
      below
    )
    assert.isUndefined(watches.of("/ab", any))
    above.prefixes.clear()
    assert.strictEqual(watches.of("/a/b/c", any), below)
    above.prefixes.add("/c")
    assert.strictEqual(watches.of("/c", any), above)
    assert.isTrue(watches.delete(above))
    assert.isFalse(watches.delete(above))
    above.prefixes.add("/d")
    assert.isUndefined(watches.of("/c", any))
    assert.isUndefined(watches.of("/d", any))
    assert.strictEqual(watches.size, 1)
  })
})
