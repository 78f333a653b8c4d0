/** The descriptor pool and the device gate: bounds kept under load, nothing lost, nobody left waiting. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { DeviceGate } from "../../src/storage/DeviceGate.ts"
import { Watch } from "../../src/storage/Retraceable.ts"
import { until } from "../../src/testing/Waiting.ts"
import { turns } from "../support/turns.ts"
import { type Options, output, type Stored, withStore } from "./stores.ts"

const bytes = (text: string) => Buffer.from(text)
const claim = (what: string, options: Options, body: (stored: Stored) => Effect.Effect<void, unknown>) =>
  it.live(what, () => withStore(options, body))

const fileCount = 100
const roundCount = 5

describe("the pool of open files", () => {
  for (const isSlow of [false, true]) {
    claim(
      `8 descriptors carry 100 files written together${isSlow ? ", slowly" : ""}: nothing is lost`,
      { openFileCountMax: 8 },
      ({ memory, faults, store }) =>
        Effect.gen(function* () {
          if (isSlow) faults.slow("100 micros")
          const directory = store.directory("s")
          const writer = (number: number) =>
            Effect.gen(function* () {
              const file = yield* directory.create("ust", `ch_${number}`, false)
              for (let round = 0; round < roundCount; round++) {
                yield* file.write([bytes(`${number}:${round};`)], round * `${number}:0;`.length)
                yield* Effect.yieldNow
              }
              yield* file.close
            })
          yield* Effect.forEach(
            Array.from({ length: fileCount }, (_, number) => number),
            writer,
            {
              concurrency: "unbounded",
              discard: true
            }
          )
          for (let number = 0; number < fileCount; number++) {
            const expected = Array.from({ length: roundCount }, (_, round) => `${number}:${round};`).join("")
            assert.strictEqual(memory.read(`${output}/s/ust/ch_${number}`)?.toString(), expected)
          }
          assert.isAtMost(faults.openCountMax, 8)
          assert.strictEqual(store.pool.openCount, 0)
          assert.strictEqual(memory.openCount, 0)
        })
    )
  }

  claim("a file that two use at once when its descriptor was given back is opened again once", {}, (stored) =>
    Effect.gen(function* () {
      const { faults, memory, store } = stored
      const file = yield* store.directory("s").create("ust", "ch", false)
      yield* file.write([bytes("text")], 0)
      yield* file.suspend
      faults.slow("1 millis")
      const read = Effect.suspend(() => file.read(Buffer.alloc(4), 0))
      assert.deepStrictEqual(yield* Effect.all([read, read, read], { concurrency: "unbounded" }), [4, 4, 4])
      yield* file.close
      assert.strictEqual(store.pool.openCount, 0)
      assert.strictEqual(memory.openCount, 0)
    })
  )

  claim("a file that was to give its descriptor back keeps it for a use that began first", {}, (stored) =>
    Effect.gen(function* () {
      const { faults, memory, store } = stored
      const file = yield* store.directory("s").create("ust", "ch", false)
      const goOn = faults.stall("ch")
      const using = yield* Effect.forkChild(file.write([bytes("text")], 0))
      yield* until("the write to begin", () => faults.stalledCount === 1)
      yield* file.suspend
      assert.strictEqual(memory.openCount, 1)
      yield* goOn
      yield* Fiber.join(using)
      yield* file.suspend
      assert.strictEqual(memory.openCount, 0)
      assert.strictEqual(store.pool.openCount, 0)
      yield* file.close
    })
  )

  claim("a file that cannot be opened again, for a defect either, keeps no place", {}, ({ faults, store }) =>
    Effect.gen(function* () {
      const file = yield* store.directory("s").create("ust", "ch", false)
      yield* file.suspend
      const read = Effect.suspend(() => file.read(Buffer.alloc(4), 0))
      for (const isDefect of [false, true]) {
        faults.fail({ code: "EIO", operation: "open", times: 1, isDefect })
        assert.strictEqual((yield* Effect.exit(read))._tag, "Failure")
        assert.strictEqual(store.pool.openCount, 0)
      }
      yield* file.close
    })
  )

  claim(
    "what another thread writes is ended before its file is closed, and told to who asked for it",
    { hasWriter: true },
    ({ beside, memory, store }) =>
      Effect.gen(function* () {
        const file = yield* store.directory("s").create("ust", "ch", false)
        const piece = { bytes: bytes("text"), from: 1, to: 4, release: () => {} }
        assert.isTrue(file.hasBesideRoom)
        let toldCount = 0
        const write = file.writeBeside([piece], 2, () => toldCount++)
        yield* file.suspend
        assert.strictEqual(beside.settledEarlyCount, 1)
        yield* turns(3)
        assert.strictEqual(toldCount, 1)
        assert.strictEqual(write?.settle(), 3)
        assert.strictEqual(beside.settledCount, 1, "a device hears once how long it took")
        assert.isUndefined(
          file.writeBeside([piece], 2, () => {}),
          "to a file that is closed"
        )
        yield* file.close
        assert.strictEqual(memory.read(`${output}/s/ust/ch`)?.toString(), "\0\0ext")
      })
  )

  claim("a file closed behind its owner's back is found again after a rename", { openFileCountMax: 8 }, (stored) =>
    Effect.gen(function* () {
      const { memory, store } = stored
      const directory = store.directory("s/a")
      const file = yield* directory.create("ust", "ch", false)
      yield* file.write([bytes("one")], 0)
      yield* file.suspend
      assert.strictEqual(store.pool.openCount, 0)
      yield* directory.rename("s/b", true)
      yield* file.write([bytes("two")], 3)
      assert.strictEqual(memory.read(`${output}/s/b/ust/ch`)?.toString(), "onetwo")
      yield* file.close
    })
  )

  claim("another file under its name is not taken for it", { openFileCountMax: 8 }, ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      const file = yield* directory.create("ust", "ch", false)
      yield* file.suspend
      const successor = yield* directory.create("ust", "ch", true)
      yield* successor.write([bytes("new")], 0)
      assert.strictEqual((yield* Effect.flip(file.write([bytes("old")], 0))).code, "ESTALE")
      assert.strictEqual(memory.read(`${output}/s/ust/ch`)?.toString(), "new")
      yield* file.close
      yield* successor.close
      assert.strictEqual(store.pool.openCount, 0)
    })
  )

  claim("a failed open gives its place back", { openFileCountMax: 8 }, ({ faults, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      faults.fail({ code: "EACCES", operation: "open", times: 20 })
      for (let attempt = 0; attempt < 20; attempt++) {
        assert.strictEqual((yield* Effect.flip(directory.create("ust", "ch", false))).code, "EACCES")
      }
      assert.strictEqual(store.pool.openCount, 0)
      const file = yield* directory.create("ust", "ch", false)
      yield* file.suspend
      faults.fail({ code: "EACCES", operation: "open", times: 1 })
      assert.strictEqual((yield* Effect.flip(file.write([bytes("x")], 0))).code, "EACCES")
      assert.strictEqual(store.pool.openCount, 0)
      yield* file.write([bytes("x")], 0)
      yield* file.close
    })
  )

  claim(
    "out of descriptors, idle files give theirs; with none to give it waits, and gives up in the end",
    {},
    (stored) =>
      Effect.gen(function* () {
        const { faults, store } = stored
        const directory = store.directory("s")
        const idle = yield* Effect.forEach([0, 1, 2], (number) => directory.create("ust", `idle_${number}`, false))
        const late = yield* directory.create("ust", "late", false).pipe(
          Effect.tap(() => Effect.sync(() => assert.strictEqual(store.pool.openCount, 3))),
          (create) =>
            Effect.andThen(
              Effect.sync(() => faults.fail({ code: "EMFILE", operation: "open", times: 1 })),
              create
            )
        )
        for (const file of idle) yield* file.write([bytes("x")], 0)
        for (const file of [...idle, late]) yield* file.suspend
        faults.fail({ code: "ENFILE", operation: "open", times: 3 })
        yield* late.write([bytes("y")], 0)
        yield* late.suspend
        const disarm = faults.fail({ code: "EMFILE", operation: "open" })
        assert.strictEqual((yield* Effect.flip(late.write([bytes("z")], 1))).code, "EMFILE")
        disarm()
        assert.strictEqual(store.pool.openCount, 0)
      })
  )

  claim(
    "out of descriptors, idle files give theirs before a session waits, and to what lists a directory",
    {},
    (stored) =>
      Effect.gen(function* () {
        const { faults, memory, store } = stored
        const watch = new Watch(yield* memory.service.open("/changes", "create"), { isSynced: false, base: output })
        watch.prefixes.add(output)
        store.retraceable.watches.add(watch)
        store.roomWait.onWait = Effect.die
        const directory = store.directory("s")
        const [first, second] = yield* Effect.forEach(["a", "b"], (name) => directory.create("ust", name, false))
        faults.fail({ code: "EMFILE", operation: "open", times: 1 })
        const late = yield* directory.create("ust", "late", false)
        assert.strictEqual(store.pool.openCount, 2)
        faults.fail({ code: "EMFILE", operation: "readdir", times: 1 })
        yield* directory.holdsFile(() => true)
        assert.strictEqual(store.pool.openCount, 1)
        for (const file of [first, second, late]) yield* file?.close ?? Effect.void
      })
  )

  claim("sockets take their descriptors from it, down to the least it needs", { openFileCountMax: 20 }, (stored) =>
    Effect.gen(function* () {
      const { store } = stored
      const directory = store.directory("s")
      const make = (number: number) => directory.create("ust", `ch_${number}`, false)
      const files = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, number) => number),
        make
      )
      assert.strictEqual(store.pool.openCount, 20)
      store.pool.reserve(15)
      yield* make(20)
      assert.strictEqual(store.pool.openCount, 8)
      store.pool.reserve(-15)
      for (const file of files) yield* file.write([bytes("x")], 0)
      assert.strictEqual(store.pool.openCount, 20)
    })
  )

  claim("a file in use is not closed; who needs its place waits for the end of the use", { openFileCountMax: 8 }, (s) =>
    Effect.gen(function* () {
      const directory = s.store.directory("s")
      const make = (number: number) => directory.create("ust", `ch_${number}`, false)
      const files = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, number) => number),
        make
      )
      const release = s.faults.stall("/ch_")
      const writes = files.map((file, at) =>
        Effect.forkChild(file.write([bytes(`${at}`)], 0), { startImmediately: true })
      )
      const writing = yield* Effect.all(writes)
      const ninth = yield* Effect.forkChild(make(9), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(ninth.pollUnsafe())
      yield* release
      yield* Effect.forEach(writing, Fiber.join)
      const file = yield* Fiber.join(ninth)
      yield* file.write([bytes("9")], 0)
      for (let at = 0; at < 8; at++) assert.strictEqual(s.memory.read(`${output}/s/ust/ch_${at}`)?.toString(), `${at}`)
    })
  )
})

describe("the device gate", () => {
  it.effect("lets a device's share in, the rest in order, and other devices always", () =>
    Effect.gen(function* () {
      const gate = new DeviceGate(2)
      const doors = Array.from({ length: 5 }, () => Deferred.makeUnsafe<void>())
      const begun: Array<number> = []
      const operation = (number: number) =>
        Effect.andThen(
          Effect.sync(() => void begun.push(number)),
          Deferred.await(doors[number] as Deferred.Deferred<void>)
        )
      const fibers = yield* Effect.forEach([0, 1, 2, 3, 4], (number) =>
        Effect.forkChild(gate.run(7, operation(number)), { startImmediately: true })
      )
      assert.deepStrictEqual(begun, [0, 1])
      assert.strictEqual(yield* gate.run(8, Effect.succeed("other")), "other")
      for (const number of [1, 0, 3, 2, 4]) {
        yield* Deferred.succeed(doors[number] as Deferred.Deferred<void>, undefined)
        yield* Effect.yieldNow
      }
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(begun, [0, 1, 2, 3, 4])
    })
  )

  it.effect("places come back from operations that fail, die or are interrupted while they wait", () =>
    Effect.gen(function* () {
      const gate = new DeviceGate(1)
      yield* Effect.flip(gate.run(1, Effect.fail("no")))
      yield* Effect.exit(gate.run(1, Effect.die("bug")))
      const door = Deferred.makeUnsafe<void>()
      const first = yield* Effect.forkChild(gate.run(1, Deferred.await(door)), { startImmediately: true })
      const second = yield* Effect.forkChild(gate.run(1, Effect.void), { startImmediately: true })
      const interruption = yield* Effect.forkChild(Fiber.interrupt(second), { startImmediately: true })
      const third = yield* Effect.forkChild(gate.run(1, Effect.succeed(3)), { startImmediately: true })
      yield* Deferred.succeed(door, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(interruption)
      assert.strictEqual(yield* Fiber.join(third), 3)
    })
  )
})
