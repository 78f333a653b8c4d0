/**
 * When a connection of who has a quota is read from: by its principals' rate, and by what lies on the disk.
 * Time passes by hand, and a look at the disk is made when the test makes it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { afterEach, beforeEach, vi } from "vitest"
import { type Quota, rightsOf } from "../../src/access/Access.ts"
import { Throttle } from "../../src/connection/Throttle.ts"
import type { Incident } from "../../src/errors/Report.ts"
import { Incidents } from "../../src/relay/Incidents.ts"
import { Allowances } from "../../src/relay/party/Allowances.ts"
import { Party } from "../../src/relay/party/Party.ts"
import type { Carried } from "../../src/transport/Peer.ts"
import { output, withStore } from "../storage/stores.ts"

const name = "192.0.2.1:9"

/** Connections of one principal, each with what has become of it. */
const withPrincipal = (
  quota: Quota,
  body: (made: {
    readonly connect: (isByEdge?: boolean) => { readonly throttle: Throttle; readonly story: Array<string> }
    /** Looks at the disk that were begun. */
    readonly looks: Array<Effect.Effect<void>>
    /** So much is there from now on. */
    readonly record: (byteCount: number) => void
  }) => Effect.Effect<void>
) =>
  withStore({}, ({ memory, store }) => {
    const permissions = {
      rightsOf: rightsOf({ principals: [], rules: [{ principals: ["*"], record: [{}], quota }] }),
      allowances: new Allowances(store, new Incidents(), () => {})
    }
    const looks: Array<Effect.Effect<void>> = []
    const connect = (isByEdge = false) => {
      const story: Array<string> = []
      const tell = (what: string) => () => void story.push(what)
      const waitsFor = (why: Incident | undefined) => void story.push(`waits for ${why?.code}`)
      const carried = { brought: () => true, isReplayed: false, waitsFor } as unknown as Carried
      const peer = { name, certificate: undefined, ...(isByEdge && { carried }) }
      const party = new Party(permissions, peer)
      const throttle = new Throttle({
        party,
        peer: { ...peer, readAtMost: (byteCount) => void story.push(`at most ${byteCount}`) },
        background: (work) => void looks.push(work),
        onHeld: tell("held"),
        onFree: tell("free"),
        onRefused: ({ code }) => void story.push(`refused ${code}`),
        onDefect: (defect) => void story.push(String(defect))
      })
      party.enter()
      return { throttle, story }
    }
    const record = (byteCount: number) => memory.write(`${output}/h/s/ch_0`, Buffer.alloc(byteCount))
    new Party(permissions, { name, certificate: undefined }).holdSession().records("h/s")
    return body({ connect, looks, record })
  })

const pass = (millis: number) => void vi.advanceTimersByTime(millis)

describe("a connection of who has a quota", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
  afterEach(() => void vi.useRealTimers())

  it.live("is bounded before its first read, begins when nothing is owed, and goes on from then on", () =>
    withPrincipal({ bytesPerSecond: 1_000_000 }, ({ connect }) =>
      Effect.sync(() => {
        const first = connect()
        first.throttle.begin(() => first.story.push("begins"))
        assert.deepStrictEqual(first.story.splice(0), ["at most 20000", "begins"])
        first.throttle.take(50_000)
        const second = connect()
        second.throttle.begin(() => second.story.push("begins"))
        // What comes by an edge waits where the edge does.
        const third = connect(true)
        third.throttle.begin(() => third.story.push("begins"))
        assert.deepStrictEqual(third.story, ["at most 20000", "begins"])
        pass(49)
        assert.deepStrictEqual([first.story, second.story], [[], ["at most 20000"]])
        pass(2)
        assert.deepStrictEqual([first.story, second.story], [["free"], ["at most 20000", "begins"]])
        second.throttle.take(50_000)
        pass(51)
        assert.deepStrictEqual([first.story, second.story], [["free"], ["at most 20000", "begins", "free"]])
      })
    )
  )

  it.live("ends for too much on the disk, or waits for room if it comes by an edge, though its rate is paid", () =>
    withPrincipal({ bytesOnDisk: 1000, bytesPerSecond: 100_000 }, ({ connect, looks, record }) =>
      Effect.gen(function* () {
        const [direct, carried] = [connect(), connect(true)]
        for (const { story, throttle } of [direct, carried]) {
          record(2000)
          assert.deepStrictEqual(story.splice(0), ["at most 4096"])
          for (const byteCount of [2000, 1]) throttle.take(byteCount)
          pass(1000)
          assert.deepStrictEqual([story, throttle.isClosed, looks.length], [[], true, 1])
          for (const look of looks.splice(0)) yield* look
        }
        assert.deepStrictEqual(direct.story, ["refused DISK_QUOTA"])
        assert.deepStrictEqual(carried.story.splice(0), ["waits for DISK_QUOTA"])
        pass(999)
        record(0)
        assert.deepStrictEqual(looks, [])
        pass(1)
        for (const look of looks.splice(0)) yield* look
        assert.deepStrictEqual(carried.story, ["waits for undefined", "free"])
        assert.isFalse(carried.throttle.isClosed)
      })
    )
  )

  for (const isByEdge of [false, true]) {
    it.live(`leaves nothing behind when it is stopped, ${isByEdge ? "by an edge" : "of its own"}`, () =>
      withPrincipal({ bytesOnDisk: 1000, bytesPerSecond: 100_000 }, ({ connect, looks, record }) =>
        Effect.gen(function* () {
          record(2000)
          const owing = connect(isByEdge)
          owing.throttle.take(500)
          assert.strictEqual(vi.getTimerCount(), 1)
          owing.throttle.stop()
          assert.strictEqual(vi.getTimerCount(), 0, "while it owes")
          const looking = connect(isByEdge)
          looking.throttle.take(2000)
          looking.throttle.stop()
          for (const look of looks.splice(0)) yield* look
          assert.strictEqual(vi.getTimerCount(), 0, "while it looks")
          const waiting = connect(isByEdge)
          waiting.throttle.take(2000)
          pass(1000)
          for (const look of looks.splice(0)) yield* look
          assert.strictEqual(vi.getTimerCount(), isByEdge ? 1 : 0)
          waiting.throttle.stop()
          assert.strictEqual(vi.getTimerCount(), 0, "while it waits for room")
          for (const { throttle } of [owing, looking, waiting]) throttle.free()
          assert.notInclude([owing.story, looking.story, waiting.story].flat(), "free")
          assert.notInclude(looking.story.join(), "DISK_QUOTA")
        })
      )
    )
  }
})
