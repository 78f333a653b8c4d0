/**
 * Who writes when: packets, ticks with slow flushes, rotations, streams that come and go, and the end of the session,
 * in generated orders, against a strict model of a relay. The clock is the test's.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import type * as Target from "../../src/target/Target.ts"
import * as TargetSession from "../../src/target/TargetSession.ts"
import { RelayModel } from "./relayModel.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Step = Schema.TaggedUnion({
  Wait: { millis: between(1, 60) },
  Packet: { stream: between(0, 3) },
  Beacon: { stream: between(0, 3) },
  Unindexed: { stream: between(0, 3), really: between(0, 9) },
  Metadata: {},
  Add: { hasFlush: Schema.Boolean },
  CloseStream: { stream: between(0, 3), really: between(0, 4) },
  Interrupt: { task: between(0, 5) },
  Rotate: {},
  RotateClosed: { really: between(0, 4) },
  Clear: {},
  Stored: {},
  Close: { really: between(0, 3) }
})
type Step = typeof Step.Type

const identity = { hostname: "host", sessiondUuid: "1".repeat(32), sessionId: 1n, minorMax: 13 }
const options = { name: "s", liveTimer: "20 millis", creationTime: 1, chunkTime: 1 } as const

/** One session under a sequence of steps, each begun without waiting for those before. */
class Played {
  readonly model = new RelayModel()
  /** By channel: packets in the order in which they were given to the session and accepted. */
  readonly given = new Map<string, Array<number>>()
  readonly unexpected: Array<unknown> = []
  readonly streams: Array<{ readonly channel: string; readonly stream: Target.DataStream }> = []
  readonly tasks: Array<Fiber.Fiber<void>> = []
  readonly delay: () => Effect.Effect<void>
  #packetCount = 0
  #streamCount = 0
  #metadata: Target.MetadataStream | undefined
  #session: TargetSession.Session | undefined
  isOver = false

  constructor(delays: ReadonlyArray<number>) {
    let at = 0
    this.delay = () => {
      const millis = delays[at++ % delays.length] ?? 0
      return millis === 0 ? Effect.void : Effect.sleep(millis)
    }
  }

  get session(): TargetSession.Session {
    return this.#session as TargetSession.Session
  }

  get open() {
    return Effect.gen({ self: this }, function* () {
      const control = this.model.control(this.delay)
      const wanted = { identity, basePath: "", options }
      const opened = TargetSession.start(control, Effect.succeed(this.model.link(this.delay)), wanted)
      this.#session = yield* this.#patiently(opened)
      yield* this.#patiently(this.#add(true))
      this.#metadata = yield* this.#patiently(this.session.metadata("ust"))
    })
  }

  /** Lets time pass until it is done. */
  #patiently<A, E, R>(effect: Effect.Effect<A, E, R>) {
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
      for (let turn = 0; turn < 4000 && fiber.pollUnsafe() === undefined; turn++) yield* TestClock.adjust("50 millis")
      assert.isDefined(fiber.pollUnsafe(), "it never comes to an end")
      return yield* Fiber.join(fiber)
    })
  }

  #packet(): Target.Packet {
    const number = ++this.#packetCount
    return { bytes: Uint8Array.of(number), timestampBegin: BigInt(number), timestampEnd: BigInt(number) }
  }

  #give(channel: string, { bytes }: Target.Packet): void {
    this.given.set(channel, [...(this.given.get(channel) ?? []), bytes[0] as number])
  }

  #add(hasFlush: boolean) {
    const channel = `channel_${this.#streamCount++}`
    const flush = () =>
      Effect.gen({ self: this }, function* () {
        yield* this.delay()
        if (this.#packetCount % 3 === 0) {
          this.#packetCount++
          return undefined
        }
        const packet = this.#packet()
        this.#give(channel, packet)
        yield* this.delay()
        return packet
      })
    return Effect.map(this.session.stream({ path: "ust", channel, ...(hasFlush ? { flush } : {}) }), (stream) => {
      this.streams.push({ channel, stream })
    })
  }

  #begin(task: Effect.Effect<unknown, { readonly _tag: string }>) {
    const watched = task.pipe(
      Effect.asVoid,
      Effect.catch((error) =>
        Effect.sync(() => {
          if (error._tag !== "AlreadyClosed") this.unexpected.push(error)
        })
      )
    )
    return Effect.map(Effect.forkChild(watched, { startImmediately: true }), (fiber) => {
      this.tasks.push(fiber)
    })
  }

  step(step: Step): Effect.Effect<void> {
    const { session, streams } = this
    const chosen = "stream" in step ? streams[step.stream % streams.length] : undefined
    switch (step._tag) {
      case "Wait":
        return TestClock.adjust(step.millis)
      case "Packet": {
        if (chosen === undefined) return Effect.void
        return this.#begin(chosen.stream.packet(this.#packet()))
      }
      case "Beacon":
        return this.#begin(chosen?.stream.beacon(1n) ?? Effect.void)
      case "Unindexed":
        if (step.really > 0) return Effect.void
        return this.#begin(chosen?.stream.unindexed(Uint8Array.of(0)) ?? Effect.void)
      case "Metadata":
        return this.#begin(this.#metadata?.append(Uint8Array.of(1)) ?? Effect.void)
      case "Add":
        return this.#begin(this.#add(step.hasFlush))
      case "CloseStream":
        return step.really > 0 ? Effect.void : this.#begin(chosen?.stream.close ?? Effect.void)
      case "Interrupt": {
        // What is interrupted in the middle of a packet or a move must not divide it.
        const task = this.tasks.at(-1 - step.task)
        return task === undefined ? Effect.void : Effect.asVoid(Effect.forkChild(Fiber.interrupt(task)))
      }
      case "Rotate":
        return this.#begin(session.rotate())
      case "RotateClosed":
        return step.really > 0 ? Effect.void : this.#begin(session.rotateClosed())
      case "Clear":
        return this.#begin(session.clear)
      case "Stored":
        return this.#begin(session.stored)
      case "Close":
        return step.really > 0 ? Effect.void : this.#begin(session.close())
    }
  }

  get end() {
    return Effect.gen({ self: this }, function* () {
      yield* this.#patiently(this.session.close())
      this.model.isGone = true
      yield* this.#patiently(Effect.forEach(this.tasks, (task) => Fiber.await(task), { discard: true }))
      yield* TestClock.adjust("1 second")
    })
  }
}

const play = (steps: ReadonlyArray<Step>, delays: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const played = new Played(delays.length === 0 ? [0] : delays)
    const scope = yield* Scope.make()
    yield* Scope.provide(played.open, scope)
    for (const step of steps) yield* played.step(step)
    yield* played.end
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(played.model.complaints, [])
    assert.deepStrictEqual(played.unexpected, [])
    assert.deepStrictEqual([...played.model.chunks], [])
    assert.deepStrictEqual(
      [...played.model.streams.values()].filter(({ isOpen }) => isOpen),
      []
    )
    for (const [channel, flushed] of played.given) {
      const recorded = played.model.recorded.get(channel) ?? []
      assert.deepStrictEqual(
        recorded.filter((packet) => flushed.includes(packet)),
        flushed,
        channel
      )
    }
  })

const moves: ReadonlyArray<Step> = [
  { _tag: "Rotate" },
  { _tag: "Clear" },
  { _tag: "RotateClosed", really: 0 },
  { _tag: "Close", really: 0 }
]

describe("a session's writes, in any order of what is asked of it", () => {
  it.effect.prop(
    "are such that a relay refuses nothing, and what was flushed is there when it is closed",
    [Schema.Array(Step), Schema.Array(between(0, 45))],
    ([steps, delays]) => play(steps, delays),
    { arbitrary: { runs: 400, size: 40 } }
  )

  for (const move of moves) {
    it.effect(`may be interrupted at every point of ${move._tag}`, () =>
      Effect.gen(function* () {
        const answerMillis = 10
        for (let millis = 1; millis < 30 * answerMillis; millis += answerMillis / 2) {
          const interrupted: ReadonlyArray<Step> = [move, { _tag: "Wait", millis }, { _tag: "Interrupt", task: 0 }]
          yield* play([{ _tag: "Packet", stream: 0 }, ...interrupted, { _tag: "Packet", stream: 0 }], [answerMillis])
        }
      })
    )
  }
})
