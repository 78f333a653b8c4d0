/** Files of a suspended session that somebody changes while its edge is away: noticed, told, and not written over. */
import { dirname } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "../../src/storage/FaultyFiles.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Stoppable from "../support/stoppable.ts"
import * as Local from "./Local.ts"

/** Of what is logged under `layer`. */
const told = () => {
  const { layer, lines } = logged()
  return { layer, changed: () => lines.filter((line) => line.includes("files of a suspended session changed")) }
}

const packetCount = 2

/** So many packets are at the relay, which has put that down, and the edge is away. */
const away = (isTwice = false) =>
  Effect.gen(function* () {
    const { relay, stop } = yield* Stoppable.make()
    const { again, c, d, leadTo, link, local, packet, path, script } = yield* Local.recording(relay)
    if (isTwice) yield* again
    for (let seq = 0; seq < packetCount; seq++) yield* packet(seq, 16)
    yield* script.fileSize(path, 16 * packetCount)
    yield* Local.marked(local)
    const suspended = Effect.map(relay.relay.sessions, ([session]) => session?.edge?.suspendedAtMillis !== undefined)
    link.isDown = true
    link.cut()
    yield* until("the suspension", suspended)
    const back = Effect.gen(function* () {
      yield* packet(packetCount, 16)
      link.isDown = false
    })
    const files = () => relay.output.files().filter((file) => file.endsWith("/ch_0"))
    const begunBeside = until("all of it beside", () =>
      files().some((file) => file !== path && relay.output.size(file) === 16 * (packetCount + 1))
    )
    const stopped = stop
    return {
      ...{ c, d, link, local, packet, relay },
      path,
      back,
      begunBeside,
      leadTo,
      stopped,
      files,
      bytes: () => Buffer.from(relay.output.read(path) ?? [])
    }
  })

const damages = [
  ["cut", "short"],
  ["written behind", "x".repeat(40)]
] as const

const harmless: ReadonlyArray<readonly [string, { readonly isTwice?: boolean; readonly fault?: Fault }]> = [
  ["that two streams write, announced twice", { isTwice: true }],
  ["that cannot be looked at", { fault: { code: "EIO", operation: "fstat" } }],
  ["that nobody has touched", {}]
]

describe("a file of a suspended session", () => {
  it.live.each(damages)("that somebody has %s is told, and stays so; the session begins anew beside", ([, text]) => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, begunBeside, bytes, path, relay } = yield* away()
      relay.output.write(path, text)
      yield* back
      yield* begunBeside
      assert.strictEqual(bytes().toString(), text)
      assert.strictEqual(changed().length, 1)
      assert.include(changed()[0], path)
    }).pipe(Effect.provide(layer))
  })

  it.live("that somebody has removed is told; the session begins anew", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, path, relay } = yield* away()
      yield* Effect.orDie(relay.memory.service.unlink(`/traces/${path}`))
      yield* back
      yield* until("all of it", () => relay.output.size(path) === 48)
      assert.strictEqual(changed().length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.live("whose name leads nowhere is told; the session begins anew beside", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, begunBeside, path, relay } = yield* away()
      relay.faults.fail({ code: "ENOENT", operation: "fstat", path: "/ch_0", times: 1 })
      yield* back
      yield* begunBeside
      assert.strictEqual(changed().length, 1)
      assert.include(changed()[0], `${path} is gone`)
    }).pipe(Effect.provide(layer))
  })

  it.live("that is gone counts, though another one before it was only written in place", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, begunBeside, path, relay } = yield* away()
      const index = relay.output.files().find((file) => file.endsWith("/ch_0.idx")) ?? ""
      relay.output.write(path, "x".repeat(32))
      yield* Effect.orDie(relay.memory.service.unlink(`/traces/${index}`))
      yield* back
      yield* begunBeside
      assert.strictEqual(changed().length, 1)
      assert.include(changed()[0], `${index} is gone`)
    }).pipe(Effect.provide(layer))
  })

  it.live("that somebody has written in place is told, and gone on with", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, bytes, files, path, relay } = yield* away()
      relay.output.write(path, "x".repeat(32))
      yield* back
      yield* until("what came meanwhile", () => relay.output.size(path) === 48)
      assert.deepStrictEqual(files(), [path])
      assert.strictEqual(bytes().toString("latin1", 0, 32), "x".repeat(32))
      assert.strictEqual(changed().length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.live.each(harmless)("%s, is not told", ([, { fault, isTwice }]) => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, files, path, relay } = yield* away(isTwice)
      if (fault !== undefined) relay.faults.fail(fault)
      yield* back
      yield* until("what came meanwhile", () => relay.output.size(path) === 48)
      assert.deepStrictEqual(changed(), [])
      assert.deepStrictEqual(files(), [path])
    }).pipe(Effect.provide(layer))
  })
})

describe("an edge that is back before it is known how its files were", () => {
  it.live("is not told, when that happens again, of what it has brought itself meanwhile", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, link, packet, path, relay } = yield* away()
      yield* back
      for (const seq of [packetCount + 1, packetCount + 2]) {
        yield* until("what came before", () => relay.output.size(path) === 16 * seq)
        const goesOn = relay.faults.stall("/ch_0")
        link.cut()
        yield* until("looks at the file, of before and now", () => relay.faults.stalledCount === 2)
        yield* goesOn
        yield* packet(seq, 16)
      }
      yield* until("all of it", () => relay.output.size(path) === 16 * (packetCount + 3))
      assert.deepStrictEqual(changed(), [])
    }).pipe(Effect.provide(layer))
  })
})

/** The directory of its session: below that of its host. */
const sessionOf = (path: string) => path.split("/").slice(0, 2).join("/")

const directories = [
  ["of the session", (session: string) => session],
  ["of its host", dirname]
] as const

describe("a directory that somebody has taken away while the relay was stopped", () => {
  it.live.each(directories)("%s, is told when it is started, and not made again of zeros", ([, of]) => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, bytes, leadTo, path, relay, stopped } = yield* away()
      const before = bytes()
      yield* stopped
      yield* Effect.orDie(relay.memory.service.rename(`/traces/${of(sessionOf(path))}`, "/elsewhere"))
      const next = yield* TestRelay.make({ memory: relay.memory })
      assert.strictEqual(changed().length, 1)
      assert.include(changed()[0], sessionOf(path))
      assert.deepStrictEqual(next.output.files(), [])
      leadTo(next)
      yield* back
      yield* until("all of it", () => next.output.size(path) === 48)
      assert.deepStrictEqual(bytes().subarray(0, before.length), before)
    }).pipe(Effect.provide(layer))
  })
})

describe("a trace chunk that was put away, and that somebody has taken", () => {
  const start = 1_700_000_000
  const ages = [
    ["the relay was stopped", 60_000],
    ["its edge was away for too long", 50]
  ] as const
  it.live.each(ages)("while %s, is not made again of zeros, nor told", ([, suspendMillis]) => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { c, leadTo, link, local, packet, relay, stop, stream } = yield* Local.begun(16, { suspendMillis })
      yield* c.createChunk(1, start + 5)
      yield* c.rotate(1, [[stream, 1]])
      yield* c.closeChunk(0, start + 5, 0)
      const archived = () => relay.output.files().find((file) => file.includes("/archives/"))
      yield* until("the rotation", () => archived() !== undefined)
      yield* packet(1, 16)
      yield* Local.marked(local)
      const chunk = (archived() ?? "").split("/").slice(0, 4).join("/")
      link.isDown = true
      link.cut()
      if (suspendMillis < 1000) yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
      else yield* stop
      yield* Effect.orDie(relay.memory.service.rename(`/traces/${chunk}`, "/elsewhere"))
      const next = suspendMillis < 1000 ? relay : yield* TestRelay.make({ memory: relay.memory })
      leadTo(next)
      link.isDown = false
      yield* packet(2, 16)
      const files = () => next.output.files().filter((file) => file.endsWith("/ch_0"))
      yield* until("what came later", () => files().some((file) => next.output.size(file) === 32))
      assert.strictEqual(files().length, 1)
      assert.deepStrictEqual(changed(), [])
    }).pipe(Effect.provide(layer))
  })
})

describe("a file that somebody has cut while the relay was stopped", () => {
  const cuts = [
    ["shorter", "had 5 bytes of 32", (relay: TestRelay.TestRelay, path: string) => relay.output.write(path, "short")],
    [
      "gone",
      "had 0 bytes of 32",
      (relay: TestRelay.TestRelay, path: string) => {
        Effect.runSync(Effect.orDie(relay.memory.service.unlink(`/traces/${path}`)))
      }
    ]
  ] as const

  it.live.each(cuts)("%s, is told once its edge has brought the rest, and gone on with", ([, shown, damage]) => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, leadTo, path, relay, stopped } = yield* away()
      yield* stopped
      damage(relay, path)
      const next = yield* TestRelay.make({ memory: relay.memory })
      leadTo(next)
      yield* back
      yield* until("what came meanwhile", () => next.output.size(path) === 48)
      yield* until("a line of it", () => changed().length > 0)
      assert.strictEqual(changed().length, 1)
      assert.include(changed()[0], `${path} ${shown}, zeros stand for the rest`)
    }).pipe(Effect.provide(layer))
  })

  it.live("is told by the relay after the next, too", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, leadTo, path, relay, stopped } = yield* away()
      yield* stopped
      relay.output.write(path, "short")
      yield* Effect.scoped(TestRelay.make({ memory: relay.memory }))
      assert.deepStrictEqual(changed(), [])
      const next = yield* TestRelay.make({ memory: relay.memory })
      leadTo(next)
      yield* back
      yield* until("a line of it", () => changed().length > 0)
      assert.include(changed()[0], `${path} had 5 bytes of 32`)
    }).pipe(Effect.provide(layer))
  })

  it.live("is told no sooner than its edge is there, if that comes after its session has ended for want of it", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, leadTo, path, relay, stopped } = yield* away()
      yield* stopped
      relay.output.write(path, "short")
      const next = yield* TestRelay.make({ memory: relay.memory, suspendMillis: 20 })
      yield* until("the end", next.relay.sessions, (sessions) => sessions.length === 0)
      yield* until("all of that", () => next.output.files().some((file) => file.endsWith(".expired")))
      assert.deepStrictEqual(changed(), [])
      leadTo(next)
      yield* back
      yield* until("a line of it", () => changed().length > 0)
      assert.include(changed()[0], `${path} had 5 bytes of 32`)
    }).pipe(Effect.provide(layer))
  })

  it.live("is not told of one that nobody has touched", () => {
    const { changed, layer } = told()
    return Effect.gen(function* () {
      const { back, c, d, leadTo, local, path, relay, stopped } = yield* away()
      yield* stopped
      const next = yield* TestRelay.make({ memory: relay.memory })
      leadTo(next)
      yield* back
      yield* until("what came meanwhile", () => next.output.size(path) === 48)
      yield* d.close
      yield* c.close
      yield* local.forwarded
      assert.deepStrictEqual(changed(), [])
    }).pipe(Effect.provide(layer))
  })
})
