/** Names on a disk that hangs: few operations are under way there at once, and what is elsewhere goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import type { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { type Stored, withStore } from "./stores.ts"

const all = Array.from({ length: 20 }, (_, number) => number)

/** What lies in directories of the output directory with names that begin with `far` is on another device. */
const onTwoDevices = (): Files["Service"] => {
  const { service } = new MemoryFiles({ isImmediate: false })
  const deviceOf = (path: string) => (path.startsWith("/out/far") ? 2 : 1)
  const open: Files["Service"]["open"] = (path, mode) =>
    Effect.map(service.open(path, mode), (file) => ({ ...file, device: deviceOf(path) }))
  return { ...service, open }
}

/** How many of them have begun when all were asked, while what has `path` in its name hangs; `elsewhere` is done. */
const begunCount = (
  { faults }: Stored,
  path: string,
  ask: (number: number) => Effect.Effect<unknown, unknown>,
  elsewhere: Effect.Effect<unknown, unknown> = Effect.void
) =>
  Effect.gen(function* () {
    const goOn = faults.stall(path)
    const asking = yield* Effect.forEach(all, (number) => Effect.forkChild(ask(number), { startImmediately: true }))
    yield* elsewhere
    const { stalledCount } = faults
    yield* goOn
    yield* Effect.forEach(asking, Fiber.join)
    return stalledCount
  })

const claim = (what: string, body: (stored: Stored) => Effect.Effect<void, unknown>) =>
  it.live(what, () => withStore({ files: onTwoDevices() }, body))

const makes = ({ store }: Stored, at: string, name: string) =>
  Effect.flatMap(store.directory(at).create("ust", name, false), (file) => file.close)

describe("names on a disk that hangs", () => {
  claim("of sessions that begin there two are looked at", (stored) =>
    Effect.gen(function* () {
      const look = (at: string) => stored.store.directory(at).holdsFile(() => true)
      const count = yield* begunCount(stored, "/far/", (number) => look(`far/s${number}`), look("near/s"))
      assert.strictEqual(count, 2)
    })
  )

  claim("of sessions that record there three files are made, whosever they are", (stored) =>
    Effect.gen(function* () {
      const placeOf = (number: number) => `far${number}/s`
      for (const number of all) yield* makes(stored, placeOf(number), "first")
      yield* makes(stored, "near/s", "first")
      const make = (number: number) => makes(stored, placeOf(number), "second")
      assert.strictEqual(yield* begunCount(stored, "/far", make, makes(stored, "near/s", "second")), 3)
    })
  )

  claim("the relay's own directories, without which nothing is recorded, take no turn", (stored) =>
    Effect.gen(function* () {
      const { plain } = stored.store.retraceable
      const look = (number: number) => Effect.ignore(plain.size(`/out/.journals/${number}`))
      assert.strictEqual(yield* begunCount(stored, ".journals", look), all.length)
    })
  )

  it.live("files are closed by turns, too", () =>
    Effect.gen(function* () {
      const closes = Latch.makeUnsafe(false)
      let closingCount = 0
      const plain = onTwoDevices()
      const open: Files["Service"]["open"] = (path, mode) =>
        Effect.map(plain.open(path, mode), (file) => {
          const close = Effect.andThen(
            Effect.suspend(() => {
              closingCount++
              return path.startsWith("/out/far") ? closes.await : Effect.void
            }),
            file.close
          )
          return { ...file, close }
        })
      yield* withStore({ files: { ...plain, open } }, (stored) =>
        Effect.gen(function* () {
          const make = (number: number) => makes(stored, "far/s", `f${number}`)
          const asking = yield* Effect.forEach(all, (number) => Effect.forkChild(make(number)))
          yield* Effect.forEach(asking, () => Effect.yieldNow)
          yield* makes(stored, "near/s", "f")
          assert.strictEqual(closingCount, 3 + 1)
          yield* closes.open
          yield* Effect.forEach(asking, Fiber.join)
        })
      )
    })
  )
})
