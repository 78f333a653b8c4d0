/** What the protocol cannot say is refused by name before it is sent: it is neither cut nor wrapped around. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit } from "effect"
import * as Load from "../../src/target/Load.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"

const packet = SyntheticTrace.generator("01234567-89ab-cdef-0123-456789abcdef", 0, 4096, 0n).next(1000n)

const sessions: ReadonlyArray<readonly [string, Partial<Target.SessionOptions>, RegExp]> = [
  ["a name with NUL", { name: "a\0b" }, /sessionName/],
  ["a name without bytes", { name: "\ud800" }, /sessionName/],
  ["a name that is too long", { name: "n".repeat(255) }, /sessionName/],
  ["a name that is too long for an old relay", { name: "n".repeat(255), minor: 9 }, /sessionName/],
  ["a period before now", { liveTimer: -5 }, /liveTimer/],
  ["a period without end", { liveTimer: Duration.infinity }, /liveTimer/],
  ["a period of no number", { liveTimer: Number.NaN }, /liveTimer/],
  ["a period that is none", { liveTimer: "soon" as never }, /liveTimer/],
  ["a period of months", { liveTimer: "100 days" }, /liveTimer/],
  ["half a second since the epoch", { creationTime: 1.5 }, /creationTime/],
  ["before the epoch", { creationTime: -1 }, /creationTime/],
  ["a chunk of no time", { chunkTime: Number.NaN }, /creationTimestamp/],
  ["a chunk below the first", { chunkId: -1n }, /chunkId/],
  ["a snapshot's name that is too long", { snapshot: "n".repeat(255) }, /overrideName/],
  ["a version between two", { minor: 6.5 }, /minor/],
  ["a version below the first", { minor: -1 }, /minor/],
  ["a format that is none", { traceFormat: 3 as 1 }, /traceFormat/]
]

const inSession: ReadonlyArray<
  readonly [string, (session: Target.Session) => Effect.Effect<unknown, Target.CommandFailed | Target.NotNegotiated>]
> = [
  ["a stream's path that is too long", (session) => session.stream({ path: "p".repeat(300), channel: "c" })],
  ["a channel that is too long", (session) => session.stream({ path: "p", channel: "c".repeat(264) })],
  ["a ring of less than no files", (session) => session.stream({ path: "p", channel: "c", tracefileCount: -1n })],
  ["a class below the first", (session) => session.stream({ path: "p", channel: "c", classId: -1n })],
  ["an instance beyond 64 bits", (session) => session.stream({ path: "p", channel: "c", instanceId: 1n << 64n })],
  ["a chunk closed at no time", (session) => session.rotate({ closedAt: Number.NaN })],
  ["a chunk closed before the epoch", (session) => session.rotate({ closedAt: -1 })],
  ["a session closed at half a second", (session) => session.close({ closedAt: 0.5 })]
]

const packets: ReadonlyArray<readonly [string, Partial<Target.Packet>]> = [
  ["less padding than none", { paddingBytes: -1 }],
  ["half a byte of padding", { paddingBytes: 0.5 }],
  ["less content than none", { contentBits: -1n }],
  ["a time before the clock's first", { timestampBegin: -1n }],
  ["a time beyond 64 bits", { timestampEnd: 1n << 64n }],
  ["fewer events lost than none", { eventsDiscarded: -1n }],
  ["a counter beyond 64 bits", { packetSeqNum: 1n << 64n }]
]

const invalid = <A, E extends { readonly _tag: string; readonly message: string }, R>(asked: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(asked), (error) => {
    assert.strictEqual(error._tag, "RequestInvalid", error.message)
    return error.message
  })

describe("a target that is asked for what cannot be said", () => {
  it.live("says so of sessions", () =>
    Effect.gen(function* () {
      const { relay, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl, hostname: "host" })
      for (const [what, options, named] of sessions) {
        const message = yield* invalid(Effect.scoped(target.session({ name: "s", ...options })))
        assert.match(message, named, what)
      }
      const unnamed = yield* Target.make({ url: targetUrl, hostname: "h".repeat(256) })
      assert.match(yield* invalid(Effect.scoped(unnamed.session({ name: "s" }))), /hostname/)
      const { controlCommands } = yield* relay.activity
      const refused = controlCommands.filter(({ refusedCount }) => refusedCount > 0)
      assert.deepStrictEqual(refused, [])
    })
  )

  it.live("says so of loads", () =>
    Effect.gen(function* () {
      const target = yield* Target.make({ url: "net://localhost:1" })
      const sound = { sessionCount: 0, streamCount: 1, packetBytes: 4096 }
      const loads = {
        sessionCount: [-1, 1.5, Number.NaN],
        streamCount: [-1],
        packetBytes: [-1, 1, Number.NaN, 2 ** 30 + 1],
        rate: [0, -1, Number.NaN],
        packetCount: [-1, Number.NaN]
      }
      for (const [member, values] of Object.entries(loads)) {
        for (const value of values) {
          const failed = yield* Effect.flip(Load.run(target, { ...sound, [member]: value }))
          assert.strictEqual(failed._tag, "LoadInvalid", `${member} ${value}`)
          assert.include(failed.message, member)
        }
      }
      yield* Load.run(target, sound)
    })
  )

  it.live("says so of streams, packets and chunks, and the session goes on", () =>
    Effect.gen(function* () {
      const { output, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl, hostname: "host" })
      const session = yield* target.session({ name: "s", nameContainsCreationTime: true })
      const stream = yield* session.stream({ path: "ust", channel: "c_0" })
      const metadata = yield* session.metadata("ust")
      yield* session.publish
      for (const [, asked] of inSession) yield* invalid(asked(session))
      for (const [, wrong] of packets) yield* invalid(stream.packet({ ...packet, ...wrong }))
      yield* invalid(stream.unindexed(packet.bytes, -1))
      yield* invalid(stream.beacon(-1n))
      yield* invalid(metadata.append(packet.bytes, 2 ** 32))
      yield* stream.packet(packet)
      yield* session.close()
      assert.include(output.tree({ contents: false }), "host/s/ust/c_0 4096")
    })
  )

  it.live("says so of what a flush gave, when the session is asked for something next", () =>
    Effect.gen(function* () {
      const { output, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl, hostname: "host" })
      const options = { name: "s", nameContainsCreationTime: true, liveTimer: "10 millis" } as const
      const session = yield* target.session(options)
      const flush = () => Effect.succeed({ ...packet, timestampEnd: -1n })
      yield* session.stream({ path: "ust", channel: "c_0", flush })
      const other = yield* session.stream({ path: "ust", channel: "c_1" })
      assert.match(yield* invalid(Effect.forever(session.stored)), /timestampEnd/)
      yield* other.packet(packet)
      yield* session.close()
      assert.include(output.tree({ contents: false }), "host/s/ust/c_1 4096")
    })
  )

  it.live("is not held up by what it tells of answers, where that throws", () =>
    Effect.gen(function* () {
      const { targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl })
      const session = yield* target.session({ name: "s" })
      const fault = new Error("of the caller")
      const answered = () => {
        throw fault
      }
      const stream = yield* session.stream({ path: "ust", channel: "c_0", answered })
      yield* stream.packet(packet)
      for (const asked of [session.stored, session.close()]) {
        const exit = yield* Effect.exit(asked)
        assert.strictEqual(Exit.isFailure(exit) && Cause.squash(exit.cause), fault)
      }
    })
  )
})
