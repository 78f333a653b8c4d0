/** Directories of sessions while a journal of theirs is restored: nobody else gets one of them meanwhile. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Incidents } from "../../src/relay/Incidents.ts"
import { Directories } from "../../src/relay/session/Directories.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { TraceStore } from "../../src/storage/TraceStore.ts"

const ownerOf = (id: number) => ({ sessiondUuid: "a", sessionKey: BigInt(id) })
const [session, snapshots] = [{ isSnapshot: false }, { isSnapshot: true }]

const over = (files: Files["Service"], open: Pick<ReadonlySet<string>, "has"> = new Set()) =>
  Effect.map(TraceStore, (store) => new Directories(store, new Incidents(), (journal) => open.has(journal))).pipe(
    Effect.provide(
      TraceStore.layerNoDeps({ output: "/traces", openFileCountMax: 10, deviceOperationCountMax: 4 }).pipe(
        Layer.provide(Layer.succeed(Files, files))
      )
    )
  )

const made = Effect.suspend(() => over(new MemoryFiles().service))

it.effect("whoever comes meanwhile records beside, who was there lets nobody keep it", () =>
  Effect.gen(function* () {
    const directories = yield* made
    const taken = directories.take("h/s", ownerOf(1), session)
    assert.strictEqual(yield* directories.keeping(["h//s/"], taken), "h/s-1")
    directories.release("h/s-1")
    assert.strictEqual(yield* directories.take("h/s", ownerOf(2), session), "h/s")
    assert.isUndefined(yield* directories.keeping(["h/s"], Effect.succeed("kept")))
    directories.release("h/s")
    assert.strictEqual(yield* directories.keeping(["h/s"], Effect.succeed("kept")), "kept")
  })
)

it.effect("whose it was gets it, and those of others are kept one after the other", () =>
  Effect.gen(function* () {
    const directories = yield* made
    const own = directories.take("h/s", ownerOf(1), { ...session, places: new Set(["h/s"]) })
    const goOn = Deferred.makeUnsafe<void>()
    const said: Array<string> = []
    const first = Effect.andThen(Deferred.await(goOn), own)
    const kept = yield* Effect.forkChild(directories.keeping(["h/s"], first), { startImmediately: true })
    const second = Effect.sync(() => void said.push("second"))
    const waits = yield* Effect.forkChild(directories.keeping(["h/t", "h/s"], second), { startImmediately: true })
    assert.deepStrictEqual(said, [])
    yield* Deferred.succeed(goOn, undefined)
    assert.strictEqual(yield* Fiber.join(kept), "h/s")
    // The first has it now.
    assert.isUndefined(yield* Fiber.join(waits))
    assert.deepStrictEqual(said, [])
  })
)

it.effect("another session of its own tracing session waits, and records there, too", () =>
  Effect.gen(function* () {
    const directories = yield* made
    const take = directories.take("h/s", ownerOf(1), session)
    assert.strictEqual(yield* take, "h/s")
    directories.release("h/s")
    const goOn = Deferred.makeUnsafe<void>()
    const own = directories.take("h/s", ownerOf(1), { ...session, places: new Set(["h/s"]) })
    const work = Effect.andThen(own, Deferred.await(goOn))
    const kept = yield* Effect.forkChild(directories.keeping(["h/s"], work), { startImmediately: true })
    const other = yield* Effect.forkChild(take, { startImmediately: true })
    assert.isUndefined(other.pollUnsafe())
    yield* Deferred.succeed(goOn, undefined)
    yield* Fiber.join(kept)
    assert.strictEqual(yield* Fiber.join(other), "h/s")
  })
)

it.effect("a journal has one to itself for as long as it is open; then the next of its tracing session gets it", () =>
  Effect.gen(function* () {
    const open = new Set(["a", "b"])
    const memory = new MemoryFiles()
    const directories = yield* over(memory.service, open)
    const take = (journal?: string, places?: ReadonlyArray<string>) =>
      directories.take("h/s", { ...ownerOf(1), journal }, { ...session, places: places && new Set(places) })
    const takes = (...journals: ReadonlyArray<string | undefined>) => Effect.forEach(journals, (each) => take(each))
    assert.deepStrictEqual(yield* takes("a", "b", "a", "b", undefined), ["h/s", "h/s-1", "h/s", "h/s-1", "h/s-2"])
    memory.write("/traces/h/s/ust/ch_0", Buffer.from("trace"))
    for (const path of ["h/s", "h/s", "h/s-2"]) directories.release(path)
    assert.strictEqual(yield* take("c"), "h/s-2")
    assert.isUndefined(yield* directories.keeping(["h/s"], Effect.succeed("kept")))
    open.delete("a")
    assert.strictEqual(yield* take("d"), "h/s")
  })
)

it.effect("each journal gets again what it had, whichever is gone through first", () =>
  Effect.gen(function* () {
    const places: ReadonlyArray<readonly [journal: string, place: string]> = [
      ["a", "h/s"],
      ["b", "h/s-1"]
    ]
    for (const order of [places, places.toReversed()]) {
      const directories = yield* over(new MemoryFiles().service, new Set(["a", "b"]))
      const take = (journal: string, place?: string) =>
        directories.take(
          "h/s",
          { ...ownerOf(1), journal },
          { ...session, places: place === undefined ? undefined : new Set([place]) }
        )
      for (const [journal, place] of order) assert.strictEqual(yield* take(journal, place), place)
      for (const [journal, place] of order) assert.strictEqual(yield* take(journal), place)
    }
    // Both had one: an earlier version of the relay had them share it.
    const directories = yield* over(new MemoryFiles().service, new Set(["a", "b"]))
    const shared = { ...session, places: new Set(["h/s"]) }
    for (const journal of ["a", "b"]) {
      assert.strictEqual(yield* directories.take("h/s", { ...ownerOf(1), journal }, shared), "h/s")
    }
  })
)

it.effect("snapshots share it", () =>
  Effect.gen(function* () {
    const directories = yield* made
    yield* directories.take("h/s", ownerOf(1), snapshots)
    assert.strictEqual(yield* directories.keeping(["h/s"], directories.take("h/s", ownerOf(2), snapshots)), "h/s")
  })
)

it.effect("who only looks whether it is free does not have it", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    memory.write("/traces/h/s/ust/ch_0", Buffer.from("trace"))
    const faults = new FaultyFiles(memory.service)
    const directories = yield* over(faults.service)
    const goOn = faults.stall("/traces/h/s")
    const other = yield* Effect.forkChild(directories.take("h/s", ownerOf(2), session), { startImmediately: true })
    assert.isAbove(faults.stalledCount, 0)
    const own = directories.take("h/s", ownerOf(1), { ...session, places: new Set(["h/s"]) })
    const kept = yield* Effect.forkChild(directories.keeping(["h/s"], own), { startImmediately: true })
    yield* goOn
    assert.deepStrictEqual([yield* Fiber.join(kept), yield* Fiber.join(other)], ["h/s", "h/s-1"])
  })
)

it.effect("of a thousand that are taken few are looked at", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    const names = ["h/s", ...Array.from({ length: 999 }, (_, at) => `h/s-${at + 1}`)]
    for (const name of names) memory.write(`/traces/${name}/ust/ch_0`, Buffer.from("trace"))
    let lookCount = 0
    const list: Files["Service"]["list"] = (path) => {
      lookCount++
      return memory.service.list(path)
    }
    const directories = yield* over({ ...memory.service, list })
    assert.strictEqual(yield* directories.take("h/s", ownerOf(1), session), "h/s-1000")
    // Two each: of the session's directory, and of what is in it.
    assert.isBelow(lookCount, 80)
    const before = lookCount
    assert.strictEqual(yield* directories.take("h/s", ownerOf(2), session), "h/s-1001")
    assert.isAtMost(lookCount - before, 6)
  })
)

for (const count of [1, 2, 3, 4, 5, 8, 9, 12]) {
  it.effect(`behind ${count} that are taken comes the next number, also for two at once`, () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      for (let number = 0; number < count; number++) {
        memory.write(`/traces/h/s${number === 0 ? "" : `-${number}`}/ust/ch_0`, Buffer.from("trace"))
      }
      const directories = yield* over(memory.service)
      const takes = [1, 2].map((id) => directories.take("h/s", ownerOf(id), session))
      const given = yield* Effect.all(takes, { concurrency: "unbounded" })
      assert.deepStrictEqual(given.toSorted(), [`h/s-${count}`, `h/s-${count + 1}`].toSorted())
    })
  )
}

it.effect("of many that come at once none goes through all that the others got", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    memory.write("/traces/h/s/ust/ch_0", Buffer.from("trace"))
    let questionCount = 0
    const open = { has: () => ++questionCount > 0 }
    const list: Files["Service"]["list"] = (path) => Effect.andThen(Effect.yieldNow, memory.service.list(path))
    const directories = yield* over({ ...memory.service, list }, open)
    const count = 300
    const take = (id: number) => directories.take("h/s", { ...ownerOf(id), journal: String(id) }, session)
    const ids = Array.from({ length: count }, (_, at) => at + 1)
    const given = yield* Effect.forEach(ids, take, { concurrency: "unbounded" })
    assert.strictEqual(new Set(given).size, count)
    assert.isBelow(questionCount, 10 * count)
  })
)
