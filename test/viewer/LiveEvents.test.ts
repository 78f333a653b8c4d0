/** The event records of a live session as values: what its tracer lost is among them, where it is missing. */
import { assert, it } from "@effect/vitest"
import { type Duration, Effect, Exit, Fiber, Pull, Stream } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as LiveEvents from "../../src/viewer/LiveEvents.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import { path, streaming, uuid } from "../support/synthetic.ts"

/** A live session, and who watches it. */
const watchedEvery = Effect.fnUntraced(function* (liveTimer: Duration.Input) {
  const { targetUrl, viewerUrl } = yield* TestRelay.make()
  const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
  const session = yield* target.session({ name: "s", liveTimer })
  const { stream, generator } = yield* streaming(session, SyntheticTrace.packetBytesMin + 16)
  const { session: viewed, viewer } = yield* LiveViewer.fromUrl(`${viewerUrl}/host/host1/s`)
  const attached = yield* viewer.attachAll(viewed ?? assert.fail(), { seek: "beginning", isPrompt: true })
  return { session, stream, generator, attached }
})

const watched = watchedEvery("50 millis")

it.live("packets that never came are a loss between the events on either side", () =>
  Effect.gen(function* () {
    const { attached, generator, session, stream } = yield* watched
    const packets = [1000n, 2000n, 3000n, 4000n].map((end) => generator.next(end))
    for (const at of [0, 3]) yield* stream.packet(packets[at] as Target.Packet)
    const reading = yield* Effect.forkScoped(Stream.runCollect(LiveEvents.stream(attached)))
    yield* session.close()
    const items = (yield* Fiber.join(reading)).map((item) => {
      if (item._tag === "Event") return Number(item.event.fields.seq)
      return item._tag === "Loss" ? `${item.loss.count} ${item.loss.what} of ${item.path}` : item._tag
    })
    assert.deepStrictEqual(items, [0, 1, `2 packets of ${path}/ch_0`, 6, 7])
  })
)

it.live("all are there for who begins to read when its stream is far ahead", () =>
  Effect.gen(function* () {
    const { attached, generator, session, stream } = yield* watched
    const count = 300
    for (let end = 1; end <= count; end++) yield* stream.packet(generator.next(BigInt(end)))
    const reading = yield* Effect.forkScoped(Stream.runCollect(LiveEvents.stream(attached)))
    yield* session.close()
    const seen = (yield* Fiber.join(reading)).map((item) =>
      item._tag === "Event" ? Number(item.event.fields.seq) : item
    )
    assert.deepStrictEqual(seen, [...Array(2 * count).keys()])
  })
)

const turn = Effect.promise(() => new Promise((then) => setImmediate(then)))

it.live("all are there for who gives up waiting again and again, and goes on", () =>
  Effect.gen(function* () {
    const { attached, generator, session, stream } = yield* watched
    const pull = yield* Stream.toPull(LiveEvents.stream(attached))
    const count = 400
    const producing = Effect.gen(function* () {
      for (let end = 1; end <= count; end++) yield* Effect.andThen(stream.packet(generator.next(BigInt(end))), turn)
      yield* session.close()
    })
    yield* Effect.forkScoped(producing)
    const seen: Array<number> = []
    for (let patience = 0, isOver = false; !isOver; patience = (patience + 1) % 10) {
      const pulling = yield* Effect.forkChild(pull, { startImmediately: true })
      for (let turns = 0; turns < patience; turns++) yield* turn
      yield* Fiber.interrupt(pulling)
      const exit = yield* Fiber.await(pulling)
      if (Exit.isFailure(exit)) isOver = Pull.isDoneCause(exit.cause)
      else for (const item of exit.value) if (item._tag === "Event") seen.push(Number(item.event.fields.seq))
    }
    assert.deepStrictEqual(seen, [...Array(2 * count).keys()])
  })
)

it.live("whoever reads an attachment a second time is told so, and does not wait for ever", () =>
  Effect.gen(function* () {
    const { attached, generator, session, stream } = yield* watched
    yield* stream.packet(generator.next(1000n))
    const events = LiveEvents.stream(attached)
    assert.lengthOf(yield* Stream.runCollect(Stream.take(events, 1)), 1)
    const again = yield* Effect.exit(Stream.runDrain(events))
    assert.isTrue(Exit.hasDies(again))
    yield* session.close()
  })
)

it.live("what had come is given before it is told that the relay was lost", () =>
  Effect.gen(function* () {
    const { attached, generator, session, stream } = yield* watchedEvery("1 minute")
    const other = yield* session.stream({ path, channel: "ch_1" })
    yield* session.publish
    yield* other.packet(SyntheticTrace.generator(uuid, 1, SyntheticTrace.packetBytesMin + 16, 0n).next(10n))
    yield* stream.packet(generator.next(1000n))
    // The records of the longer packet may still be newer than some of the other stream's.
    const lost = new LiveViewer.LinkLost({ address: "relay", reason: "closed by the peer" })
    let packets = 0
    const events = Stream.concat(
      Stream.takeUntil(attached.events, ({ _tag }) => _tag === "Packet" && ++packets === 2),
      Stream.fail(lost)
    )
    const seen: Array<string> = []
    const reading = Stream.runForEach(LiveEvents.stream({ ...attached, events }), (item) =>
      Effect.sync(() => seen.push(item._tag === "Event" ? item.event.path : item._tag))
    )
    assert.strictEqual(yield* Effect.flip(reading), lost)
    assert.lengthOf(seen, 4)
  })
)
